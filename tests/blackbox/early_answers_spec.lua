-- Upstreams that answer a large request when they have read a little of it, and close. What they said is heard.
local tg = require "tidegate"
local gateway = require "tests.support.gateway"
local process = require "tests.support.process"
local socket = require "tests.support.socket"

local ROUTES = [[
local tg = require "tidegate"

local body = ("x"):rep(50 * 1024 * 1024)

return function(app)
  app:get("/send", function(request)
    local answer = tg.http.request(request.query.method, request.query.url, { body = body })
    return answer.status, answer:body()
  end)
  app:get("/deadline", function(request)
    return tg.http.post(request.query.url, { body = body, timeout = 0.2 }):body()
  end)
end
]]

local READ_BYTES = 1024

describe("an upstream that answers early", function()
  local serving = gateway.of_block { routes = { ["routes.lua"] = ROUTES } }
  local upstream = socket.of_each_test()

  local function send(method, act)
    return tg.gather({
      answer = function()
        return serving:get("/send", { query = { url = upstream.url, method = method } })
      end,
      upstream = function()
        local connection = upstream:accept()
        connection:read_exactly(READ_BYTES)
        act(connection)
      end,
    }).answer
  end

  local function closing(bytes)
    return function(connection)
      connection:write(bytes)
      connection:close() -- most of the request is unread: the system resets the connection
    end
  end

  it("and closes at once is heard each time", function()
    for round = 1, 10 do
      local answer = send(round % 2 == 0 and "POST" or "PUT",
        closing "HTTP/1.1 413 Content Too Large\r\nContent-Length: 7\r\n\r\ntoo big")
      assert.equal(413, answer.status)
      assert.equal("too big", answer:body())
    end
    assert.equal(0, serving:statistics().upstreams.connections)
  end)

  it("is heard while others are served", function()
    local answers = tg.map(tg.range(1, 4), function(number)
      local own = socket.listen()
      local answer = tg.gather({
        answer = function()
          return serving:get("/send", { query = { url = own.url, method = "POST" } })
        end,
        upstream = function()
          local connection = own:accept()
          connection:read_exactly(READ_BYTES)
          closing(("HTTP/1.1 503 Full\r\nContent-Length: 1\r\n\r\n%d"):format(number))(connection)
        end,
      }).answer
      own:close()
      return answer.status .. answer:body()
    end)
    assert.same({ "5031", "5032", "5033", "5034" }, answers)
  end)

  it("and says no more of it than half is an error", function()
    assert.equal(502, send("POST", closing "HTTP/1.1 413 Content Too Large\r\nContent-Length: 7\r\n\r\ntoo").status)
    assert.equal(502, send("POST", closing "HTTP/1.1 413 Content Too Large\r\n\r\ntoo").status)
    assert.equal(502, send("POST", closing "").status)
  end)

  it("and does not close is not sent the rest", function()
    local connection
    local answer = send("POST", function(is)
      connection = is
      connection:write "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nfine"
    end)
    assert.equal("fine", answer:body())
    assert.is_true(#connection:read_rest() < 50 * 1024 * 1024)
    connection:close()
  end)

  it("or not at all is given up at the deadline, as it reads nothing", function()
    local connection
    local answer = tg.gather({
      answer = function()
        return serving:get("/deadline", { query = { url = upstream.url } })
      end,
      upstream = function()
        connection = upstream:accept()
      end,
    }).answer
    assert.equal(504, answer.status)
    connection:close()
    assert.equal(0, serving:statistics().upstreams.connections)
  end)

  it("when the client has left says it to nobody", function()
    local client = socket.connect(serving.port)
    client:write(("GET /send?method=POST&url=%s HTTP/1.1\r\nHost: h\r\n\r\n"):format(upstream.url))
    local connection = upstream:accept()
    connection:read_exactly(READ_BYTES)
    client:close()
    connection:read_rest()
    connection:close()
    serving:wait_for_log "client is gone"
    assert.equal(0, serving:statistics().upstreams.connections)
  end)

  it("when the gateway stops is heard, as for any request under way", function()
    local stopping = gateway.start { routes = { ["routes.lua"] = ROUTES } }
    local client = socket.connect(stopping.port)
    client:write(("GET /send?method=POST&url=%s HTTP/1.1\r\nHost: h\r\n\r\n"):format(upstream.url))
    local connection = upstream:accept()
    connection:read_exactly(READ_BYTES)
    stopping.process:signal(process.SIGTERM)
    stopping:wait_for_log "stopping; "
    closing "HTTP/1.1 413 Content Too Large\r\nContent-Length: 7\r\n\r\ntoo big"(connection)
    assert.matches("^HTTP/1.1 413 .*too big$", client:read_rest())
    client:close()
    stopping:wait_for_end()
  end)
end)
