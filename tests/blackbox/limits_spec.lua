-- Limits of size and of time: each has a clear answer, or closes.
local tg = require "tidegate"
local gateway = require "tests.support.gateway"
local request = require "tests.support.request"
local wait = require "tests.support.wait"

local ROUTES = [[
local tg = require "tidegate"

return function(app)
  app:get("/{rest...}", function(request)
    return tostring(#request.target)
  end)
  app:get("/slow", function()
    tg.sleep(0.3)
    return "slow"
  end)
  app:get("/very-slow", function()
    tg.sleep(1.3)
    return "very slow"
  end)
  app:get("/large", function()
    return ("x"):rep(64 * 1024 * 1024)
  end)
  app:post("/echo", function(request)
    return tostring(#request:body())
  end)
  app:post("/catch", function(request)
    local ok, err = pcall(request.body, request)
    return tostring(ok) .. " " .. tostring(err)
  end)
end
]]

local get = request.get

local function post(path, framing, body)
  return request.head("POST", path, framing) .. (body or "")
end

local function fields(count, bytes)
  local lines = {}
  for number = 1, count do
    lines[number] = ("X-%d: %s"):format(number, ("x"):rep(bytes))
  end
  return unpack(lines)
end

describe("class 11: a limit of size", function()
  local serving = gateway.of_block { routes = { ["routes.lua"] = ROUTES } }

  -- Sends bytes, and checks the refusal and that the connection is closed behind it.
  local function refused(status, bytes)
    local connection = serving:connect()
    local answer = connection:ask(bytes)
    assert.equal(status, answer.status)
    assert.equal("application/problem+json", answer.headers["content-type"])
    assert.equal("close", answer.headers.connection)
    assert.equal(status, tg.json.decode(answer.body).status)
    assert.equal("", connection:read_rest())
    connection:close()
  end

  local function accepted(bytes)
    local answer = serving:ask(bytes)
    assert.equal(200, answer.status)
    return answer.body
  end

  it("of the target is answered with 414", function()
    assert.equal("16001", accepted(get("/" .. ("x"):rep(16000))))
    refused(414, get("/" .. ("x"):rep(16384)))
    refused(414, get("/?" .. ("x"):rep(16384)))
    refused(414, "GET /" .. ("x"):rep(100000)) -- it need not end
  end)

  it("of the header section is answered with 431", function()
    accepted(get("/", fields(15, 1000)))
    refused(431, get("/", fields(17, 1000)))
    refused(431, get("/", fields(1, 20000)))
    refused(431, "GET / HTTP/1.1\r\nHost: test\r\nX: " .. ("x"):rep(100000))
    refused(431, "GET / HTTP/1.1\r\nHost: test\r\n" .. ("x"):rep(100000))
  end)

  it("of the number of fields is answered with 431", function()
    accepted(get("/", fields(99, 1)))
    refused(431, get("/", fields(100, 1)))
  end)

  it("of the body is answered with 413, from its length alone", function()
    assert.equal("1048576", accepted(post("/echo", "Content-Length: 1048576", ("x"):rep(1048576))))
    refused(413, post("/echo", "Content-Length: 1048577"))
    refused(413, post("/echo", "Content-Length: 1048577\r\nExpect: 100-continue"))
    refused(413, post("/echo", "Content-Length: 18446744073709551615"))
    refused(413, post("/echo", "Content-Length: 9223372036854775808"))
  end)

  it("of the body is answered with 413 when its chunks grow too large", function()
    local chunk = "10000\r\n" .. ("x"):rep(65536) .. "\r\n"
    assert.equal("1048576", accepted(post("/echo", "Transfer-Encoding: chunked", chunk:rep(16) .. "0\r\n\r\n")))
    refused(413, post("/echo", "Transfer-Encoding: chunked", chunk:rep(16) .. "1\r\nx\r\n0\r\n\r\n"))
    refused(413, post("/echo", "Transfer-Encoding: chunked", chunk:rep(40)))
  end)

  it("of the body reaches a handler that waits for it as an error with its status", function()
    local chunk = "10000\r\n" .. ("x"):rep(65536) .. "\r\n"
    local answer = serving:ask(post("/catch", "Transfer-Encoding: chunked", chunk:rep(17)))
    assert.matches("^false 413 ", answer.body)
  end)

  it("of chunk extensions and trailers is answered", function()
    local extension = "1;" .. ("x"):rep(20000) .. "\r\nx\r\n0\r\n\r\n"
    refused(413, post("/echo", "Transfer-Encoding: chunked", extension))
    refused(431, post("/echo", "Transfer-Encoding: chunked", "0\r\nX: " .. ("x"):rep(20000) .. "\r\n\r\n"))
    refused(431, post("/echo", "Transfer-Encoding: chunked", "0\r\n" .. ("X: y\r\n"):rep(5000) .. "\r\n"))
  end)
end)

describe("class 11: limits of size that are set", function()
  it("hold", function()
    local serving = gateway.start {
      routes = { ["routes.lua"] = ROUTES },
      environment = { TIDEGATE_BODY_BYTES_MAX = "10" },
      options = { "--head-bytes-max=200", "--field-count-max", "3" },
    }
    assert.equal("10", serving:ask(post("/echo", "Content-Length: 10", "0123456789")).body)
    assert.equal(413, serving:ask(post("/echo", "Content-Length: 11", "0123456789x")).status)
    assert.equal(431, serving:ask(get("/", fields(3, 1))).status)
    assert.equal(200, serving:ask(get("/", fields(2, 1))).status)
    assert.equal(431, serving:ask(get("/", fields(1, 200))).status)
    assert.equal(414, serving:ask(get("/" .. ("x"):rep(200))).status)
    serving.process:signal(15)
    serving:wait_for_end()
  end)
end)

-- Only the limit under test is short in each gateway, so that no other one can strike first on a slow machine.
local function gateway_with(variable, milliseconds)
  return gateway.of_block {
    routes = { ["routes.lua"] = ROUTES },
    environment = { [variable] = tostring(milliseconds) },
  }
end

local function timed_out(connection)
  local answer = connection:read()
  assert.equal(408, answer.status)
  assert.equal("close", answer.headers.connection)
  assert.equal("", connection:read_rest())
  connection:close()
end

-- Sends a piece again and again until it is answered with 408.
local function trickle(connection, first, piece)
  local answered
  tg.gather {
    function()
      connection:send(first)
      while not answered do
        connection:send(piece)
        tg.sleep(0.02)
      end
    end,
    function()
      assert.equal(408, connection:read().status)
      answered = true
    end,
  }
  connection:close()
end

describe("class 10: the limit of time for the header section", function()
  local serving = gateway_with("TIDEGATE_HEAD_TIMEOUT_MS", 100)

  it("is answered with 408", function()
    tg.map({ "G", "GET / HTTP/1.1\r\n", "GET / HTTP/1.1\r\nHost: test\r\n" }, function(bytes)
      local connection = serving:connect()
      connection:send(bytes)
      timed_out(connection)
    end)
  end)

  it("holds over the whole of it, however it trickles in", function()
    trickle(serving:connect(), "GET / HTTP/1.1\r\nHost: test\r\n", "X: y\r\n")
  end)

  it("holds for the second request on a connection", function()
    local connection = serving:connect()
    assert.equal(200, connection:ask(get "/").status)
    connection:send "GET /"
    timed_out(connection)
  end)

  it("does not hold for the body nor for the handler", function()
    local connection = serving:connect()
    connection:send(post("/echo", "Content-Length: 10", "12345"))
    tg.sleep(0.15)
    assert.equal("10", connection:ask("67890").body)
    assert.equal("slow", connection:ask(get "/slow").body)
    connection:close()
  end)
end)

describe("class 10: the limit of time for the body", function()
  local serving = gateway_with("TIDEGATE_BODY_TIMEOUT_MS", 100)

  it("is answered with 408 by the handler that waits for it", function()
    tg.map({
      post("/echo", "Content-Length: 10", "12345"), post("/echo", "Transfer-Encoding: chunked", "5\r\n123"),
    }, function(bytes)
      local connection = serving:connect()
      connection:send(bytes)
      timed_out(connection)
    end)
    assert.matches("^false 408 ", serving:ask(post("/catch", "Content-Length: 10", "12345")).body)
  end)

  it("holds over the whole of it, however it trickles in", function()
    trickle(serving:connect(), post("/echo", "Content-Length: 100000"), "x")
  end)

  it("does not hold for the handler", function()
    local connection = serving:connect()
    assert.equal("slow", connection:ask(get "/slow").body)
    assert.equal("10", connection:ask(post("/echo", "Content-Length: 10", "0123456789")).body)
    connection:close()
  end)
end)

describe("class 10: the limit of time for an idle connection", function()
  local serving = gateway_with("TIDEGATE_IDLE_TIMEOUT_MS", 1000)

  it("closes it without a word, before the first request and behind any other", function()
    tg.map({ 0, 1, 3 }, function(requests)
      local connection = serving:connect()
      for _ = 1, requests do
        assert.equal(200, connection:ask(get "/").status)
      end
      assert.equal("", connection:read_rest())
      connection:close()
    end)
  end)

  it("does not hold for the handler", function()
    local connection = serving:connect()
    assert.equal("very slow", connection:ask(get "/very-slow").body)
    connection:close()
  end)
end)

describe("class 10: the limit of time for a client that reads", function()
  local serving = gateway_with("TIDEGATE_SEND_TIMEOUT_MS", 1000)

  it("closes on a client that reads nothing of its answer", function()
    local connection = serving:connect()
    connection:send(get "/large")
    wait.until_true("only the asking connection is left", function()
      return serving:statistics().clients == 1
    end)
    connection:close()
  end)
end)

describe("class 23: the limit of connections", function()
  it("turns away with 503, and serves those that are there", function()
    local serving = gateway.start { routes = { ["limits.lua"] = ROUTES }, options = { "--connections-max=3" } }
    local connections = {}
    for number = 1, 3 do
      connections[number] = serving:connect()
      assert.equal(200, connections[number]:ask(get "/hello").status)
    end
    local fourth = serving:connect()
    local refused = fourth:read()
    fourth:close()
    assert.equal(503, refused.status)
    assert.equal("1", refused.headers["retry-after"])
    for number = 1, 3 do
      assert.equal(200, connections[number]:ask(get "/hello").status)
      connections[number]:close()
    end
    wait.until_true("there is room again", function()
      return serving:ask(get "/hello").status == 200
    end)
    local log = serving:stop()
    assert.matches("new connections are turned away with 503: connections_max are open", log, 1, true)
  end)

  it("is that of the process's descriptors, too, of which some are kept for other things", function()
    local serving = gateway.start { routes = { ["limits.lua"] = ROUTES }, descriptors = 64 }
    local connections, refused = {}, 0
    for number = 1, 100 do
      connections[number] = serving:connect()
    end
    for number = 1, 100 do
      local ok, answer = pcall(connections[number].ask, connections[number], get "/hello")
      refused = refused + ((not ok or answer.status == 503) and 1 or 0)
    end
    assert.is_true(refused >= 50 and refused < 100)
    for number = 1, 100 do
      connections[number]:close()
    end
    wait.until_true("there is room again", function()
      local ok, answer = pcall(serving.ask, serving, get "/hello")
      return ok and answer.status == 200
    end)
    assert.matches("turned away with 503: hardly any file descriptors are left", serving:stop(), 1, true)
  end)
end)
