-- Numbers of scripts on the wire, wherever one can stand: as text that is the same number again.
local t = require "tidegate.testing"
local tg = require "tidegate"
local text = require "tidegate.text"
local query = require "tidegate.query"
local server = require "tests.support.server"

local NUMBERS = {
  { 0, "0" }, { 7, "7" }, { -7, "-7" }, { 2 ^ 31, "2147483648" }, { 2 ^ 32, "4294967296" },
  { 1e14, "100000000000000" }, { 123456789012345680, "123456789012345680" }, { 2 ^ 53 - 1, "9007199254740991" },
  { 2 ^ 53, "9007199254740992" }, { -2 ^ 53, "-9007199254740992" }, { 0.1, "0.1" },
  { 0.1 + 0.2, "0.30000000000000004" }, { 1 / 3, "0.3333333333333333" }, { 1e-7, "1e-7" }, { 1e21, "1e21" },
  { 1.7976931348623157e308, "1.7976931348623157e308" }, { 5e-324, "5e-324" }, { 99.95, "99.95" },
}

local NOT_FINITE = { inf = math.huge, ["-inf"] = -math.huge, nan = 0 / 0 }

local count = 0

-- What an upstream gets when it is called with these options.
local function sent(options)
  count = count + 1
  local upstream = t.upstream { address = ("http://api%d.test"):format(count), routes = { ["POST /"] = {} } }
  tg.http.post(upstream.url .. "/", options)
  return upstream.requests[1]
end

-- The answer to a client where a handler returns what `make` gives.
local function answer_of(make)
  return t.app(function(app)
    app:get("/", function()
      return make()
    end)
  end):get "/"
end

-- name, function(number) → the text on the wire
local places = {
  { "a query", function(number) return sent({ query = { a = number } }).path:match "a=(.*)" end },
  { "a list in a query", function(number) return sent({ query = { a = { 1, number } } }).path:match "a=1&a=(.*)" end },
  { "a query of several", function(number) return sent({ query = { a = number, b = 1 } }).path:match "a=(.*)&" end },
  { "a form", function(number) return sent({ form = { a = number, b = "x" } }).body:match "a=(.*)&" end },
  { "a call's field", function(number) return sent({ headers = { ["X-A"] = number } }).headers["x-a"] end },
  { "a call's field in a list", function(number)
    return sent({ headers = { ["X-A"] = { number } } }).headers["x-a"]
  end },
  { "an answer's field", function(number)
    return answer_of(function() return 200, "x", { ["X-A"] = number } end).headers["X-A"]
  end },
  { "a response's field", function(number)
    return answer_of(function() return tg.response { headers = { ["X-A"] = number } } end).headers["X-A"]
  end },
  { "a body", function(number) return answer_of(function() return 200, number end):body() end },
  { "a cookie", function(number)
    local answer = answer_of(function() return tg.response { cookies = { a = number } } end)
    return (answer.headers["Set-Cookie"] or ""):match "a=([^;]*)"
  end },
  { "a cookie in full", function(number)
    return tg.response({ cookies = { a = { value = number } } }).headers["Set-Cookie"][1]:match "a=([^;]*)"
  end },
  { "fields of an error", function(number)
    local function later() tg.abort(503, "later", { headers = { ["Retry-After"] = number } }) end
    return answer_of(later).headers["Retry-After"]
  end },
}

describe("a number as", function()
  for _, place in ipairs(places) do
    it(place[1] .. " is the same number again", function()
      for _, case in ipairs(NUMBERS) do
        local wire = place[2](case[1])
        assert.equal(case[2], wire)
        assert.equal(case[1], tonumber(wire))
      end
    end)

    it(place[1] .. " is refused where it is not finite", function()
      for _, number in pairs(NOT_FINITE) do
        server.logged(function()
          local ok, answered = pcall(place[2], number)
          local refused = not ok or answered == nil or answered:find "about:blank" ~= nil
          assert(refused, "was sent: " .. tostring(answered))
        end)
      end
    end)
  end
end)

describe("text.of", function()
  it("names what cannot be sent, and where", function()
    local wrong = {
      { "query a: a value must be a string, a number or a boolean, not a table", {} },
      { "query a: a value must be a string, a number or a boolean, not a function", print },
      { "query a: a value must be a string, a number or a boolean, not null", tg.null },
      { "query a: a value must be a string, a number or a boolean, not nil", nil },
      { "query a: inf is not a number that can be sent", math.huge },
      { "query a: nan is not a number that can be sent", 0 / 0 },
    }
    for _, case in ipairs(wrong) do
      local ok, message = pcall(text.of, case[2], "query a")
      assert.is_false(ok)
      assert.matches(case[1], message, 1, true)
    end
  end)
end)

