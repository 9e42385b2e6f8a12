-- What the access log says was sent: bytes that have left for the system, when the last of them did, and whether the
-- client left before; whoever made the answer. And who the client is, behind trusted proxies.
local tg = require "tidegate"
local folder = require "tests.support.folder"
local gateway = require "tests.support.gateway"
local request = require "tests.support.request"
local socket = require "tests.support.socket"
local wait = require "tests.support.wait"

local BYTES = 8 * 1024 * 1024 -- more than the system takes for a client that does not read

local ROUTES = ([[
local tg = require "tidegate"
local BYTES = %d
local TEXT = ("0123456789abcdef"):rep(BYTES / 16)

local function pieces(size, length)
  return function()
    return tg.response { headers = { ["Content-Length"] = length }, body = function(write)
      for at = 1, BYTES, size do
        write(TEXT:sub(at, at + size - 1))
      end
    end }
  end
end

return function(app)
  app:get("/string", function() return TEXT end)
  app:get("/chunks", pieces(5000))
  app:get("/long-chunks", pieces(1000000))
  app:get("/small-chunks", pieces(100))
  app:get("/length", pieces(5000, tostring(BYTES)))
  app:static("/files", "files")
  app:get("/hello", function() return "hello" end)
  app:get("/nothing", function() end)
  app:get("/held", function()
    local ended = os.clock() + 0.2
    while os.clock() < ended do end
    return "held"
  end)
  app:get("/aborts", function() tg.abort(404) end)
  app:get("/waits", function() tg.sleep(1000) end)
  app:get("/late", function() return TEXT end, { request_timeout_ms = 300 })
end
]]):format(BYTES)

local PATHS = { "/string", "/chunks", "/long-chunks", "/small-chunks", "/length", "/files/file.bin" }

