-- The access log as an operator has it: made at the start, opened anew on SIGUSR1.
local tg = require "tidegate"
local gateway = require "tests.support.gateway"
local folder = require "tests.support.folder"
local lfs = require "lfs"
local process = require "tests.support.process"
local wait = require "tests.support.wait"

local ROUTES = [[
local tg = require "tidegate"
return function(app)
  app:get("/hello/{name}", function(request) return "Hello " .. request.params.name end)
  app:get("/fails", function() error "as told" end)
  app:get("/waits", function()
    tg.log.info "it waits"
    tg.sleep(1000)
  end)
  app:get("/calls/{count}", function(request)
    local own = app:url()
    return tg.map(tg.range(1, tonumber(request.params.count)), function(number)
      return tg.http.get(own .. "/hello/" .. number):body()
    end)
  end)
  app:get("/calls-nobody", function() tg.http.get "http://127.0.0.1:1/" end)
  app:get("/late", function() tg.fail_after(0.01, tg.sleep, 60) end)
  app:get("/breaks", function()
    return tg.response { body = function(write)
      write "some"
      error "as told"
    end }
  end)
end
]]

describe("the access log", function()
  local place, path, serving

  before_each(function()
    place = folder.new()
    path = place:file "access.log"
  end)

  after_each(function()
    place:remove()
  end)

  local function start(...)
    serving = gateway.start { routes = { ["routes.lua"] = ROUTES }, options = { ... } }
  end

  local function wait_for_file(name)
    wait.until_true(name .. " is there", function()
      return lfs.attributes(place:file(name), "mode") == "file"
    end)
  end

  it("is made for its owner and its group", function()
    start("--access-log", path)
    assert.equal("rw-r-----", lfs.attributes(path, "permissions"))
    serving:stop()
  end)

  it("goes on in a new file on SIGUSR1", function()
    start("--access-log", path)
    assert(os.rename(path, path .. ".1"))
    serving.process:signal(process.SIGUSR1)
    wait_for_file "access.log"
    serving:wait_for_log "info the access log was opened anew"
    serving:stop()
  end)

  it("that cannot be opened anew is said so, and the gateway serves all the same", function()
    start("--access-log", place:write("sub/access.log", ""))
    assert(os.rename(place:file "sub", place:file "moved"))
    serving.process:signal(process.SIGUSR1)
    serving:wait_for_log "cannot be opened anew, and goes on as it was: no such file or directory"
    assert.equal("Hello you", serving:get("/hello/you"):body())
    serving:stop()
  end)

  it("that is off makes nothing of SIGUSR1", function()
    start()
    serving.process:signal(process.SIGUSR1)
    assert.equal("Hello you", serving:get("/hello/you"):body())
    assert.not_matches("access log", serving:stop(), 1, true)
  end)

  it("that cannot be opened at the start is an error", function()
    local routes = folder.new { ["routes.lua"] = ROUTES }
    local result = gateway.command { "run", "--routes", routes.path, "--listen=127.0.0.1:0", "--access-log=/nowhere/a" }
    routes:remove()
    assert.equal(1, result.status)
    assert.equal("tidegate: cannot open the access log /nowhere/a: no such file or directory\n", result.err)
  end)

  local function lines_of(text)
    local lines = {}
    for line in text:gmatch "([^\n]*)\n" do
      lines[#lines + 1] = line
    end
    return lines
  end

  -- The lines, when the gateway has ended.
  local function lines_at_the_end(name)
    serving:stop()
    return lines_of(place:read(name or "access.log"))
  end

  -- What JSON lines say of the requests for a target.
  local function entries_of(lines, target)
    local found = {}
    for _, line in ipairs(lines) do
      local entry = tg.json.decode(line)
      if entry.target == target then
        found[#found + 1] = entry
      end
    end
    return found
  end

  it("tells of the route, of calls to upstreams, and of what went wrong", function()
    start("--access-log", path)
    serving:get "/calls/2"
    serving:get "/calls/10"
    serving:get "/calls-nobody"
    serving:get "/late"
    assert.is_false((pcall(serving.get, serving, "/breaks")))
    local lines = lines_at_the_end()
    local calls = entries_of(lines, "/calls/2")[1]
    assert.equal("/calls/{count}", calls.route)
    assert.equal(2, #calls.upstreams)
    for _, upstream in ipairs(calls.upstreams) do
      assert.equal("127.0.0.1:" .. serving.port, upstream.host)
      assert.equal(200, upstream.status)
      assert.equal("number", type(upstream.seconds))
    end
    assert.equal(10, entries_of(lines, "/calls/10")[1].upstream_count)
    local nobody = entries_of(lines, "/calls-nobody")[1]
    assert.equal(502, nobody.status)
    assert.equal("connect", nobody.error)
    assert.equal(tg.null, nobody.upstreams[1].status)
    assert.equal("deadline", entries_of(lines, "/late")[1].error)
    local broken = entries_of(lines, "/breaks")[1]
    assert.same({ 200, 4, "broken off", "error" }, { broken.status, broken.bytes_out, broken.cancelled, broken.error })
  end)

  it("has a line for each exchange, with its id", function()
    start("--access-log", path)
    local body = serving:get("/fails?x=1"):json()
    serving:get("/hello/you", { headers = { ["User-Agent"] = "me", Referer = "http://a.example/" } })
    local lines = lines_at_the_end()
    local failed, greeted = entries_of(lines, "/fails?x=1"), entries_of(lines, "/hello/you")
    assert.equal(1, #failed)
    assert.equal(500, failed[1].status)
    assert.equal(body.request_id, failed[1].id)
    assert.equal(1, #greeted)
    assert.equal("GET", greeted[1].method)
    assert.equal("1.1", greeted[1].version)
    assert.equal(200, greeted[1].status)
    assert.equal(#"Hello you", greeted[1].bytes_out)
    assert.equal("me", greeted[1].user_agent)
    assert.equal("http://a.example/", greeted[1].referer)
    assert.matches("^127%.0%.0%.1:%d+$", greeted[1].remote)
    assert.matches("^%d%d%d%d%-%d%d%-%d%dT%d%d:%d%d:%d%d%.%d%d%dZ$", greeted[1].time)
  end)

  it("has the client that left, and the request that was refused", function()
    start("--access-log", path)
    local connection = serving:connect()
    connection:send "GET /waits HTTP/1.1\r\nHost: test\r\n\r\n"
    serving:wait_for_log "it waits"
    connection:close()
    serving:ask "GET /bad HTTP/1.1\r\n\r\n"
    local lines = lines_at_the_end()
    local gone, refused = entries_of(lines, "/waits")[1], entries_of(lines, "/bad")[1]
    assert.equal(tg.json.null, gone.status)
    assert.equal("client gone", gone.cancelled)
    assert.equal(400, refused.status)
  end)

  it("can be read by what reads the logs of other servers", function()
    start("--access-log", path, "--access-log-format=combined")
    serving:get("/hello/you", { headers = { ["User-Agent"] = "me" } })
    local line = lines_at_the_end()[1]
    assert.matches('^127%.0%.0%.1 %- %- %[%d%d/%a%a%a/%d%d%d%d:%d%d:%d%d:%d%d %+0000%] '
      .. '"GET /hello/you HTTP/1%.1" 200 9 "%-" "me" %d+%.%d%d%d%d%d%d$', line)
  end)

  it("goes to standard output", function()
    start("--access-log=-")
    serving:get "/hello/you"
    wait.until_true("the line is there", function()
      return #entries_of(lines_of(serving.process:stdout()), "/hello/you") == 1
    end)
    serving:stop()
  end)

  -- THREATS class 22
  it("cannot be forged, and has no secrets (class 22)", function()
    start("--access-log", path)
    serving:ask(table.concat({
      "GET /hello/you HTTP/1.1", "Host: test", "Connection: close", "Authorization: Basic c2VjcmV0",
      "Cookie: session=secret", 'User-Agent: x"}\t\xff{"status":200', "", "",
    }, "\r\n"))
    local lines = lines_at_the_end()
    local entry = entries_of(lines, "/hello/you")[1]
    assert.equal(tg.json.decode [["x\"}\t\u00ff{\"status\":200"]], entry.user_agent)
    local text = table.concat(lines)
    assert.not_matches("c2VjcmV0", text, 1, true)
    assert.not_matches("secret", text, 1, true)
  end)

  -- THREATS class 23
  it("on a full disk costs lines only, and says how many (class 23)", function()
    start "--access-log=/dev/full"
    for _ = 1, 5 do
      assert.equal("Hello you", serving:get("/hello/you"):body())
    end
    serving:wait_for_log "the access log cannot be written: no space left on device"
    assert.matches("the access log ends; %d+ lines were dropped", serving:stop())
  end)

  it("loses no line while it is rotated", function()
    start("--access-log", path)
    for index = 1, 10 do
      serving:get("/hello/" .. index)
      assert(os.rename(path, path .. "." .. index))
      serving.process:signal(process.SIGUSR1)
      wait_for_file "access.log"
    end
    local all = lines_at_the_end()
    for index = 1, 10 do
      for _, line in ipairs(lines_of(place:read("access.log." .. index))) do
        all[#all + 1] = line
      end
    end
    for index = 1, 10 do
      assert.equal(1, #entries_of(all, "/hello/" .. index))
    end
  end)
end)
