local multimap = require "tidegate.multimap"
local response = require "tidegate.response"
local tg = require "tidegate"
local server = require "tests.support.server"

-- What becomes of what a handler returns.
local function answer_to(...)
  local values, count = { ... }, select("#", ...)
  return server.get(function()
    return unpack(values, 1, count)
  end, "/x")
end

-- The answer and the message in the log, where what a handler returns is refused.
local function refused(...)
  local values, count, answer = { ... }, select("#", ...), nil
  local lines = server.logged(function()
    answer = answer_to(unpack(values, 1, count))
  end)
  assert.equal(500, answer.status)
  assert.equal("application/problem+json", answer.headers["content-type"])
  assert.equal(1, #lines)
  return lines[1].message
end

describe("a handler's return", function()
  it("of a table is 200 and JSON", function()
    local answer = answer_to { hello = "world" }
    assert.equal(200, answer.status)
    assert.equal("application/json", answer.headers["content-type"])
    assert.equal("17", answer.headers["content-length"])
    assert.equal('{"hello":"world"}', answer.body)
  end)

  it("of a string is 200 and plain text", function()
    local answer = answer_to "héllo"
    assert.equal(200, answer.status)
    assert.equal("text/plain; charset=utf-8", answer.headers["content-type"])
    assert.equal("6", answer.headers["content-length"])
    assert.equal("héllo", answer.body)
  end)

  it("of an empty string is 200 with no bytes", function()
    local answer = answer_to ""
    assert.equal(200, answer.status)
    assert.equal("0", answer.headers["content-length"])
  end)

  it("of nothing is 204", function()
    local answer = answer_to()
    assert.equal(204, answer.status)
    assert.is_nil(answer.headers["content-length"])
    assert.is_nil(answer.headers["content-type"])
    assert.equal(204, answer_to(nil).status)
  end)

  it("of a status, a body and headers is as said", function()
    local answer = answer_to(202, "accepted", { ["X-Job"] = "7", ["X-Many"] = { "a", "b" }, ["X-Number"] = 5 })
    assert.equal(202, answer.status)
    assert.equal("Accepted", answer.reason)
    assert.equal("accepted", answer.body)
    assert.equal("7", answer.headers["x-job"])
    assert.equal("5", answer.headers["x-number"])
    assert.matches("\r\nX-Many: a\r\nX-Many: b\r\n", answer.head, 1, true)
    assert.equal('{"a":1}', answer_to(201, { a = 1 }).body)
    assert.equal("5", answer_to(200, 5).body)
  end)

  it("of a status alone has no body", function()
    local answer = answer_to(404)
    assert.equal(404, answer.status)
    assert.equal("0", answer.headers["content-length"])
    assert.is_nil(answer.headers["content-type"])
  end)

  it("of a status that has no body sends none", function()
    for status, length in pairs { [204] = false, [205] = "0", [304] = false } do
      for _, body in ipairs { false, "" } do
        local answer = answer_to(status, body or nil)
        assert.equal(status, answer.status)
        assert.equal(length or nil, answer.headers["content-length"])
      end
    end
  end)

  it("of unknown statuses is sent with what is known of them", function()
    assert.equal(299, answer_to(299, "x").status)
    assert.equal(599, answer_to(599, "x").status)
  end)

  it("of json.raw is JSON as it stands", function()
    for _, answer in ipairs {
      answer_to(tg.json.raw '{"a":[]}'),
      answer_to(200, tg.json.raw '{"a":[]}'),
      answer_to(response.of(tg.json.raw '{"a":[]}')),
    } do
      assert.equal("application/json", answer.headers["content-type"])
      assert.equal('{"a":[]}', answer.body)
    end
  end)

  it("takes a content type of the handler's own in place of the usual one", function()
    local answer = answer_to(200, { a = 1 }, { ["content-type"] = "application/vnd.x+json" })
    assert.equal("application/vnd.x+json", answer.headers["content-type"])
    local _, count = answer.head:lower():gsub("content%-type:", "")
    assert.equal(1, count)
  end)

  it("takes a date of the handler's own", function()
    local answer = answer_to(200, "x", { Date = "Thu, 01 Jan 1970 00:00:00 GMT" })
    assert.equal("Thu, 01 Jan 1970 00:00:00 GMT", answer.headers.date)
    local _, count = answer.head:gsub("Date:", "")
    assert.equal(1, count)
  end)

  it("has a date otherwise", function()
    assert.matches("^%a%a%a, %d%d %a%a%a %d%d%d%d %d%d:%d%d:%d%d GMT$", answer_to("x").headers.date)
  end)

  it("leaves framing to the gateway, whatever the handler says", function()
    local answer = answer_to(200, "four", {
      ["Content-Length"] = "4", Connection = "X-Other", ["Keep-Alive"] = "x",
      Upgrade = "h2c", TE = "trailers", Trailer = "X", ["Proxy-Connection"] = "x",
    })
    assert.equal("4", answer.headers["content-length"])
    assert.equal("four", answer.body)
    for _, name in ipairs { "transfer-encoding", "connection", "keep-alive", "upgrade", "te", "trailer" } do
      assert.is_nil(answer.headers[name])
    end
  end)
end)

describe("what a handler may not return,", function()
  it("other kinds of values", function()
    assert.matches("a handler may return a table, a string, nothing, or status, body [, headers], and this one "
      .. "returned true", refused(true), 1, true)
    assert.matches("this one returned a function", refused(print), 1, true)
    assert.matches("this one returned tg.null; tg.json.encode makes JSON of any value",
      refused(tg.null), 1, true)
  end)

  it("other kinds of bodies", function()
    assert.matches("must be a string, a table or a function(write), not true", refused(200, true), 1, true)
    assert.matches("not tg.null", refused(200, tg.null), 1, true)
  end)

  it("statuses that are none", function()
    for _, status in ipairs { 0, 99, 100, 199, 600, -1, 1e9, 200.5, 0 / 0, math.huge } do
      local message = ("a status is a whole number from 200 to 599, not %.14g"):format(status)
      assert.matches(message, refused(status, "x"), 1, true)
    end
  end)

  it("a body where the status has none", function()
    for status, reason in pairs { [204] = "No Content", [205] = "Reset Content", [304] = "Not Modified" } do
      local message = ("an answer of status %d (%s) has no body, and this one has "):format(status, reason)
      for _, body in ipairs { "x", { a = 1 }, 5, tg.json.raw "{}", function(write) write "x" end } do
        assert.matches(message, refused(status, body), 1, true)
      end
    end
  end)

  it("a length that is not the body's", function()
    for _, length in ipairs { 3, "5", "99" } do
      local said = ("header Content-Length: it says %s, and the body has 4 bytes"):format(length)
      assert.matches(said, refused(200, "four", { ["content-LENGTH"] = length }), 1, true)
    end
    for _, length in ipairs { "x", -1, "+4", "4, 4", 4.5, { 4, 4 } } do
      local said = "header Content-Length: a number of bytes is expected"
      assert.matches(said, refused(200, "four", { ["Content-Length"] = length }), 1, true)
    end
    assert.matches("it says 4, and the body has 0 bytes", refused(404, nil, { ["Content-Length"] = 4 }), 1, true)
    assert.matches("status 204 (No Content) has none", refused(204, nil, { ["Content-Length"] = 0 }), 1, true)
  end)

  it("a framing of its own", function()
    for _, body in ipairs { "x", function(write) write "x" end } do
      assert.matches("header Transfer-Encoding: the gateway frames answers itself",
        refused(200, body, { ["transfer-encoding"] = "chunked" }), 1, true)
    end
  end)

  it("what cannot be JSON", function()
    assert.matches("cannot encode as JSON at f: it is a function", refused { f = print }, 1, true)
    assert.matches("cannot encode as JSON at n: ", refused(200, { n = 0 / 0 }), 1, true)
  end)

  it("header values that would split the response", function()
    for _, value in ipairs { "a\r\nSet-Cookie: evil=1", "a\nb", "a\rb", "a\0b", { "fine", "a\r\nb" } } do
      assert.matches("header X-Evil: its value has a CR, LF or NUL", refused(200, "x", { ["X-Evil"] = value }), 1, true)
    end
    local in_type = refused(200, "x", { ["Content-Type"] = "text/plain\r\nX: y" })
    assert.matches("header Content-Type: its value has a CR, LF or NUL", in_type, 1, true)
  end)

  it("header names that are no tokens", function()
    for _, name in ipairs { "", "a b", "a:b", "a\r\nb", "é", "a\0b", "(x)" } do
      assert.matches("a header's name must be a token", refused(200, "x", { [name] = "y" }), 1, true)
    end
    assert.matches("a header's name must be a token", refused(200, "x", { "y" }), 1, true)
  end)

  it("header values that are no texts", function()
    for _, value in ipairs { true, print, { {} }, { true } } do
      assert.matches("header X: a value must be a string or a number, not a", refused(200, "x", { X = value }), 1, true)
    end
  end)

  it("headers that are no table", function()
    assert.matches('must be a table of names and values, not the string "X: y"', refused(200, "x", "X: y"), 1, true)
  end)
end)

describe("tg.response", function()
  it("has everything in one place", function()
    local answer = answer_to(tg.response {
      status = 203,
      headers = { ["X-A"] = "b" },
      cookies = { session = "abc" },
      body = { a = 1 },
    })
    assert.equal(203, answer.status)
    assert.equal("b", answer.headers["x-a"])
    assert.equal("session=abc; Path=/; HttpOnly", answer.headers["set-cookie"])
    assert.equal('{"a":1}', answer.body)
  end)

  it("is 200 without a body when nothing is said", function()
    local answer = answer_to(tg.response {})
    assert.equal(200, answer.status)
    assert.equal("0", answer.headers["content-length"])
  end)

  it("keeps each cookie that an upstream has set", function()
    local upstream = multimap.fields { "Set-Cookie", "a=1", "Set-Cookie", "b=2" }
    local answer = answer_to(tg.response { headers = upstream })
    assert.matches("a=1", answer.head, 1, true)
    assert.matches("b=2", answer.head, 1, true)
  end)

  it("does not keep the caller's headers", function()
    local headers = { A = "1" }
    local made = tg.response { headers = headers }
    made.headers.A = "2"
    assert.equal("1", headers.A)
  end)

  it("names a field that it does not have", function()
    local ok, message = pcall(function()
      tg.response { code = 200 }
    end)
    assert.is_false(ok)
    assert.matches('tg.response has no field "code"; it has status, headers, cookies and body', message, 1, true)
    assert.matches("response_spec.lua:%d+: ", message)
  end)

  local function cookie(name, value)
    return tg.response({ cookies = { [name] = value } }).headers["Set-Cookie"][1]
  end

  it("writes cookies with what browsers should do with them", function()
    assert.equal("a=b; Path=/; HttpOnly", cookie("a", "b"))
    assert.equal("a=5; Path=/; HttpOnly", cookie("a", 5))
    assert.equal("a=; Path=/; Max-Age=0; HttpOnly", cookie("a", { max_age = 0 }))
    assert.equal("a=b; Path=/x; Domain=example.com; Max-Age=60; SameSite=Lax; Secure", cookie("a", {
      value = "b", path = "/x", domain = "example.com", max_age = 60, same_site = "Lax", secure = true,
      http_only = false,
    }))
  end)

  it("sends a line for each cookie", function()
    local answer = answer_to(tg.response { cookies = { a = "1", b = "2" } })
    local _, count = answer.head:gsub("\r\nSet%-Cookie: ", "")
    assert.equal(2, count)
  end)

  it("refuses names and values that a cookie cannot have", function()
    local wrong = {
      { "", "x" }, { "a b", "x" }, { "a=b", "x" }, { "a;b", "x" }, { "a\r\n", "x" }, { "a", "x;y" }, { "a", "x,y" },
      { "a", 'x"y' }, { "a", "x y" }, { "a", "x\\y" }, { "a", "x\r\nSet-Cookie: evil=1" }, { "a", "x\0" },
    }
    for _, case in ipairs(wrong) do
      local ok, message = pcall(cookie, case[1], case[2])
      assert.is_false(ok)
      assert.matches("its name must be a token, and its value free of spaces", message, 1, true)
    end
  end)

  it("refuses what a browser would not understand, or what would be lost", function()
    local wrong = {
      { "cookie a has no field \"expires\"", { value = "b", expires = 5 } },
      { "a value must be a string, a number or a boolean, not a table", { value = {} } },
      { "max_age must be a whole number of seconds, not 1.5", { max_age = 1.5 } },
      { "max_age must be a whole number of seconds, not nan", { max_age = 0 / 0 } },
      { "max_age must be a whole number of seconds, not inf", { max_age = math.huge } },
      { 'max_age must be a whole number of seconds, not the string "60"', { max_age = "60" } },
      { "same_site must be Strict, Lax or None", { same_site = "maybe" } },
      { "path must be a string without semicolons", { path = 5 } },
    }
    for _, case in ipairs(wrong) do
      local ok, message = pcall(cookie, "a", case[2])
      assert.is_false(ok)
      assert.matches("cookie a", message, 1, true)
      assert.matches(case[1], message, 1, true)
    end
  end)

  it("refuses attributes that would start another one or split the response", function()
    for _, field in ipairs { "path", "domain", "same_site" } do
      for _, value in ipairs { "x; Domain=evil", "x\r\nSet-Cookie: evil=1", "x\0" } do
        local ok, message = pcall(cookie, "a", { value = "b", [field] = value })
        assert.is_false(ok)
        assert.matches("cookie a: " .. field, message, 1, true)
      end
    end
  end)
end)

describe("response.of", function()
  it("makes one shape of every return, for middleware", function()
    local function shape(...)
      local made = response.of(...)
      return { made.status, made.body, made.headers }
    end
    assert.same({ 200, { a = 1 }, {} }, shape { a = 1 })
    assert.same({ 200, "text", {} }, shape "text")
    assert.same({ 204, nil, {} }, shape())
    assert.same({ 404, "gone", { A = "b" } }, shape(404, "gone", { A = "b" }))
    assert.same({ 404, nil, {} }, shape(404))
  end)

  it("returns a response as it is", function()
    local made = tg.response { status = 201 }
    assert.equal(made, response.of(made))
  end)

  it("refuses what a handler may not return", function()
    assert.is_false((pcall(response.of, true)))
  end)
end)

describe("a cookie's value", function()
  it("is text or a number, and no boolean, of which a client could only make text", function()
    for _, cookie in ipairs { true, false, { value = true } } do
      local ok, message = pcall(tg.response, { cookies = { id = cookie } })
      assert.is_false(ok)
      assert.matches("cookie id: a value must be a string or a number, not a boolean", tostring(message), 1, true)
    end
  end)
end)
