-- Classes of the threat model that are the scripts' side: each case is named after its class.
local core = require "tidegate.core"
local tg = require "tidegate"
local recursion = require "tests.support.recursion"
local server = require "tests.support.server"
local socket = require "tests.support.socket"

local EVIL = { CRLF = "a\r\nX-Evil: 1", CR = "a\rX-Evil: 1", LF = "a\nX-Evil: 1", NUL = "a\0b" }

-- The answer of a handler, of which the log says what went wrong.
local function fails(handle)
  local answer
  local lines = server.logged(function()
    answer = server.get(handle, "/x")
  end)
  assert.equal(500, answer.status)
  assert.equal("application/problem+json", answer.headers["content-type"])
  assert.is_nil(answer.head:find("evil", 1, true))
  assert.is_nil(answer.headers["x-evil"])
  return lines[1].message
end

describe("class 5: in an answer", function()
  for what, evil in pairs(EVIL) do
    local answers = {
      ["a header's value"] = function() return 200, "x", { ["X-A"] = evil } end,
      ["a header's list"] = function() return 200, "x", { ["X-A"] = { "fine", evil } } end,
      ["a header's name"] = function() return 200, "x", { ["X-A" .. evil] = "1" } end,
      ["a redirect"] = function() return 302, nil, { Location = "/" .. evil } end,
      ["the type"] = function() return 200, "x", { ["Content-Type"] = evil } end,
      ["tg.response"] = function() return tg.response { headers = { ["X-A"] = evil } } end,
      ["tg.abort"] = function() tg.abort(409, "x", { headers = { ["X-A"] = evil } }) end,
      ["a cookie's value"] = function() return tg.response { cookies = { c = evil } } end,
      ["a cookie's name"] = function() return tg.response { cookies = { ["c" .. evil] = "1" } } end,
      ["a cookie's path"] = function() return tg.response { cookies = { c = { value = "1", path = evil } } } end,
      ["a cookie's domain"] = function() return tg.response { cookies = { c = { value = "1", domain = evil } } } end,
      ["a cookie's same_site"] = function()
        return tg.response { cookies = { c = { value = "1", same_site = evil } } }
      end,
      ["the head of an answer in pieces"] = function()
        return tg.response { headers = { ["X-A"] = evil }, body = function(write) write "evil" end }
      end,
    }
    for where, handle in pairs(answers) do
      it(("%s in %s is an error, and nothing of it is sent"):format(what, where), function()
        assert.is_string(fails(handle))
      end)
    end
  end

  it("a status that is none is an error, and the reason is the gateway's", function()
    for _, status in ipairs { 99, 100, 101, 199, 600, 1000, 0 / 0, -1 } do
      assert.matches("a status is a whole number from 200 to 599", fails(function() return status, "x" end), 1, true)
    end
    assert.matches("^HTTP/1.1 299 [^\r]*\r\n", server.get(function() return 299, "x" end, "/x").head)
  end)
end)

describe("class 5: in a call #realtime", function()
  local calls = {}
  for what, evil in pairs(EVIL) do
    calls[what .. " in the method"] = { "GET" .. evil, "/" }
    calls[what .. " in the path"] = { "GET", "/" .. evil }
    calls[what .. " in the query of a URL"] = { "GET", "/?" .. evil }
    calls[what .. " in the host"] = { "GET", evil .. "/" }
    calls[what .. " in a header's value"] = { "GET", "/", { headers = { ["X-A"] = evil } } }
    calls[what .. " in a header's name"] = { "GET", "/", { headers = { ["X" .. evil] = "1" } } }
    calls[what .. " in Host"] = { "GET", "/", { headers = { Host = evil } } }
  end
  calls["a space in the method"] = { "GET /x HTTP/1.1", "/" }
  calls["a space in the host"] = { "GET", " x/" }
  calls["an empty method"] = { "", "/" }

  for what, call in pairs(calls) do
    it(what .. " is an error, and nothing is sent", function()
      local before = core.client_statistics()
      local ok, err = pcall(tg.http.request, call[1], "http://127.0.0.1:1" .. call[2], call[3])
      assert.is_false(ok)
      assert.equal("value", err.kind) -- not a call that failed
      assert.same(before, core.client_statistics())
    end)
  end

  it("bytes in a query's table are encoded", function()
    local head = socket.head_of(function(url)
      tg.http.get(url .. "/", { query = { ["k\r\n"] = EVIL.CRLF } })
    end)
    assert.matches("^GET /%?k%%0D%%0A=a%%0D%%0AX%-Evil%%3A%%201 HTTP/1.1\r\n", head)
  end)
end)

