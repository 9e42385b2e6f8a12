-- An upstream's answer as the gateway's own: whichever way a route hands it on, the client gets what the upstream sent.
local listen_in_memory = require "tests.support.listen_in_memory"
local t = require "tidegate.testing"
local tg = require "tidegate"

local URL = "http://up.test/x"
local LONG = ("long "):rep(1000)

-- Ways to hand an answer on, each in place of the others. `call` makes it.
local WAYS = {
  ["it"] = function(call) return call() end,
  ["it with its status"] = function(call)
    local answer = call()
    return answer.status, answer
  end,
  ["its parts"] = function(call)
    local answer = call()
    return answer.status, answer:body(), answer.headers
  end,
  ["its parts in a response"] = function(call)
    local answer = call()
    return tg.response { status = answer.status, headers = answer.headers, body = answer:body() }
  end,
  ["it as a response's body"] = function(call) return tg.response { body = call() } end,
  ["it through a middleware"] = function(call) return call() end,
}

local HEAD = "HTTP/1.1 %d Any\r\n%s\r\n"

-- What an upstream sends, and what of it a client gets: fields that are there, in any order, or that are not (false).
local ANSWERS = {
  { name = "a typed body", fields = "Content-Type: text/css\r\nX-Own: 1\r\nContent-Length: 4\r\n", body = "body",
    gets = { ["content-type"] = "text/css", ["x-own"] = "1", ["content-length"] = "4" } },
  { name = "an untyped body", fields = "Content-Length: 4\r\n", body = "body",
    gets = { ["content-type"] = false, ["content-length"] = "4" } },
  { name = "an untyped body of nothing", fields = "Content-Length: 0\r\n", body = "",
    gets = { ["content-type"] = false, ["content-length"] = "0" } },
  { name = "chunks", fields = "Content-Type: text/css\r\nTransfer-Encoding: chunked\r\nTrailer: X-T\r\n",
    body = "4;a=b\r\nbody\r\n0\r\nX-T: 1\r\n\r\n", content = "body",
    gets = { ["transfer-encoding"] = false, trailer = false, ["x-t"] = false, ["content-length"] = "4" } },
  { name = "a body until its end", fields = "Content-Type: text/css\r\n", body = "body",
    gets = { ["content-length"] = "4" } },
  { name = "HTTP/1.0", version = "HTTP/1.0", fields = "Content-Type: text/css\r\n", body = "body",
    gets = { ["content-length"] = "4" } },
  { name = "1xx before it", before = "HTTP/1.1 103 Early\r\nLink: </a>\r\n\r\nHTTP/1.1 102 Wait\r\n\r\n",
    fields = "Content-Length: 4\r\n", body = "body", gets = { link = false } },
  { name = "a compressed body", fields = "Content-Encoding: br\r\nContent-Type: text/css\r\nContent-Length: 5000\r\n"
    .. "ETag: \"a\"\r\nVary: Accept-Encoding\r\n", body = LONG,
    gets = { ["content-encoding"] = "br", vary = "Accept-Encoding", etag = '"a"', ["content-length"] = "5000" } },
  { name = "cookies", fields = "Set-Cookie: a=1\r\nSet-Cookie: b=2; Expires=Thu, 01 Jan 2026 00:00:00 GMT\r\n"
    .. "Content-Length: 4\r\n", body = "body",
    text = "\r\nset%-cookie: a=1\r\nset%-cookie: b=2; Expires=Thu, 01", gets = {} },
  { name = "204", status = 204, fields = "X-Own: 1\r\nContent-Length: 0\r\n", body = "",
    gets = { ["x-own"] = "1", ["content-length"] = false, ["content-type"] = false } },
  { name = "304", status = 304,
    fields = "ETag: \"a\"\r\nCache-Control: no-cache\r\nVary: Accept\r\nContent-Length: 9\r\n",
    body = "", gets = { etag = '"a"', ["cache-control"] = "no-cache", vary = "Accept", ["content-type"] = false,
      ["content-length"] = "9" } },
  { name = "304 without a length", status = 304, fields = "ETag: \"a\"\r\n", body = "",
    gets = { etag = '"a"', ["content-length"] = false } },
  { name = "a redirect", status = 302, fields = "Location: /a\r\nContent-Length: 0\r\n", body = "",
    gets = { location = "/a" } },
  { name = "a part", status = 206, fields = "Content-Range: bytes 0-3/9\r\nContent-Length: 4\r\n", body = "body",
    gets = { ["content-range"] = "bytes 0-3/9" } },
  { name = "an error", status = 503, fields = "Retry-After: 5\r\nContent-Type: text/x-e\r\nContent-Length: 4\r\n",
    body = "body", gets = { ["retry-after"] = "5", ["content-type"] = "text/x-e" } },
  { name = "fields of the connection", fields = "Connection: close, X-Hop\r\nX-Hop: 1\r\nKeep-Alive: timeout=1\r\n"
    .. "Proxy-Authenticate: x\r\nUpgrade: h2c\r\nContent-Length: 4\r\n", body = "body",
    gets = { ["x-hop"] = false, ["keep-alive"] = false, ["proxy-authenticate"] = false, upgrade = false } },
  { name = "a date and a language", fields = "Date: Thu, 01 Jan 2026 00:00:00 GMT\r\nContent-Language: de\r\n"
    .. "Expires: 0\r\nContent-Location: /b\r\nContent-Length: 4\r\n", body = "body",
    gets = { date = "Thu, 01 Jan 2026 00:00:00 GMT", ["content-language"] = "de", expires = "0",
      ["content-location"] = "/b" } },
}

