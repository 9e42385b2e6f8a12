-- Over real sockets, and so with the real clock: a virtual one would not wait for the other end.
local core = require "tidegate.core"
local errors = require "tidegate.errors"
local tg = require "tidegate"
local socket = require "tests.support.socket"

-- An upstream that answers one request on one connection, and what it got.
local function upstream(answer, call)
  local listener = socket.listen()
  local got = {}
  local results = tg.gather {
    server = function()
      local connection = listener:accept()
      got.head = connection:read_head()
      local length = tonumber(got.head:match "\r\nContent%-Length: (%d+)\r\n" or 0)
      got.body = connection:read_exactly(length)
      connection:write(answer)
      connection:close()
    end,
    call = function()
      return call(listener.url)
    end,
  }
  listener:close()
  return results.call, got
end

local function ok(body, fields)
  local text = "HTTP/1.1 200 OK\r\nContent-Length: %d\r\n%s\r\n%s"
  return text:format(#(body or ""), fields or "", body or "")
end

-- The head that an upstream gets when `call` calls it.
local function sent(call)
  local _, got = upstream(ok(), call)
  return got.head, got.body
end

local function fails(call, ...)
  local fine, err = pcall(call, ...)
  assert.is_false(fine)
  return err
end

describe("a request that is sent #realtime", function()
  it("has a host and an agent", function()
    local host
    local head = sent(function(url)
      host = url:match "http://(.*)"
      return tg.http.get(url .. "/path")
    end)
    assert.matches("^GET /path HTTP/1.1\r\n", head)
    assert.matches("\r\nHost: " .. host .. "\r\n", head, 1, true)
    assert.matches("\r\nUser-Agent: tidegate/" .. core.version .. "\r\n", head, 1, true)
    assert.not_matches("Content-Length", head, 1, true)
  end)

  it("has one of its own where the call says so", function()
    local head = sent(function(url)
      return tg.http.get(url, { headers = { host = "other", ["user-agent"] = "me", ACCEPT = "text/html" } })
    end)
    assert.matches("\r\nhost: other\r\n", head, 1, true)
    assert.not_matches("\r\nHost: ", head, 1, true)
    assert.not_matches("User-Agent: tidegate", head, 1, true)
    assert.not_matches("Accept: */*", head, 1, true)
  end)

  it("has the method that was called", function()
    for _, method in ipairs { "GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS" } do
      local head = sent(function(url)
        return tg.http[method:lower()](url)
      end)
      assert.equal(method, head:match "^%u+")
    end
    assert.matches("^PROPFIND ", (sent(function(url)
      return tg.http.request("PROPFIND", url)
    end)))
  end)

  it("has a query, encoded, its keys in order", function()
    local head = sent(function(url)
      return tg.http.get(url .. "/p", { query = { b = "x y&é", a = 1, c = true, d = { "1", "2" }, [7] = "n" } })
    end)
    assert.equal("GET /p?7=n&a=1&b=x%20y%26%C3%A9&c=true&d=1&d=2 HTTP/1.1", head:match "^[^\r]*")
  end)

  it("has the query behind that of the URL", function()
    local function target(tail, query)
      local head = sent(function(url)
        return tg.http.get(url .. tail, { query = query })
      end)
      return head:match "^GET (.-) HTTP"
    end
    assert.equal("/p?x=1&a=2", target("/p?x=1", { a = 2 }))
    assert.equal("/?a=2", target("", { a = 2 }))
    assert.equal("/p?x=1", target("/p?x=1#fragment", {}))
  end)

  it("has a body with its length", function()
    local head, body = sent(function(url)
      return tg.http.post(url, { body = "a\0b" })
    end)
    assert.matches("\r\nContent-Length: 3\r\n", head, 1, true)
    assert.equal("a\0b", body)
  end)

  it("says that its body is empty where a method usually has one", function()
    for method, length in pairs { post = true, put = true, patch = true, delete = false, get = false } do
      local head = sent(function(url)
        return tg.http[method](url)
      end)
      assert.equal(length, head:find("\r\nContent-Length: 0\r\n", 1, true) ~= nil)
    end
  end)

  it("has JSON or a form as its body", function()
    local head, body = sent(function(url)
      return tg.http.post(url, { json = { a = { 1 } } })
    end)
    assert.matches("\r\nContent-Type: application/json\r\n", head, 1, true)
    assert.equal('{"a":[1]}', body)
    head, body = sent(function(url)
      return tg.http.post(url, { form = { b = "x y", a = "=" } })
    end)
    assert.matches("\r\nContent-Type: application/x-www-form-urlencoded\r\n", head, 1, true)
    assert.equal("a=%3D&b=x%20y", body)
  end)

  it("has headers in lists and those of another message, but not what belongs to the connection", function()
    local headers = { ["X-Many"] = { "a", "b" }, Connection = "close", ["Content-Length"] = "9" }
    local head = sent(function(url)
      return tg.http.get(url, { headers = headers })
    end)
    assert.matches("\r\nX-Many: a\r\nX-Many: b\r\n", head, 1, true)
    assert.not_matches("Connection", head, 1, true)
    assert.not_matches("Content-Length", head, 1, true)
    local answer = upstream(ok("", "Set-Cookie: a=1\r\nSet-Cookie: b=2\r\nX-A: 1\r\n"), tg.http.get)
    head = sent(function(url)
      return tg.http.get(url, { headers = answer.headers })
    end)
    assert.matches("\r\nset-cookie: a=1\r\nset-cookie: b=2\r\n", head, 1, true)
  end)
end)

describe("a call #realtime", function()
  local refused = {
    { "header X: its value has a CR, LF or NUL", "GET", "/", { headers = { X = "a\r\nY: b" } } },
    { "header X: its value has a CR, LF or NUL", "GET", "/", { headers = { X = "a\0" } } },
    { "a header's name must be a token", "GET", "/", { headers = { ["X\r\nY"] = "b" } } },
    { "a method must be a token", "GET / HTTP/1.1\r\nX:", "/", nil },
    { "a method must be a token", "", "/", nil },
    { "an HTTP call has no option \"params\"", "GET", "/", { params = {} } },
    { "query a: a value must be a string, a number, a boolean or a list of them, not a table", "GET", "/",
      { query = { a = { {} } } } },
    { "query a: a value must be", "GET", "/", { query = { a = print } } },
    { "timeout must be a number of seconds from 0 to 1e9", "GET", "/", { timeout = -1 } },
    { "timeout must be a number of seconds from 0 to 1e9", "GET", "/", { timeout = 0 / 0 } },
    { "timeout must be a number of seconds from 0 to 1e9", "GET", "/", { timeout = 1e300 } },
    { 'timeout must be a number of seconds from 0 to 1e9, not the string "soon"', "GET", "/", { timeout = "soon" } },
    { "an HTTP call: body must be a string (json = … sends a table, form = … a form), not a table",
      "POST", "/", { body = {} } },
    { 'an HTTP call: query must be a table of names and values, not the string "a=1"', "GET", "/", { query = "a=1" } },
    { 'an HTTP call: headers must be a table of names and values, not the string "A: 1"',
      "GET", "/", { headers = "A: 1" } },
    { "cannot encode as JSON", "POST", "/", { json = { print } } },
  }
  for index, case in ipairs(refused) do
    it(("refuses what cannot be sent, %d: %s"):format(index, case[1]), function()
      local before = core.client_statistics().connections
      local err = fails(tg.http.request, case[2], "http://127.0.0.1:1" .. case[3], case[4])
      assert.matches(case[1], tostring(err), 1, true)
      assert.equal(before, core.client_statistics().connections)
    end)
  end

  it("names the script's own line where it was misused", function()
    local err = fails(function()
      tg.http.get("ftp://x/")
      return nil
    end)
    assert.matches('http_spec.lua:%d+: the URL "ftp://x/" has the scheme ftp', err)
  end)
end)

describe("a response #realtime", function()
  it("has status, headers, url, timing and body", function()
    local text = "HTTP/1.1 201 Made\r\nX-A:  1 \r\nX-Empty:\r\nx-a: 2\r\nContent-Length: 2\r\n\r\nhi"
    local answer = upstream(text, function(url)
      return tg.http.get(url .. "/x")
    end)
    assert.equal(201, answer.status)
    assert.equal("1, 2", answer.headers["X-A"])
    assert.same({ "1", "2" }, tg.values(answer.headers, "x-a"))
    assert.equal("", answer.headers["X-Empty"])
    assert.matches("^http://127.0.0.1:%d+/x$", answer.url)
    assert.is_true(answer.timing.seconds >= 0)
    assert.equal("hi", answer:body())
    assert.equal("hi", answer:body())
    assert.is_nil(answer.nothing)
  end)

  it("is read from JSON, or says that it is none", function()
    assert.same({ a = 1 }, upstream(ok '{"a":1}', tg.http.get):json())
    local answer = upstream(ok "<html>", tg.http.get)
    local err = fails(answer.json, answer)
    assert.is_true(errors.is_error(err))
    assert.equal("json", err.kind)
    assert.equal(502, err.status)
    assert.matches("answered 200 with a body that is not JSON", tostring(err), 1, true)
  end)

  it("raises for 4xx and 5xx when it is asked to", function()
    local fine = upstream(ok(), tg.http.get)
    assert.equal(fine, fine:raise())
    for _, status in ipairs { "404 Not Found", "500 Internal Server Error" } do
      local answer = upstream("HTTP/1.1 " .. status .. "\r\nContent-Length: 0\r\n\r\n", tg.http.get)
      local err = fails(answer.raise, answer)
      assert.equal("status", err.kind)
      assert.equal(502, err.status)
      assert.equal(answer, err.cause)
      assert.matches("answered " .. status, tostring(err), 1, true)
    end
  end)

  it("may come in chunks, without a length, behind 1xx, or without a body", function()
    local chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n3;x=y\r\ncde\r\n0\r\nT: x\r\n\r\n"
    assert.equal("abcde", upstream(chunked, tg.http.get):body())
    assert.equal("to the end", upstream("HTTP/1.1 200 OK\r\n\r\nto the end", tg.http.get):body())
    assert.equal("old", upstream("HTTP/1.0 200 OK\r\n\r\nold", tg.http.get):body())
    local interim = "HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 100 Continue\r\n\r\n" .. ok "final"
    local answer = upstream(interim, tg.http.get)
    assert.equal("final", answer:body())
    assert.is_nil(answer.headers.Link)
    assert.equal("", upstream("HTTP/1.1 204 No Content\r\n\r\n", tg.http.get):body())
    assert.equal("", upstream("HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n", tg.http.get):body())
    answer = upstream("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", tg.http.head)
    assert.equal("", answer:body())
    assert.equal("5", answer.headers["Content-Length"])
  end)
end)

describe("a client #realtime", function()
  it("has a base URL and headers, which a call may replace", function()
    local function head_of(options)
      return (sent(function(url)
        local api = tg.http.client { base_url = url .. "/api/", headers = { Authorization = "secret", ["X-A"] = "1" } }
        return api:get("/users", options)
      end))
    end
    local head = head_of()
    assert.matches("^GET /api/users HTTP", head)
    assert.matches("\r\nAuthorization: secret\r\n", head, 1, true)
    head = head_of { headers = { authorization = "other" }, query = { a = 1 } }
    assert.matches("^GET /api/users%?a=1 HTTP", head)
    assert.matches("\r\nauthorization: other\r\n", head, 1, true)
    assert.not_matches("secret", head, 1, true)
    assert.matches("\r\nX-A: 1\r\n", head, 1, true)
  end)

  it("has every method", function()
    for _, method in ipairs { "get", "post", "put", "patch", "delete", "options" } do
      local head = sent(function(url)
        return tg.http.client({ base_url = url })[method](tg.http.client { base_url = url }, "/x")
      end)
      assert.equal(method:upper(), head:match "^%u+")
    end
  end)

  it("refuses a base URL that is none", function()
    assert.matches("does not begin with http://", fails(tg.http.client, { base_url = "example.com" }), 1, true)
  end)
end)

describe("a call's body", function()
  it("is given once", function()
    for _, case in ipairs {
      { { json = {}, body = "x" }, "json and body" },
      { { json = false, form = {} }, "json and form" },
      { { form = {}, body = "x" }, "form and body" },
    } do
      local is_sent, message = pcall(tg.http.post, "http://127.0.0.1:1/", case[1])
      assert.is_false(is_sent)
      assert.matches("an HTTP call has one body, and this one is given " .. case[2], tostring(message), 1, true)
    end
  end)
end)

describe("headers that are none", function()
  it("are refused, by a call and by a client", function()
    local multimap = require "tidegate.multimap"
    for _, case in ipairs {
      { "x", 'must be a table of names and values, not the string "x"' },
      { multimap.pairs { "a", "1" }, "must be headers, and this is a query, a form or cookies" },
      { multimap.pairs { "a", "1", "a", "2" }, "must be headers, and this is a query, a form or cookies" },
    } do
      for _, call in ipairs {
        function() tg.http.get("http://127.0.0.1:1/", { headers = case[1] }) end,
        function() tg.http.client { base_url = "http://127.0.0.1:1/", headers = case[1] } end,
      } do
        local is_fine, message = pcall(call)
        assert.is_false(is_fine)
        assert.matches(case[2], tostring(message), 1, true)
      end
    end
  end)
end)