describe("query.text", function()
  it("has every key and value, in order", function()
    local cases = {
      { {}, "" },
      { { a = "" }, "a=" },
      { { [""] = "x" }, "=x" },
      { { a = {} }, "" },
      { { a = {}, b = 1 }, "b=1" },
      { { a = { 1, "x", true }, b = false }, "a=1&a=x&a=true&b=false" },
      { { [1] = "x" }, "1=x" },
      { { [2 ^ 53] = "x", [0.5] = "y" }, "0.5=y&9007199254740992=x" },
      { { "x", "y" }, "1=x&2=y" },
      { { ["a&b=c"] = "d&e=f+ g" }, "a%26b%3Dc=d%26e%3Df%2B%20g" },
      { { ["\0\255"] = "\0\255" }, "%00%FF=%00%FF" },
      { { all = "1", next = "2" }, "all=1&next=2" },
    }
    for _, case in ipairs(cases) do
      assert.equal(case[2], query.text(case[1], "query"))
    end
  end)

  it("refuses what would be lost, merged or garbled", function()
    local wrong = {
      { 'query: the number 1 and the string "1" are two keys, and would be sent as one', { [1] = "a", ["1"] = "b" } },
      { 'query: the number 0.5 and the string "0.5" are two keys', { [0.5] = "a", ["0.5"] = "b", c = 1 } },
      { "query: a key must be a string or a number, not a boolean", { [true] = "a" } },
      { "query: a key must be a string or a number, not a table", { [{}] = "a" } },
      { "query: a key must be a string or a number, not a table", { [{}] = "a", b = "c" } },
      { "query: a key: inf is not a number that can be sent", { [math.huge] = "a" } },
      { "query a: a value must be a string, a number, a boolean or a list of them, not a table", { a = { {} } } },
      { "this table is not a list or has holes", { a = { b = 1 } } },
      { "this table is not a list or has holes", { a = { 1, nil, 3 } } },
      { "query a: a value must be a string, a number, a boolean or a list of them, not null", { a = tg.null } },
      { "query a: inf is not a number that can be sent", { a = math.huge } },
      { "query a: nan is not a number that can be sent", { a = { 0 / 0 } } },
    }
    for _, case in ipairs(wrong) do
      local ok, message = pcall(query.text, case[2], "query")
      assert.is_false(ok)
      assert.matches(case[1], message, 1, true)
    end
  end)

  it("has every pair of a request's query that is handed on", function()
    local got
    local inner = t.app(function(app)
      app:get("/", function(request)
        got = request.target
      end)
    end)
    local outer = t.app(function(app)
      app:get("/", function(request)
        tg.http.get(inner.url .. "/", { query = request.query })
      end)
    end)
    local queries = { "a=1&a=2&b=3", "all=0", "a=1&a=2", "all=1&all=2", "a=", "%26=%3D&x=1", "_values=1" }
    for _, each in ipairs(queries) do
      assert.equal(204, outer:get("/?" .. each).status)
      assert.equal("/?" .. each, got)
    end
  end)
end)

describe("a number that is none, or too large,", function()
  local wrong = { math.huge, -math.huge, 0 / 0, -1, 1e300, "1" }

  local function fails(fn, ...)
    local ok, err = pcall(fn, ...)
    assert.is_false(ok)
    return tostring(err)
  end

  it("is no limit of a test's app", function()
    for _, value in ipairs { -1, -math.huge, 0 / 0, "1", true } do
      assert.matches("t.app: body_bytes_max must be a number, 0 or more", fails(t.app, "routes", {
        body_bytes_max = value,
      }), 1, true)
    end
    for _, value in ipairs { math.huge, 1e300, 2 ^ 63, 2 ^ 64, 1e6 } do -- as much as there can be
      local client = t.app(function(app)
        app:post("/", function(request)
          return request:body()
        end)
      end, { body_bytes_max = value, head_timeout_ms = value, field_count_max = value })
      assert.equal("x", client:post("/", { body = "x" }):body())
    end
  end)

  it("is no option of a route, no port and no time", function()
    for _, value in ipairs(wrong) do
      assert.matches("body_bytes_max must be a number of bytes", fails(t.app, function(app)
        app:get("/", print, { body_bytes_max = value })
      end), 1, true)
      assert.matches("a port must be a whole number from 1 to 65535", fails(tg.tcp.connect, "127.0.0.1", value), 1,
        true)
      fails(tg.sleep, value ~= "1" and value or "x")
      fails(tg.http.get, "http://127.0.0.1:1/", { timeout = value })
    end
    assert.matches("not 80.5", fails(tg.tcp.connect, "127.0.0.1", 80.5), 1, true)
    assert.matches("is not the name or the address of a host", fails(tg.tcp.connect, "a\0b", 80), 1, true)
    assert.matches("NUL", fails(tg.unix.connect, "/tmp/a\0b"), 1, true)
  end)

  it("is not how much is read from a stream, but for as much as there is", function()
    local streams, close = require "tests.support.listen_in_memory" "peer.test"
    local stream = tg.tcp.connect("peer.test", 80)
    tg.sleep(0)
    streams[1]:write "abc"
    for _, value in ipairs { 0 / 0, -1, 0, -math.huge, "1", {} } do
      assert.matches("stream:read: the limit must be a number of bytes", fails(stream.read, stream, value), 1, true)
      assert.matches("stream:read_until: the limit must be", fails(stream.read_until, stream, "x", value), 1, true)
    end
    assert.equal("a", stream:read(1.9))
    assert.equal("bc", stream:read(math.huge))
    stream:close()
    close()
  end)
end)