describe("class 6: what is over a limit", function()
  it("fails, and what is not is whole", function()
    local function pair_count(request)
      local count = 0
      for _ in pairs(request.query) do
        count = count + 1
      end
      return tostring(count)
    end
    local function query(count)
      local parts = {}
      for index = 1, count do
        parts[index] = "k" .. index
      end
      return "/x?" .. table.concat(parts, "&")
    end
    assert.equal("1000", server.get(pair_count, query(1000)).body)
    assert.equal(400, server.get(pair_count, query(1001)).status)
  end)

  it("is not reached by 100 fields and as many cookies as they hold", function()
    local fields, cookies = {}, {}
    for index = 1, 98 do
      fields[index] = ("X-%d: %d"):format(index, index)
    end
    for index = 1, 1000 do
      cookies[index] = ("c%d=%d"):format(index, index)
    end
    fields[#fields + 1] = "Cookie: " .. table.concat(cookies, "; ")
    local answer = server.get(function(request)
      local seen = { fields = 0, cookies = 0 }
      for _ in pairs(request.headers) do
        seen.fields = seen.fields + 1
      end
      for _ in pairs(request.cookies) do
        seen.cookies = seen.cookies + 1
      end
      return seen
    end, "/x", fields)
    assert.same({ fields = 100, cookies = 1000 }, tg.json.decode(answer.body))
  end)
end)

describe("class 15: a redirect #realtime", function()
  it("is not followed: its answer is given, and no second call is made", function()
    local upstream = socket.listen()
    local answer = tg.gather({
      upstream = function()
        local connection = upstream:accept()
        connection:read_head()
        connection:write "HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n"
        connection:close()
      end,
      call = function()
        return tg.http.get(upstream.url, { headers = { Authorization = "secret", Cookie = "a=b" } })
      end,
    }).call
    upstream:close()
    assert.equal(302, answer.status)
    assert.equal("http://127.0.0.1:1/", answer.headers.location)
  end)
end)

describe("class 20: a script", function()
  local function endless()
    return endless() .. "x" -- no tail call
  end

  local function without_text()
    error(setmetatable({}, { __tostring = function() error "again" end }))
  end

  local broken = {
    ["runs out of stack"] = endless,
    ["runs out of stack in functions that C calls back"] = recursion.through_c,
    ["runs out of stack in coroutines that resume one another"] = function()
      local function again()
        return coroutine.wrap(function() return 1 + again() end)()
      end
      return tostring(again())
    end,
    ["asks for a string that is too long"] = function() return ("xx"):rep(2 ^ 31 - 1) end,
    ["asks for a table that is too large"] = function() return { unpack({}, 1, 1e7) } end,
    ["raises in its error handler"] = function()
      local _, err = xpcall(error, function() error "in the handler" end, "first")
      error(err)
    end,
    ["raises an error that has no text"] = without_text,
    ["raises nil"] = function() error(nil) end,
    ["builds a pattern that is too complex"] = function()
      return ("x"):rep(300000):find(("x?"):rep(300000))
    end,
    ["writes a pattern that is none"] = function() return ("x"):find "[a" end,
    ["nests JSON without end"] = function()
      local inner = {}
      inner.inner = inner
      return inner
    end,
  }
  for what, handle in pairs(broken) do
    it(("that %s fails alone, and the next request is right"):format(what), function()
      local first, second
      local lines = server.logged(function()
        local connection = server.connect(function(request)
          return request.path == "/broken" and handle() or "fine"
        end)
        first = connection:ask "GET /broken HTTP/1.1\r\nHost: test\r\n\r\n"
        second = connection:ask "GET /fine HTTP/1.1\r\nHost: test\r\n\r\n"
        connection:close()
      end)
      assert.equal(500, first.status)
      assert.equal("fine", second.body)
      assert.equal(1, #lines)
    end)
  end
end)

describe("class 21: tg.constant_time_equal", function()
  it("says whether two texts are the same", function()
    local same = tg.constant_time_equal
    assert.is_true(same("", ""))
    assert.is_true(same("a\0b", "a\0b"))
    for _, pair in ipairs { { "a", "" }, { "", "a" }, { "a", "b" }, { "ab", "a" }, { "a", "aa" }, { "a\0b", "a\0c" },
      { "aaaa", "aa" } } do
      assert.is_false(same(pair[1], pair[2]))
    end
  end)

  it("takes two strings", function()
    for _, pair in ipairs { { nil, nil }, { 1, "1" }, { "1", 1 }, { "a" } } do
      local ok, err = pcall(tg.constant_time_equal, pair[1], pair[2])
      assert.is_false(ok)
      assert.matches("takes two strings", err, 1, true)
    end
  end)
end)
