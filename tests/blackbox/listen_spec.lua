-- Where the gateway listens, and how it ends.
local tg = require "tidegate"
local lfs = require "lfs"
local folder = require "tests.support.folder"
local gateway = require "tests.support.gateway"
local process = require "tests.support.process"
local socket = require "tests.support.socket"
local wait = require "tests.support.wait"

local ROUTES = [[
local tg = require "tidegate"

return function(app)
  app:get("/hello", function()
    return "hello"
  end)
  app:get("/url", function()
    return app:url()
  end)
  app:get("/call", function(request)
    return tg.http.get(request.query.url):body()
  end)
  app:get("/swallow", function(request)
    pcall(tg.http.get, request.query.url)
    pcall(tg.sleep, 1000)
    return "swallowed"
  end)
  app:get("/large", function()
    return ("x"):rep(4000000)
  end)
end
]]

local HELLO = "GET /hello HTTP/1.1\r\nHost: test\r\n\r\n"
local FINE = "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nfine"

local function start(fields)
  fields = fields or {}
  fields.routes = { ["routes.lua"] = ROUTES }
  return gateway.start(fields)
end

describe("listening", function()
  it("at several addresses answers at each", function()
    local serving = start { listen = { "127.0.0.1:0", "127.0.0.1:0", "localhost:0" } }
    local ports = {}
    for port in serving:log():match("listens on ([^\n]*)"):gmatch "http://127.0.0.1:(%d+)" do
      ports[#ports + 1] = port
      assert.equal("hello", tg.http.get("http://127.0.0.1:" .. port .. "/hello"):body())
    end
    assert.equal(3, #ports)
    assert.not_equal(ports[1], ports[2])
    assert.equal("http://127.0.0.1:" .. ports[1], serving:get("/url"):body())
    serving:stop()
  end)

  it("at a list of addresses in one setting does too", function()
    local serving = start { listen = { "127.0.0.1:0,127.0.0.1:0" } }
    local _, count = serving:log():match("listens on ([^\n]*)"):gsub("http://", "")
    assert.equal(2, count)
    serving:stop()
  end)

  it("at a Unix socket answers there, and the socket goes with the gateway", function()
    local place = folder.new()
    local path = place:file "gateway.sock"
    local serving = start { listen = { "unix:" .. path, "127.0.0.1:0" } }
    for _ = 1, 2 do
      local connection = socket.connect_unix(path)
      connection:write(HELLO .. "GET /hello HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n")
      local _, count = connection:read_rest():gsub("\r\n\r\nhello", "")
      assert.equal(2, count)
      connection:close()
    end
    serving:stop()
    assert.is_nil(io.open(path))
    place:remove()
  end)

  it("at a Unix socket lets in whom listen_mode says", function()
    local place = folder.new()
    local path = place:file "gateway.sock"
    for mode, shown in pairs { ["0660"] = "rw-rw----", ["600"] = "rw-------", ["0666"] = "rw-rw-rw-" } do
      local serving = start { listen = { "unix:" .. path }, options = { "--listen-mode=" .. mode } }
      assert.equal(shown, lfs.attributes(path, "permissions"))
      serving:stop()
      serving = start { listen = { "127.0.0.1:0", "unix:" .. path }, options = { "--listen-mode=" .. mode } }
      assert.equal("hello", serving:ask(HELLO).body) -- a mode is for sockets that have one
      local connection = socket.connect_unix(path)
      connection:write(HELLO)
      assert.matches("^HTTP/1.1 200 OK\r\n", connection:read_head())
      connection:close()
      serving:stop()
    end
    place:remove()
  end)

  it("at a Unix socket that is stale gets it alone, though many come at once", function()
    local place = folder.new { ["routes/routes.lua"] = ROUTES }
    local path = place:file "gateway.sock"
    local first = start { listen = { "unix:" .. path } }
    first.process:signal(process.SIGKILL)
    first:dispose()
    local children = {}
    for index = 1, 6 do
      children[index] = process.start { command = { gateway.binary, "run", "--routes=" .. place:file "routes",
        "--listen=unix:" .. path, "--admin-socket=none" } }
    end
    local winner
    wait.until_true("one listens and the others have given up", function()
      local ended = 0
      for _, child in ipairs(children) do
        if child:has_ended() then
          ended = ended + 1
        elseif child:stderr():find("listens on", 1, true) then
          winner = child
        end
      end
      return winner and ended == 5
    end)
    for _, child in ipairs(children) do
      if child ~= winner then
        assert.equal(1, child.status)
        assert.matches("^tidegate: cannot listen on unix:[^\n]*: another process listens there\n$", child:stderr())
      end
    end
    local connection = socket.connect_unix(path)
    connection:write(HELLO)
    assert.matches("^HTTP/1.1 200 OK\r\n", connection:read_head())
    connection:close()
    winner:signal(process.SIGTERM)
    assert.equal(0, winner:wait())
    assert.is_nil(lfs.attributes(path))
    for _, child in ipairs(children) do
      child:dispose()
    end
    place:remove()
  end)

  it("at a Unix socket removes no file that has taken its place", function()
    local place = folder.new()
    local path = place:file "gateway.sock"
    local first = start { listen = { "unix:" .. path } }
    os.remove(path)
    local second = start { listen = { "unix:" .. path } }
    first:stop()
    local connection = socket.connect_unix(path)
    connection:write(HELLO)
    assert.matches("^HTTP/1.1 200 OK\r\n", connection:read_head())
    connection:close()
    second:stop()
    assert.is_nil(lfs.attributes(path))
    place:remove()
  end)

  it("at a Unix socket that a dead gateway has left behind takes it over", function()
    local place = folder.new()
    local path = place:file "gateway.sock"
    local first = start { listen = { "unix:" .. path } }
    first.process:signal(process.SIGKILL)
    first:dispose()
    local serving = start { listen = { "unix:" .. path, "127.0.0.1:0" } }
    local connection = socket.connect_unix(path)
    connection:write(HELLO)
    assert.matches("^HTTP/1.1 200 OK\r\n", connection:read_head())
    connection:close()
    serving:stop()
    place:remove()
  end)
end)

describe("a signal", function()
  local upstream = socket.of_each_test()

  -- A gateway with a request under way: it, the client's connection, and the upstream's end of the call.
  local function with_request_under_way(path, fields)
    local serving = start(fields)
    local connection = serving:connect()
    connection:send(("GET %s?url=%s/x HTTP/1.1\r\nHost: test\r\n\r\n"):format(path, upstream.url))
    local call = upstream:accept()
    call:read_head()
    return serving, connection, call
  end

  for _, name in ipairs { "SIGTERM", "SIGINT" } do
    it(name .. " lets a request under way end, and takes no new connections", function()
      local serving, connection, call = with_request_under_way "/call"
      local idle = serving:connect()
      assert.equal("hello", idle:ask(HELLO).body)
      serving.process:signal(process[name])
      serving:wait_for_log "stopping; 2 connections open"
      assert.equal("", idle:read_rest())
      idle:close()
      assert.is_false((pcall(serving.connect, serving)))
      assert.is_false(serving.process:has_ended())
      call:write(FINE)
      local answer = connection:read()
      assert.equal("fine", answer.body)
      assert.equal("close", answer.headers.connection)
      assert.equal("", connection:read_rest())
      connection:close()
      call:close()
      assert.matches("stopped\n$", serving:wait_for_end())
    end)
  end

  it("ends a gateway that does nothing at once", function()
    local serving = start()
    serving.process:signal(process.SIGTERM)
    assert.matches("stopping; 0 connections open.*stopped\n$", serving:wait_for_end())
  end)

  it("lets requests that were pipelined behind the one under way be answered or closed on, never half", function()
    local serving, connection, call = with_request_under_way "/call"
    connection:send(HELLO)
    serving.process:signal(process.SIGTERM)
    serving:wait_for_log "stopping"
    call:write(FINE)
    assert.equal("fine", connection:read().body)
    local rest = connection:read_rest()
    assert.is_true(rest == "" or rest:sub(-5) == "hello")
    connection:close()
    call:close()
    serving:wait_for_end()
  end)

  it("lets a large answer be read to its end", function()
    local serving = start()
    local connection = serving:connect()
    connection:send "GET /large HTTP/1.1\r\nHost: test\r\n\r\n"
    assert.matches("Content%-Length: 4000000\r\n", connection.stream:read_until "\r\n\r\n")
    serving.process:signal(process.SIGTERM)
    serving:wait_for_log "stopping"
    assert.equal(4000000, #connection:read_rest())
    connection:close()
    serving:wait_for_end()
  end)

  for _, path in ipairs { "/call", "/swallow" } do
    it("that comes a second time cancels what is under way and ends, with " .. path, function()
      local serving, connection, call = with_request_under_way(path, {
        environment = { TIDEGATE_DRAIN_TIMEOUT_MS = "600000" }, -- not what ends it
      })
      serving.process:signal(process.SIGTERM)
      serving:wait_for_log "stopping"
      serving.process:signal(process.SIGTERM)
      assert.equal("", call:read_rest())
      local rest = connection:read_rest()
      if path == "/call" then
        assert.matches("^HTTP/1.1 503 Service Unavailable\r\n", rest)
        assert.matches('"detail":"the gateway is shutting down"', rest, 1, true)
      end
      assert.matches("cancelling what is still under way", serving:wait_for_end(), 1, true)
      connection:close()
      call:close()
    end)
  end

  it("does not wait longer than drain_timeout_ms", function()
    local serving, connection, call = with_request_under_way("/call", {
      environment = { TIDEGATE_DRAIN_TIMEOUT_MS = "50" },
    })
    serving.process:signal(process.SIGTERM)
    assert.matches("^HTTP/1.1 503 ", connection:read_rest())
    assert.equal("", call:read_rest())
    assert.matches("cancelling what is still under way", serving:wait_for_end(), 1, true)
    connection:close()
    call:close()
  end)
end)
