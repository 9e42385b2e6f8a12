-- HTTP/1.1 as clients speak it, over sockets.
local tg = require "tidegate"
local gateway = require "tests.support.gateway"
local request = require "tests.support.request"

local ROUTES = [[
local tg = require "tidegate"

return function(app)
  app:get("/hello", function(request)
    return "hello " .. (request.query.name or "")
  end)
  app:get("/slow/{milliseconds}", function(request)
    tg.sleep(request.params.milliseconds / 1000)
    return request.params.milliseconds
  end)
  app:get("/large", function(request)
    return ("x"):rep(tonumber(request.query.bytes))
  end)
  app:post("/echo", function(request)
    return 200, request:body(), { ["X-Length"] = #request:body() }
  end)
  app:post("/unread", function()
    return "did not look"
  end)
  app:post("/echo-later", function(request)
    tg.sleep(0.02)
    return request:body()
  end)
end
]]

local get, post = request.get, request.post

describe("a connection", function()
  local serving = gateway.of_block { routes = { ["routes.lua"] = ROUTES } }
  local connection = serving:connection_of_tests()

  it("is kept between requests", function()
    for number = 1, 100 do
      local answer = connection:ask(get("/hello?name=" .. number))
      assert.equal("hello " .. number, answer.body)
      assert.is_nil(answer.headers.connection)
    end
  end)

  it("is closed behind the answer where the client says so", function()
    local answer = connection:ask(get("/hello", "Connection: close"))
    assert.equal("close", answer.headers.connection)
    assert.equal("", connection:read_rest())
  end)

  it("finds close in a list, in any case", function()
    local answer = connection:ask(get("/hello", "Connection: x-other, CLOSE"))
    assert.equal("close", answer.headers.connection)
    assert.equal("", connection:read_rest())
  end)

  it("answers requests that were sent in one go, in their order", function()
    local requests = {}
    for number = 1, 50 do
      requests[number] = get("/hello?name=" .. number)
    end
    connection:send(table.concat(requests))
    for number = 1, 50 do
      assert.equal("hello " .. number, connection:read().body)
    end
  end)

  it("answers in the order of the requests where the first one takes longer", function()
    connection:send(get "/slow/20" .. get "/hello?name=second" .. post("/echo", "third") .. get "/slow/0")
    assert.equal("20", connection:read().body)
    assert.equal("hello second", connection:read().body)
    assert.equal("third", connection:read().body)
    assert.equal("0", connection:read().body)
  end)

  it("takes requests in pieces of any size", function()
    local text = get("/hello?name=pieces", "X-Some: thing") .. post("/echo", "body")
    for position = 1, #text do
      connection:send(text:sub(position, position))
    end
    assert.equal("hello pieces", connection:read().body)
    assert.equal("body", connection:read().body)
  end)

  it("skips empty lines before a request", function()
    assert.equal(200, connection:ask("\r\n\r\n" .. get "/hello").status)
  end)

  it("answers a client that pipelines more than is held back", function()
    local filler = "X-Filler: " .. ("x"):rep(1000)
    local requests = {}
    for number = 1, 200 do
      requests[number] = get("/hello?name=" .. number, filler)
    end
    tg.gather {
      function()
        connection:send(get "/slow/20" .. table.concat(requests))
      end,
      function()
        assert.equal("20", connection:read().body)
        for number = 1, 200 do
          assert.equal("hello " .. number, connection:read().body)
        end
      end,
    }
  end)

  it("answers all that was pipelined before the client ended its side", function()
    connection:send(get "/slow/20" .. get "/hello?name=second" .. post("/echo", "third"))
    connection:finish()
    local _, count = connection:read_rest():gsub("HTTP/1.1 200 OK\r\n", "")
    assert.equal(3, count)
  end)

  it("sends large answers to a slow reader, whole", function()
    connection:send(get "/large?bytes=8000000" .. get "/hello?name=next")
    for _ = 1, 20 do
      tg.sleep(0)
    end
    assert.equal(8000000, #connection:read().body)
    assert.equal("hello next", connection:read().body)
  end)
end)

describe("a request", function()
  local serving = gateway.of_block { routes = { ["routes.lua"] = ROUTES } }
  local connection = serving:connection_of_tests()

  it("in HTTP/1.0 ends the connection", function()
    local answer = connection:ask "GET /hello?name=old HTTP/1.0\r\n\r\n"
    assert.equal("hello old", answer.body)
    assert.equal("1.1", answer.version)
    assert.equal("close", answer.headers.connection)
    assert.equal("9", answer.headers["content-length"])
    assert.equal("", connection:read_rest())
  end)

  it("in HTTP/1.0 keeps it where the client asks for that", function()
    local bytes = "GET /hello HTTP/1.0\r\nConnection: keep-alive\r\n\r\n"
    assert.equal("keep-alive", connection:ask(bytes).headers.connection)
    assert.equal(200, connection:ask(bytes).status)
  end)

  it("with HEAD gets the head of GET's answer and no byte of the body", function()
    connection:send("HEAD /hello?name=x HTTP/1.1\r\nHost: test\r\n\r\n" .. get "/hello?name=y")
    local answer = connection:read(true)
    assert.equal(200, answer.status)
    assert.equal("7", answer.headers["content-length"])
    assert.equal("text/plain; charset=utf-8", answer.headers["content-type"])
    assert.equal("hello y", connection:read().body)
    connection:send("HEAD /nothing HTTP/1.1\r\nHost: test\r\n\r\n" .. get "/hello?name=z")
    assert.equal(404, connection:read(true).status)
    assert.equal("hello z", connection:read().body)
  end)

  it("has a body by its length", function()
    assert.equal("a\r\n\r\n\0b", connection:ask(post("/echo", "a\r\n\r\n\0b")).body)
    assert.equal("0", connection:ask(post("/echo", "")).headers["x-length"])
    assert.equal("1048576", connection:ask(post("/echo", ("y"):rep(1048576))).headers["x-length"])
    assert.equal("0", connection:ask("POST /echo HTTP/1.1\r\nHost: test\r\n\r\n").headers["x-length"])
  end)

  it("has a body in chunks", function()
    local head = "POST /echo HTTP/1.1\r\nHost: test\r\nTransfer-Encoding: Chunked\r\n\r\n"
    assert.equal("abcdefghij!", connection:ask(head .. "A\r\nabcdefghij\r\n1;name=\"value\"\r\n!\r\n0\r\n\r\n").body)
    assert.equal("x", connection:ask(head .. "0001\r\nx\r\n0\r\nTrailer: x\r\nHost: y\r\n\r\n").body)
    assert.equal("", connection:ask(head .. "0\r\n\r\n").body)
    assert.equal("hello next", connection:ask(get "/hello?name=next").body)
  end)

  it("that expects 100 is told to go on once its handler wants the body", function()
    connection:send "POST /echo HTTP/1.1\r\nHost: test\r\nContent-Length: 4\r\nExpect: 100-continue\r\n\r\n"
    assert.equal(100, connection:read().status)
    connection:send "body"
    assert.equal("body", connection:read().body)
    assert.equal(200, connection:ask(get "/hello").status)
  end)

  it("that expects 100 is answered at once, and closed, where its handler does not want the body", function()
    connection:send "POST /unread HTTP/1.1\r\nHost: test\r\nContent-Length: 4\r\nExpect: 100-continue\r\n\r\n"
    local answer = connection:read()
    assert.equal(200, answer.status)
    assert.equal("close", answer.headers.connection)
    assert.equal("", connection:read_rest())
  end)

  it("that expects 100 and does not wait for it gets no 100", function()
    connection:send "POST /echo-later HTTP/1.1\r\nHost: test\r\nContent-Length: 4\r\nExpect: 100-continue\r\n\r\nbo"
    tg.sleep(0.04) -- by now the handler wants the body, of which a part has come
    connection:send "dy"
    assert.equal("body", connection:read().body)
  end)

  it("that expects something else is refused", function()
    assert.equal(417, connection:ask(get("/hello", "Expect: miracles")).status)
  end)

  it("whose body nobody reads leaves the connection in step", function()
    connection:send(post("/unread", ("GET /hello HTTP/1.1\r\n"):rep(100)) .. get "/hello?name=next")
    assert.equal("did not look", connection:read().body)
    -- Either the body had come and the next request is answered, or the connection ends: never is the body a request.
    local ok, answer = pcall(connection.read, connection)
    assert.is_true(not ok or answer.body == "hello next")
  end)

  it("may have an absolute target, of the same host", function()
    assert.equal("hello abs", connection:ask("GET http://test/hello?name=abs HTTP/1.1\r\nHost: test\r\n\r\n").body)
  end)

  it("has its path normalised before it is routed", function()
    for _, path in ipairs { "/./hello", "/x/../hello", "/%68ello", "/hell%6F", "/x/%2e%2e/hello" } do
      assert.equal(200, connection:ask(get(path)).status, path)
    end
    assert.equal(404, connection:ask(get "/hello/").status)
    assert.equal(404, connection:ask(get "//hello").status)
    assert.equal(404, connection:ask(get "/x%2F..%2Fhello").status)
  end)

  it("that offers an upgrade is answered as if it did not", function()
    local answer = connection:ask(get("/hello", "Connection: Upgrade", "Upgrade: websocket"))
    assert.equal("hello ", answer.body)
    assert.equal("hello ", connection:ask(get "/hello").body)
  end)
end)

describe("every answer", function()
  it("has a Date and, where it has a body, its length", function()
    local serving = gateway.start { routes = { ["routes.lua"] = ROUTES } }
    for _, path in ipairs { "/hello", "/nothing", "/large?bytes=0" } do
      local answer = serving:ask(get(path))
      assert.matches("^%a%a%a, %d%d %a%a%a %d%d%d%d %d%d:%d%d:%d%d GMT$", answer.headers.date)
      assert.equal(#answer.body, tonumber(answer.headers["content-length"]))
    end
    serving:stop()
  end)
end)