-- Answers one request on each connection with the same bytes; for HEAD without the body.
local function serve(streams, answer)
  local head = (HEAD):format(answer.status or 200, answer.fields)
  head = (answer.before or "") .. head:gsub("^HTTP/1.1", answer.version or "HTTP/1.1")
  local served = 0
  while true do
    tg.sleep(0.01)
    while served < #streams do
      served = served + 1
      local request = streams[served]:read_until "\r\n\r\n"
      streams[served]:write(head .. (request:find "^HEAD" and "" or answer.body))
      streams[served]:finish()
    end
  end
end

local function ask(client_method, path)
  local stream = tg.tcp.connect("app.test", 80)
  stream:write(("%s %s HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n"):format(client_method, path))
  local parts = {}
  for bytes in function() return stream:read(65536) end do
    parts[#parts + 1] = bytes
  end
  stream:close()
  local head, rest = table.concat(parts):match "^(.-\r\n)\r\n(.*)$"
  local lower = head:gsub("\r\n[^:\r\n]+:", string.lower)
  local fields = {}
  for name, value in lower:gmatch "\r\n([^:\r\n]+): ([^\r\n]*)" do
    assert(not fields[name] or name == "set-cookie", "twice: " .. name)
    fields[name] = value
  end
  return { status = tonumber(head:match "^HTTP/1%.1 (%d+)"), head = lower, fields = fields, body = rest }
end

-- An app that hands on in every way, and what it has answered.
local function handed_on(answer, client_method, upstream_method, way)
  local streams, close = listen_in_memory "up.test"
  t.app(function(app)
    if way == "it through a middleware" then
      app:use(function(request, next) return next(request) end)
    end
    app:get("/", function()
      return WAYS[way](function() return tg.http.request(upstream_method, URL) end)
    end)
  end)
  local got
  tg.race {
    function() serve(streams, answer) end,
    function()
      got = ask(client_method, "/")
      return true
    end,
  }
  close()
  return got
end

describe("an upstream's answer", function()
  for way in pairs(WAYS) do
    for _, answer in ipairs(ANSWERS) do
      for _, methods in ipairs { { "GET", "GET" }, { "HEAD", "HEAD" }, { "HEAD", "GET" } } do
        local name = "of %s, handed on as %s where the client says %s and the route %s, is what the upstream sent"
        it(name:format(answer.name, way, methods[1], methods[2]), function()
          local got = handed_on(answer, methods[1], methods[2], way)
          assert.equal(answer.status or (way == "it as a response's body" and 200) or 200, got.status)
          assert.equal(methods[1] == "GET" and (answer.content or answer.body) or "", got.body)
          local says_length = answer.fields:find "Content%-Length" ~= nil
          for field, value in pairs(answer.gets) do
            local unknown = field == "content-length" and methods[2] == "HEAD" and not says_length
            assert.equal(not unknown and value or nil, got.fields[field], field)
          end
          assert.is_nil(got.fields["content-type"] and got.fields["content-type"]:match "plain")
          if answer.text then
            assert.matches(answer.text, got.head)
          end
        end)
      end
    end
  end

  it("to HEAD that a route asks for in place of GET has no bytes, and says so", function()
    local answer = { fields = "Content-Type: text/css\r\nContent-Length: 9\r\n", body = "" }
    local got = handed_on(answer, "GET", "HEAD", "it")
    assert.equal("0", got.fields["content-length"])
    assert.equal("", got.body)
  end)
end)

describe("an upstream's answer that is changed", function()
  local fields = "Content-Type: text/css\r\nContent-Encoding: br\r\nContent-Length: 4\r\nX-Own: 1\r\n"
    .. "Repr-Digest: x=:x:\r\nContent-MD5: x\r\n"

  local function changed(change)
    local got
    WAYS.own = function(call) return change(call()) end
    got = handed_on({ fields = fields, body = "body" }, "GET", "GET", "own")
    WAYS.own = nil
    return got
  end

  it("is described anew where its body is made anew", function()
    for _, change in ipairs {
      function(answer) return 200, { a = 1 }, answer.headers end,
      function(answer) return tg.response { headers = answer.headers, body = { a = 1 } } end,
    } do
      local got = changed(change)
      assert.equal('{"a":1}', got.body)
      assert.equal("application/json", got.fields["content-type"])
      assert.equal("7", got.fields["content-length"])
      assert.equal("1", got.fields["x-own"])
      for _, name in ipairs { "content-encoding", "repr-digest", "content-md5" } do
        assert.is_nil(got.fields[name], name)
      end
    end
    local got = changed(function(answer) return 200, "another text", answer.headers end)
    assert.equal("another text", got.body)
    assert.equal("text/css", got.fields["content-type"])
    assert.is_nil(got.fields["content-encoding"])
  end)

  it("has what is said beside it in place of its own", function()
    for _, change in ipairs {
      function(answer) return 201, answer, { ["content-TYPE"] = "text/x", ["X-New"] = "2" } end,
      function(answer)
        return tg.response { status = 201, headers = { ["content-TYPE"] = "text/x", ["X-New"] = "2" }, body = answer }
      end,
    } do
      local got = changed(change)
      assert.equal(201, got.status)
      assert.equal("body", got.body)
      assert.equal("text/x", got.fields["content-type"])
      assert.equal("2", got.fields["x-new"])
      assert.equal("1", got.fields["x-own"])
      assert.equal("br", got.fields["content-encoding"])
    end
  end)

  it("is a response like any other to a middleware", function()
    local status, own
    local streams, close = listen_in_memory "up.test"
    t.app(function(app)
      app:use(function(request, next)
        local response = next(request)
        status, own = response.status, response.headers["X-OWN"]
        response.headers["x-OWN"] = "other"
        return response
      end)
      app:get("/", function() return tg.http.get(URL) end)
    end)
    local got
    tg.race {
      function() serve(streams, { fields = fields, body = "body" }) end,
      function()
        got = ask("GET", "/")
        return true
      end,
    }
    close()
    assert.equal(200, status)
    assert.equal("1", own)
    assert.equal("other", got.fields["x-own"])
    assert.equal("body", got.body)
  end)
end)

-- What a script makes of the fields of an answer where it copies them.
local function copy_of(answer)
  local headers = {}
  for name, value in pairs(answer.headers) do
    headers[name] = value
  end
  return headers
end

describe("the fields of an upstream's answer, copied by a script", function()
  -- The answer of a route that has called /a and /b, and looked at both.
  local function answer_of(method, make)
    local function typed(name, coding, content_type)
      return t.answer { body = name, headers = { ["Content-Type"] = content_type, ["Content-Encoding"] = coding,
        ["X-Own"] = name } }
    end
    t.upstream { address = "http://up.test", routes = {
      ["GET /a"] = typed("first", "gzip", "text/css"), ["GET /b"] = typed("second", "br", "application/vnd.api+json"),
    } }
    return t.app(function(app)
      app[method:lower()](app, "/", function()
        return make { first = tg.http.get "http://up.test/a", second = tg.http.get "http://up.test/b" }
      end)
    end):request(method, "/")
  end

  for taken, coding in pairs { first = "gzip", second = "br" } do
    for read_last, other in pairs { first = "second", second = "first" } do
      local name = "describe the body of the %s that they go with, where the %s was read last"
      it(name:format(taken, read_last), function()
        local got = answer_of("GET", function(answers)
          local copies = { [other] = copy_of(answers[other]), [read_last] = copy_of(answers[read_last]) }
          return 200, answers[taken]:body(), copies[taken]
        end)
        assert.equal(taken, got:body())
        assert.equal(taken, got.headers["x-own"])
        assert.equal(coding, got.headers["content-encoding"])
      end)
    end
  end

  it("go with the body that they came with, though another answer has had the same ones", function()
    local alike = { ["Content-Type"] = "text/css", ["Content-Encoding"] = "gzip", ["X-Own"] = "1" }
    t.upstream { address = "http://up.test", routes = {
      ["GET /a"] = t.answer { body = "first", headers = alike },
      ["GET /b"] = t.answer { body = "other", headers = alike },
    } }
    for _, path in ipairs { "/a", "/b" } do
      local got = t.app(function(app)
        app:get("/", function()
          local answers = { ["/a"] = tg.http.get "http://up.test/a", ["/b"] = tg.http.get "http://up.test/b" }
          local copies = { ["/a"] = copy_of(answers["/a"]), ["/b"] = copy_of(answers["/b"]) }
          return 200, answers[path]:body(), copies[path]
        end)
      end):get "/"
      assert.equal("gzip", got.headers["content-encoding"], path)
    end
  end)

  it("do not describe another body", function()
    local got = answer_of("GET", function(answers)
      local headers = copy_of(answers.first)
      copy_of(answers.second)
      return 200, "made anew", headers
    end)
    assert.equal("first", got.headers["x-own"])
    assert.is_nil(got.headers["content-encoding"])
    assert.equal("9", got.headers["content-length"])
  end)

  it("leave a length that the script has set as it is", function()
    local got = answer_of("HEAD", function(answers)
      local headers = copy_of(answers.first)
      headers["content-length"] = nil
      headers["Content-Length"] = "1234"
      return 200, nil, headers
    end)
    assert.equal("1234", got.headers["content-length"])
  end)

  it("keep a type that is JSON's where a table is sent in place of the body", function()
    for _, make in ipairs {
      function(answers) return 200, { a = 1 }, copy_of(answers.second) end,
      function(answers) return tg.response { headers = answers.second.headers, body = { a = 1 } } end,
    } do
      local got = answer_of("GET", make)
      assert.equal('{"a":1}', got:body())
      assert.equal("application/vnd.api+json", got.headers["content-type"])
      assert.is_nil(got.headers["content-encoding"])
    end
  end)
end)
