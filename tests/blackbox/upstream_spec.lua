-- Upstreams that are away, slow or hostile, and what the client of the gateway gets of that.
local tg = require "tidegate"
local gateway = require "tests.support.gateway"
local socket = require "tests.support.socket"

local ROUTES = [[
local tg = require "tidegate"

return function(app)
  app:get("/get", function(request)
    return tg.http.get(request.query.url, { timeout = tonumber(request.query.timeout) }):body()
  end)
  app:get("/post", function(request)
    return tg.http.post(request.query.url, { body = "once" }):body()
  end)
  app:get("/json", function(request)
    return tg.http.get(request.query.url):json()
  end)
  app:get("/raise", function(request)
    return tg.http.get(request.query.url):raise():body()
  end)
  app:get("/kind", function(request)
    local ok, err = pcall(tg.http.get, request.query.url)
    return { ok = ok, kind = err.kind, message = tostring(err), status = err.status }
  end)
end
]]

local FINE = "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nfine"

describe("an upstream", function()
  local serving = gateway.of_block { routes = { ["routes.lua"] = ROUTES } }
  local upstream = socket.of_each_test()

  -- Asks the gateway for a route that calls the upstream, which meanwhile does as `act` says.
  local function ask(path, act, query)
    query = query or {}
    query.url = upstream.url .. "/thing"
    return tg.gather({
      answer = function()
        return serving:get(path, { query = query })
      end,
      upstream = function()
        local connection = upstream:accept()
        local head = connection:read_head()
        act(connection, head)
      end,
    }).answer
  end

  -- An upstream's action: sends these bytes and closes.
  local function sending(bytes)
    return function(connection)
      connection:write(bytes)
      connection:close()
    end
  end

  -- What the client is told of a failure; the log says more, under the request's id.
  local function failed(status, detail, answer)
    assert.equal(status, answer.status)
    assert.equal("application/problem+json", answer.headers["content-type"])
    local problem = answer:json()
    assert.equal(detail, problem.detail) -- nothing of what is behind the gateway
    serving:wait_for_log(problem.request_id .. "): http://")
    upstream:move() -- a failure of the same place would only be counted
  end

  it("that nobody listens at is answered with 502", function()
    local url = "http://127.0.0.1:" .. socket.closed_port()
    failed(502, "an upstream cannot be reached", serving:get("/get", { query = { url = url } }))
    serving:wait_for_log(url .. "/ cannot be reached: connection refused")
  end)

  it("whose name nobody knows is answered with 502", function()
    failed(502, "an upstream cannot be reached", serving:get("/get", { query = { url = "http://nobody.invalid/" } }))
  end)

  it("that does not answer in time is answered with 504, and its connection is closed", function()
    local answer = ask("/get", function(connection)
      assert.equal("", connection:read_rest())
      connection:close()
    end, { timeout = 0.05 })
    failed(504, "an upstream did not answer in time", answer)
  end)

  it("that answers byte by byte is cut off at the timeout, which holds for the whole answer", function()
    local answer = ask("/get", function(connection)
      connection:write "HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n"
      pcall(function()
        while not connection:has_ended() do
          connection:write "x"
          tg.sleep(0.005)
        end
      end)
      connection:close()
    end, { timeout = 0.1 })
    failed(504, "an upstream did not answer in time", answer)
  end)

  it("that hangs up before it answers is answered with 502", function()
    local why = "an upstream closed the connection before its answer was whole"
    failed(502, why, ask("/get", sending ""))
    failed(502, why, ask("/get", function(connection)
      connection:reset()
    end))
    failed(502, why, ask("/post", sending ""))
  end)

  it("that hangs up within its answer is answered with 502, never with half of it", function()
    local why = "an upstream closed the connection before its answer was whole"
    for _, bytes in ipairs {
      "HTTP/1.1 200 OK\r\nContent-Len",
      "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n",
      "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf",
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhal",
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n",
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n0\r\n",
      "HTTP/1.1 100 Continue\r\n\r\n",
    } do
      failed(502, why, ask("/get", sending(bytes)))
    end
  end)

  it("that sends what is no HTTP is answered with 502 (classes 1 to 4)", function()
    for name, bytes in pairs {
      garbage = "SSH-2.0-OpenSSH_9.2\r\n",
      ["two lengths"] = "HTTP/1.1 200 OK\r\nContent-Length: 4\r\nContent-Length: 5\r\n\r\nfine",
      ["length and coding"] = "HTTP/1.1 200 OK\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
      ["a signed length"] = "HTTP/1.1 200 OK\r\nContent-Length: +4\r\n\r\nfine",
      ["a list of lengths"] = "HTTP/1.1 200 OK\r\nContent-Length: 4, 4\r\n\r\nfine",
      ["a folded field"] = "HTTP/1.1 200 OK\r\nX: a\r\n b\r\nContent-Length: 4\r\n\r\nfine",
      ["a space before a colon"] = "HTTP/1.1 200 OK\r\nX : a\r\nContent-Length: 4\r\n\r\nfine",
      ["a bare CR"] = "HTTP/1.1 200 OK\r\nX: a\rb\r\nContent-Length: 4\r\n\r\nfine",
      ["a NUL"] = "HTTP/1.1 200 OK\r\nX: a\0b\r\nContent-Length: 4\r\n\r\nfine",
      ["a bad chunk"] = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n\r\n",
      ["a status below 100 or above 599"] = "HTTP/1.1 2000 OK\r\nContent-Length: 4\r\n\r\nfine",
      ["a switch of protocols"] = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: Upgrade\r\n\r\nfine",
      ["class 3: a blank line before it"] = "\r\n" .. FINE,
      ["class 3: an empty name"] = "HTTP/1.1 200 OK\r\n: x\r\nContent-Length: 4\r\n\r\nfine",
      ["class 4: a chunk extension without a name"] =
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4;=x\r\nfine\r\n0\r\n\r\n",
      ["a status below 100"] = "HTTP/1.1 000 OK\r\nContent-Length: 4\r\n\r\nfine",
      ["a status over 599"] = "HTTP/1.1 700 OK\r\nContent-Length: 4\r\n\r\nfine",
      ["1xx without end"] = ("HTTP/1.1 103 Early Hints\r\n\r\n"):rep(1000) .. FINE,
    } do
      local answer = ask("/get", function(connection)
        pcall(connection.write, connection, bytes)
        connection:read_rest()
        connection:close()
      end)
      assert.equal(502, answer.status, name)
      failed(502, "an upstream answered with something that is not HTTP", answer)
    end
  end)

  it("that sends more than is taken is answered with 502", function()
    local why = "an upstream answered with more than the gateway accepts"
    failed(502, why, ask("/get", sending "HTTP/1.1 200 OK\r\nContent-Length: 16777217\r\n\r\n"))
    failed(502, why, ask("/get", sending "HTTP/1.1 200 OK\r\nContent-Length: 18446744073709551615\r\n\r\n"))
    local chunk = "100000\r\n" .. ("x"):rep(1048576) .. "\r\n"
    failed(502, why, ask("/get", function(connection)
      connection:write "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
      pcall(function()
        for _ = 1, 17 do
          connection:write(chunk)
        end
      end)
      connection:close()
    end))
  end)

  it("that sends a head without end is answered with 502", function()
    local answer = ask("/get", function(connection)
      connection:write "HTTP/1.1 200 OK\r\n"
      pcall(function()
        for _ = 1, 1000 do
          connection:write("X: " .. ("y"):rep(1000) .. "\r\n")
        end
      end)
      connection:close()
    end)
    assert.equal(502, answer.status)
  end)

  it("that answers with something else than JSON is answered with 502 where JSON was wanted", function()
    local html = "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\n<html>"
    failed(502, "an upstream's answer is not JSON", ask("/json", sending(html)))
  end)

  it("that answers with an error is answered as the route says", function()
    local gone = "HTTP/1.1 410 Gone\r\nContent-Length: 4\r\n\r\ngone"
    assert.equal("gone", ask("/get", sending(gone)):body())
    failed(502, "an upstream answered with an error", ask("/raise", sending(gone)))
  end)

  it("fails with an error that code can tell from others", function()
    local answer = ask("/kind", sending "nonsense"):json()
    assert.is_false(answer.ok)
    assert.equal("protocol", answer.kind)
    assert.equal(502, answer.status)
    assert.matches("^" .. upstream.url .. "/thing answered with something that is not HTTP: ", answer.message)
  end)

  it("may answer before it has read the request, and may send bytes behind its answer", function()
    local early = tg.gather({
      answer = function()
        return serving:get("/get", { query = { url = upstream.url } })
      end,
      upstream = function()
        local connection = upstream:accept()
        connection:write(FINE .. "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil")
        connection:read_rest() -- the gateway does not keep the connection
        connection:close()
      end,
    }).answer
    assert.equal("fine", early:body())
    assert.equal("fine", ask("/get", sending(FINE)):body())
  end)

  it("may end its answer by closing", function()
    assert.equal("to the end", ask("/get", sending "HTTP/1.1 200 OK\r\n\r\nto the end"):body())
    assert.equal("old", ask("/get", sending "HTTP/1.0 200 OK\r\nConnection: keep-alive\r\n\r\nold"):body())
  end)
end)