describe("the access log", function()
  local place, path, serving

  local function start(...)
    place = folder.new { ["routes.lua"] = ROUTES, ["files/file.bin"] = ("x"):rep(BYTES) }
    path = place:file "access.log"
    serving = gateway.start { routes = place.path, options = { "--access-log", path, ... } }
  end

  after_each(function()
    place:remove()
  end)

  local function entries(target)
    local found = {}
    for line in place:read("access.log"):gmatch "([^\n]*)\n" do
      local entry = tg.json.decode(line)
      if not target or entry.target == target then
        found[#found + 1] = entry
      end
    end
    return found
  end

  local function wait_for_entry(target)
    return wait.until_true("the line of " .. target .. " is there", function()
      return entries(target)[1]
    end)
  end

  -- The body that has come, of an answer that need not be whole.
  local function body_bytes(text)
    local head, body = text:match "^(.-\r\n\r\n)(.*)$"
    if not head:find "chunked" then
      return #body
    end
    local count, at = 0, 1
    while true do
      local size, first = body:match("^(%x+)\r\n()", at)
      size = size and tonumber(size, 16)
      if not size or size == 0 then
        return count
      end
      count = count + math.min(size, math.max(0, #body - first + 1))
      at = first + size + 2
    end
  end

  it("tells of an answer when its last byte is out, and not when it was made", function()
    start()
    for _, target in ipairs(PATHS) do
      local connection = socket.connect(serving.port, 16 * 1024)
      connection:write(request.get(target, "Connection: close"))
      connection:read_exactly(1)
      tg.sleep(0.7)
      assert.same({}, entries(target))
      local text = connection:read_rest()
      connection:close()
      local entry = wait_for_entry(target)
      assert.equal(BYTES, entry.bytes_out)
      assert.equal(BYTES, body_bytes("x" .. text))
      assert.is_nil(entry.cancelled)
      assert.is_true(entry.seconds > 0.6, target .. " took " .. entry.seconds)
      assert.is_true(entry.head_seconds < 0.6, target)
    end
    serving:stop()
  end)

  it("tells what had left when the client did", function()
    start()
    for _, target in ipairs(PATHS) do
      local connection = socket.connect(serving.port, 16 * 1024)
      connection:write(request.get(target))
      local text = connection:read_exactly(1000000)
      connection:reset()
      local entry, got = wait_for_entry(target), body_bytes(text)
      assert.equal(200, entry.status)
      assert.matches("client", entry.cancelled)
      assert.is_true(entry.bytes_out >= got and entry.bytes_out < BYTES,
        ("%s: %d bytes were read, %d are said to be sent"):format(target, got, entry.bytes_out))
    end
    serving:stop()
  end)

  it("tells of a client that is too slow, and of a time that has passed", function()
    start("--send-timeout-ms=300", "--send-bytes-per-second-min=0")
    for target, why in pairs { ["/string"] = "client too slow", ["/late"] = "the deadline passed" } do
      local connection = socket.connect(serving.port, 16 * 1024)
      connection:write(request.get(target))
      local entry = wait_for_entry(target)
      assert.equal(why, entry.cancelled)
      assert.is_true(entry.bytes_out > 0 and entry.bytes_out < BYTES)
      connection:close()
    end
    serving:stop()
  end)

  it("has head_seconds in each line, null where there was no answer", function()
    start()
    local connection = serving:connect()
    for _, target in ipairs { "/hello", "/nothing", "/held", "/aborts", "/missing" } do
      connection:ask(request.get(target))
    end
    connection:ask("HEAD /hello HTTP/1.1\r\nHost: h\r\n\r\n", true)
    connection:ask "GET /bad HTTP/1.1\r\n\r\n"
    connection:close()
    local gone = socket.connect(serving.port)
    gone:write(request.get "/waits")
    wait.until_true("it waits", function()
      return serving:get("/hello").status == 200
    end)
    gone:close()
    wait_for_entry "/waits"
    local seen = 0
    for _, entry in ipairs(entries()) do
      seen = seen + 1
      if entry.target == "/waits" then
        assert.same({ tg.null, tg.null, "client gone" }, { entry.status, entry.head_seconds, entry.cancelled })
      else
        assert.equal("number", type(entry.head_seconds), entry.target)
        assert.is_true(entry.head_seconds <= entry.seconds)
      end
      if entry.target == "/held" then
        assert.is_true(entry.head_seconds >= 0.19)
      end
    end
    assert.is_true(seen >= 9)
    serving.process:signal(15)
    serving:wait_for_end()
  end)

  it("has one line for each of pipelined requests, in their order", function()
    start()
    local connection = socket.connect(serving.port, 16 * 1024)
    connection:write(request.get "/hello" .. request.get "/string" .. request.get "/chunks"
      .. request.get("/nothing", "Connection: close"))
    tg.sleep(0.2)
    connection:read_rest()
    connection:close()
    wait_for_entry "/nothing"
    local told = {}
    for _, entry in ipairs(entries()) do
      told[#told + 1] = entry.target .. " " .. entry.bytes_out
    end
    assert.same({ "/hello 5", "/string " .. BYTES, "/chunks " .. BYTES, "/nothing 0" }, told)
    serving.process:signal(15)
    serving:wait_for_end()
  end)

  it("names the client behind trusted proxies, and the peer beside it", function()
    start("--trusted-proxies=127.0.0.0/8", "--trusted-proxies=10.0.0.0/8")
    local cases = {
      { "X-Forwarded-For: 6.6.6.6, 192.0.2.7, 10.0.0.3", "192.0.2.7" },
      { 'Forwarded: for="[2001:db8::1]:4711";proto=https, for=10.0.0.3', "[2001:db8::1]:4711" },
      { "Forwarded: for=_hidden", "_hidden" },
      { "X-Forwarded-For: garbage\"}", nil },
      { "X-Nothing: at all", nil },
    }
    for index, case in ipairs(cases) do
      serving:ask(request.get("/hello?" .. index, case[1]))
      local entry = wait_for_entry("/hello?" .. index)
      if case[2] then
        assert.equal(case[2], entry.remote)
        assert.matches("^127.0.0.1:%d+$", entry.peer)
      else
        assert.matches("^127.0.0.1:%d+$", entry.remote)
        assert.is_nil(entry.peer)
      end
    end
    serving.process:signal(15)
    serving:wait_for_end()
  end)

  it("believes nobody else, and has the client in the combined format, too", function()
    for trusted, client in pairs { ["127.0.0.1"] = "192.0.2.7", ["10.0.0.1"] = "127.0.0.1" } do
      start("--trusted-proxies=" .. trusted, "--access-log-format=combined")
      serving:ask(request.get("/hello", "X-Forwarded-For: 192.0.2.7"))
      serving.process:signal(15)
      serving:wait_for_end()
      assert.equal(1, (place:read("access.log"):find(client .. " - - [", 1, true)))
    end
  end)
end)
