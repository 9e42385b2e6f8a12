local tg = require "tidegate"
local server = require "tests.support.server"
local wait = require "tests.support.wait"

-- What a handler reads of a request, by way of JSON.
local function seen_by(read, path, fields)
  local answer = server.get(function(request)
    return { value = read(request) }
  end, path or "/x", fields)
  return tg.json.decode(answer.body).value, answer
end

-- The answer to a request with a body, whose handler returns what `read` returns.
local function answer_to_body(read, fields, body)
  local lines = { "POST /x HTTP/1.1", "Host: test", "Content-Length: " .. #body, unpack(fields) }
  return server.ask(read, table.concat(lines, "\r\n") .. "\r\n\r\n" .. body)
end

local function detail_of(answer)
  return tg.json.decode(answer.body).detail
end

describe("a request's query", function()
  local function query(text)
    return seen_by(function(request)
      return request.query
    end, "/x" .. text)
  end

  it("is decoded", function()
    assert.same({ a = "1", b = "x y", c = "x y", ["é"] = "&=", empty = "", bare = "" },
      query "?a=1&b=x+y&c=x%20y&%C3%A9=%26%3D&empty=&bare")
    assert.same({}, query "")
    assert.same({}, query "?")
    assert.same({}, query "?&&")
  end)

  it("keeps what comes several times", function()
    local values = seen_by(function(request)
      return { request.query.a, tg.values(request.query, "a"), tg.values(request.query, "b") }
    end, "/x?a=1&b=2&a=3&a=")
    assert.same({ "1", { "1", "3", "" }, { "2" } }, values)
  end)

  it("is answered with 400 where its encoding is bad, by the handler that reads it", function()
    for _, text in ipairs { "?a=%", "?a=%2", "?%zz=1" } do
      local _, answer = query(text)
      assert.equal(400, answer.status)
      assert.equal("the query: bad percent-encoding", detail_of(answer))
      assert.equal(200, server.get(function() return "fine" end, "/x" .. text).status)
    end
  end)

  it("is answered with 400 where it has too many pairs", function()
    local _, answer = query("?" .. ("a&"):rep(1001))
    assert.equal(400, answer.status)
    assert.equal("the query: more than 1000 pairs", detail_of(answer))
    assert.equal(200, select(2, query("?" .. ("a&"):rep(1000))).status)
  end)
end)

describe("a request's headers", function()
  it("are found without regard to case", function()
    local values = seen_by(function(request)
      local headers = request.headers
      return { headers["X-Some-Thing"], headers["x-some-thing"], headers.host, headers["X-None"] or tg.null }
    end, nil, { "x-sOmE-tHiNg:  spaced\t " })
    assert.same({ "spaced", "spaced", "test", tg.null }, values)
  end)

  it("keep what comes several times", function()
    local values = seen_by(function(request)
      return { request.headers.Accept, tg.values(request.headers, "accept") }
    end, nil, { "Accept: a", "ACCEPT: b" })
    assert.same({ "a, b", { "a", "b" } }, values)
  end)
end)

describe("a request's cookies", function()
  local function cookies(...)
    return seen_by(function(request)
      return request.cookies
    end, nil, { ... })
  end

  it("are read from all Cookie fields", function()
    assert.same({ a = "1", b = "x=y", c = "quoted", d = "" }, cookies('Cookie: a=1;b=x=y;  c="quoted"', "Cookie: d="))
    assert.same({}, cookies())
  end)

  it("are the first of several with a name, and nothing that is no pair", function()
    assert.same({ a = "1" }, cookies "Cookie: a=1; a=2; nonsense; =x; ;")
  end)
end)

describe("a request", function()
  it("says what it is", function()
    local values = seen_by(function(request)
      return {
        request.method, request.path, request.target, request.host, request.scheme, request.version, tostring(request),
      }
    end, "/a/./b/../%7Ec?q")
    assert.same({ "GET", "/a/~c", "/a/./b/../%7Ec?q", "test", "http", "1.1", "GET /a/~c" }, values)
  end)

  it("knows its client's address", function()
    local address = seen_by(function(request)
      return request.remote_address
    end)
    assert.equal("127.0.0.1", address)
  end)

  it("has an id of its own, always the same", function()
    local function ids()
      return seen_by(function(request)
        return { request.id, request.id }
      end)
    end
    local first, second = ids(), ids()
    assert.matches("^%x%x%x%x%x%x%x%x%-%x%x%x%x%x%x$", first[1])
    assert.equal(first[1], first[2])
    assert.not_equal(first[1], second[1])
  end)

  it("takes the host of an absolute target", function()
    local answer = server.ask(function(request)
      return request.host .. " " .. request.path
    end, "GET http://example.com:81/x HTTP/1.1\r\nHost: example.com:81\r\n\r\n")
    assert.equal("example.com:81 /x", answer.body)
  end)

  it("has no host in HTTP/1.0 without one", function()
    local answer = server.ask(function(request)
      return tostring(request.host) .. " " .. request.version
    end, "GET /x HTTP/1.0\r\n\r\n")
    assert.equal("nil 1.0", answer.body)
  end)

  it("has no other fields, and takes what middleware puts there", function()
    local value = seen_by(function(request)
      request.user = "ada"
      return { request.nothing == nil, request.user }
    end)
    assert.same({ true, "ada" }, value)
  end)

  it("cannot be read once it has ended", function()
    local kept
    server.get(function(request)
      kept = request
      return request.path
    end, "/kept")
    assert.equal("/kept", kept.path)
    for _, name in ipairs { "query", "headers", "host", "remote_address", "id", "target" } do
      local ok, message = pcall(function()
        return kept[name]
      end)
      assert.is_false(ok)
      assert.matches("the request has ended; read what you need of it before that", message, 1, true)
    end
    assert.is_false((pcall(kept.body, kept)))
  end)
end)

describe("request:body", function()
  local function length_of_body(request)
    return tostring(#request:body())
  end

  it("is the whole body", function()
    assert.equal("5", answer_to_body(length_of_body, {}, "hello").body)
    assert.equal("1048576", answer_to_body(length_of_body, {}, ("x"):rep(1048576)).body)
  end)

  it("is empty where there is none", function()
    assert.equal("0", server.get(length_of_body, "/x").body)
    assert.equal("0", answer_to_body(length_of_body, {}, "").body)
  end)

  it("is the same each time", function()
    local answer = answer_to_body(function(request)
      return { request:body(), request:body() }
    end, {}, "a\0b\r\n")
    assert.same({ "a\0b\r\n", "a\0b\r\n" }, tg.json.decode(answer.body))
  end)

  it("waits until it has come, in several tasks at once", function()
    local connection = server.connect(function(request)
      return tg.map({ 1, 2, 3 }, function()
        return request:body()
      end)
    end)
    connection:send "POST /x HTTP/1.1\r\nHost: test\r\nContent-Length: 4\r\n\r\nab"
    tg.sleep(0.005)
    connection:send "cd"
    assert.equal('["abcd","abcd","abcd"]', connection:read().body)
    connection:close()
  end)

  it("wakes nobody who has given up waiting for it", function()
    local gave_up, slept
    local connection = server.connect(function(request)
      pcall(tg.gather, {
        function()
          request:body()
        end,
        function()
          tg.sleep(0)
          error "enough"
        end,
      })
      gave_up = true
      tg.map({ 1, 2, 3 }, function() -- in the coroutines that have waited for the body
        local started = tg.now()
        tg.sleep(0.03)
        slept = math.min(slept or math.huge, tg.now() - started)
      end)
      return request:body()
    end)
    connection:send "POST /x HTTP/1.1\r\nHost: test\r\nContent-Length: 4\r\n\r\nab"
    wait.until_true("the handler has given up", function()
      return gave_up
    end)
    connection:send "cd"
    assert.equal("abcd", connection:read().body)
    assert.is_true(slept >= 0.03)
    connection:close()
  end)

  it("is put together from chunks", function()
    local answer = server.ask(function(request)
      return request:body()
    end, "POST /x HTTP/1.1\r\nHost: test\r\nTransfer-Encoding: chunked\r\n\r\n" .. "3\r\nabc\r\n"
      .. "2;extension=x\r\nde\r\n" .. "0\r\nTrailer: dropped\r\n\r\n")
    assert.equal("abcde", answer.body)
  end)
end)

describe("request:json", function()
  local function read(request)
    return { got = request:json() }
  end

  it("decodes the body, whatever its type", function()
    assert.equal('{"got":[1,2]}', answer_to_body(read, { "Content-Type: application/json" }, "[1,2]").body)
    assert.equal('{"got":null}', answer_to_body(read, {}, "null").body)
  end)

  it("answers 400 and says where the body is no JSON", function()
    local answer = answer_to_body(read, {}, '{"a":}')
    assert.equal(400, answer.status)
    assert.equal("the body is not JSON: line 1, column 6: unexpected '}', expected a valid JSON value",
      detail_of(answer))
    for _, nothing in ipairs { "", " ", "\r\n" } do
      assert.equal(400, answer_to_body(read, {}, nothing).status)
      assert.equal("the body is empty", detail_of(answer_to_body(read, {}, nothing)))
    end
  end)
end)

describe("request:form", function()
  local function read(request)
    local form = request:form()
    return { form = form, all = tg.values(form, "a") }
  end

  it("decodes the body", function()
    local kind = "Content-Type: Application/X-WWW-Form-Urlencoded; charset=utf-8"
    local answer = answer_to_body(read, { kind }, "a=1&b=x+y%21&a=2")
    assert.same({ form = { a = "1", b = "x y!" }, all = { "1", "2" } }, tg.json.decode(answer.body))
  end)

  it("answers 415 to another type", function()
    for _, fields in ipairs { {}, { "Content-Type: application/json" }, { "Content-Type:" } } do
      local answer = answer_to_body(read, fields, "a=1")
      assert.equal(415, answer.status)
      assert.equal("a form must be application/x-www-form-urlencoded", detail_of(answer))
    end
  end)

  it("answers 400 where its encoding is bad", function()
    local answer = answer_to_body(read, { "Content-Type: application/x-www-form-urlencoded" }, "a=%")
    assert.equal(400, answer.status)
    assert.equal("the form: bad percent-encoding", detail_of(answer))
  end)

  it("is answered with 413 where it has more pairs than its limit (classes 6 and 21)", function()
    local function ask(count, options)
      return answer_to_body(function(request)
        return { form = request:form(options) }
      end, { "Content-Type: application/x-www-form-urlencoded" }, ("a=1&"):rep(count))
    end
    assert.equal(200, ask(1000).status)
    local answer = ask(1001)
    assert.equal(413, answer.status)
    assert.equal("the form: more than 1000 pairs", detail_of(answer))
    assert.equal(200, ask(2, { form_pairs_max = 2 }).status)
    assert.equal("the form: more than 2 pairs", detail_of(ask(3, { form_pairs_max = 2 })))
    assert.equal(500, ask(1, { pairs_max = 2 }).status)
    assert.equal(500, ask(1, { form_pairs_max = "2" }).status)
  end)
end)
