-- Handing on: class 9 of the threat model, over the client and a server of the test's process. Real sockets, so that
-- there are addresses.
local forwarding = require "tidegate.forwarding"
local multimap = require "tidegate.multimap"
local tg = require "tidegate"
local server = require "tests.support.server"
local socket = require "tests.support.socket"

local ANSWER = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n"

-- What an upstream gets, in lower case, when a handler calls it as `call` does; and the handler's answer.
local function handed_on(call, fields, answer_fields, handle)
  local head, answer = socket.head_of(function(url)
    return server.get(function(request)
      local got = call(request, url)
      return handle and handle(got) or got:body()
    end, "/x", fields)
  end, ANSWER .. (answer_fields or "") .. "\r\nhi")
  return head:lower(), answer
end

local function as_they_are(request, url)
  return tg.http.get(url, { headers = request.headers })
end

local function copied(request, url)
  local all = {}
  for name, value in pairs(request.headers) do
    all[name] = value
  end
  return tg.http.get(url, { headers = all })
end

local function none(_, url)
  return tg.http.get(url)
end

local function has(head, line)
  return head:find("\r\n" .. line .. "\r\n", 1, true) ~= nil
end

local function count(head, name)
  local _, found = head:gsub("\r\n" .. name:gsub("%p", "%%%0") .. ":", "")
  return found
end

describe("class 9: a request that is handed on #realtime", function()
  after_each(function()
    forwarding.trust {}
  end)

  for how, call in pairs { ["as it is"] = as_they_are, ["copied"] = copied } do
    it("loses what Connection names, " .. how, function()
      local head = handed_on(call, { "Connection: close, X-Secret", "Connection: x-other", "X-Secret: 1", "X-Other: 2",
        "X-Kept: 3" })
      assert.is_true(has(head, "x-kept: 3"))
      assert.is_nil(head:find("x-secret", 1, true))
      assert.is_nil(head:find("x-other", 1, true))
      assert.equal(0, count(head, "connection"))
    end)

    it("keeps what a client cannot take from it by naming it, " .. how, function()
      local head = handed_on(call, { "Connection: Host, Cookie, Authorization, Content-Length, X-Forwarded-For",
        "Cookie: a=b", "Authorization: secret" })
      assert.is_true(has(head, "host: test"))
      assert.is_true(has(head, "cookie: a=b"))
      assert.is_true(has(head, "authorization: secret"))
    end)
  end

  it("loses the fields of the connection", function()
    local head = handed_on(as_they_are, { "Keep-Alive: timeout=5", "Proxy-Connection: close", "TE: trailers",
      "Trailer: X", "Upgrade: websocket", "Proxy-Authorization: secret", "Proxy-Authenticate: Basic",
      "Expect: 100-continue", "Content-Length: 0" })
    for _, name in ipairs { "keep-alive", "proxy-connection", "te", "trailer", "upgrade", "proxy-authorization",
      "proxy-authenticate", "expect", "content-length", "transfer-encoding" } do
      assert.equal(0, count(head, name), name)
    end
  end)

  it("says who its client is, whatever that says of itself", function()
    local head = handed_on(as_they_are, { "X-Forwarded-For: 1.2.3.4", "X-Forwarded-Host: evil",
      "X-Forwarded-Proto: https", "X-Forwarded-Port: 1", "X-Real-IP: 1.2.3.4", "Forwarded: for=1.2.3.4" })
    assert.is_true(has(head, "x-forwarded-for: 127.0.0.1"))
    assert.is_true(has(head, "x-forwarded-host: test"))
    assert.is_true(has(head, "x-forwarded-proto: http"))
    assert.is_nil(head:find("1.2.3.4", 1, true))
    assert.is_nil(head:find("evil", 1, true))
    assert.equal(0, count(head, "x-forwarded-port"))
  end)

  it("adds a trusted proxy's address to what that says of its client", function()
    forwarding.trust { "10.0.0.0/8", "127.0.0.0/8" }
    local head = handed_on(as_they_are, { "X-Forwarded-For: 1.2.3.4", "X-Forwarded-For: 5.6.7.8",
      "X-Forwarded-Proto: https", "X-Forwarded-Port: 1" })
    assert.is_true(has(head, "x-forwarded-for: 1.2.3.4, 5.6.7.8, 127.0.0.1"))
    assert.is_true(has(head, "x-forwarded-proto: https"))
    assert.is_true(has(head, "x-forwarded-host: test:1"))
    assert.is_true(has(head, "x-forwarded-port: 1"))
  end)

  it("does not take a trusted address from others", function()
    forwarding.trust { "10.0.0.0/8", "unix:" }
    assert.is_true(has(handed_on(as_they_are, { "X-Forwarded-For: 1.2.3.4" }), "x-forwarded-for: 127.0.0.1"))
  end)

  it("is told so by a client for one upstream, too", function()
    local head = handed_on(function(request, url)
      local client = tg.http.client { base_url = url, headers = { ["X-FORWARDED-FOR"] = "mine", ["X-A"] = "1" } }
      return client:get("/", { headers = request.headers })
    end, { "X-Forwarded-For: 1.2.3.4", "Connection: X-B", "X-B: 2" })
    assert.equal(1, count(head, "x-forwarded-for"))
    assert.is_true(has(head, "x-forwarded-for: 127.0.0.1"))
    assert.is_true(has(head, "x-a: 1"))
    assert.equal(0, count(head, "x-b"))
  end)

  it("says nothing of a client that it no longer knows", function()
    local kept
    server.get(function(request)
      kept = request.headers
      return "fine"
    end, "/x", { "X-Forwarded-For: 1.2.3.4", "X-A: 1" })
    local lines = forwarding.call_lines(false, kept)
    assert.is_nil(lines["x-forwarded-for"])
    assert.is_nil(lines["x-forwarded-host"])
    assert.equal("1", lines["x-a"])
  end)
end)

describe("llhttp 4: a padded length #realtime", function()
  it("is written anew where it is handed on", function()
    local upstream, head = socket.listen(), nil
    tg.gather {
      function()
        local connection = upstream:accept()
        head = connection:read_head()
        connection:read_exactly(5)
        connection:write(ANSWER .. "\r\nhi")
        connection:close()
      end,
      function()
        server.ask(function(request)
          return tg.http.post(upstream.url, { headers = request.headers, body = request:body() }):body()
        end, "POST /x HTTP/1.1\r\nHost: test\r\nContent-Length:  005 \r\n\r\nhello")
      end,
    }
    upstream:close()
    assert.equal(1, count(head:lower(), "content-length"))
    assert.is_true(has(head:lower(), "content-length: 5"))
  end)
end)

describe("class 9: an upstream's answer that is handed on #realtime", function()
  local FIELDS = "Connection: close, X-Secret\r\nX-Secret: 1\r\nKeep-Alive: timeout=5\r\nProxy-Authenticate: Basic\r\n"
    .. "Trailer: X\r\nUpgrade: h2c\r\nX-Kept: 2\r\nSet-Cookie: a=1\r\nSet-Cookie: b=2\r\n"

  local function check(answer)
    local head = answer.head:lower()
    assert.is_true(has(head, "x-kept: 2"))
    assert.equal(2, count(head, "set-cookie"))
    for _, name in ipairs { "x-secret", "keep-alive", "proxy-authenticate", "trailer", "upgrade", "connection" } do
      assert.equal(0, count(head, name), name)
    end
  end

  it("loses what its Connection names and what belongs to the connection", function()
    local _, answer = handed_on(none, {}, FIELDS, function(got)
      return tg.response { status = got.status, headers = got.headers, body = got:body() }
    end)
    check(answer)
  end)

  it("has each field once, though a middleware spells it otherwise", function()
    local _, answer = handed_on(none, {}, FIELDS .. "cache-control: no-store\r\n", function(got)
      local response = tg.response { headers = got.headers, cookies = { c = "3" }, body = "x" }
      response.headers["Cache-Control"] = "private"
      response.headers["X-KEPT"] = nil
      assert.equal("private", response.headers["CACHE-control"])
      return response
    end)
    local head = answer.head:lower()
    assert.equal(1, count(head, "cache-control"))
    assert.is_true(has(head, "cache-control: private"))
    assert.equal(0, count(head, "x-kept"))
    assert.equal(3, count(head, "set-cookie"))
  end)
end)

describe("class 9: a field in two spellings", function()
  it("is an error at the call #realtime", function()
    local ok, err = pcall(tg.http.get, "http://127.0.0.1:1/", { headers = { ["X-A"] = "1", ["x-a"] = "2" } })
    assert.is_false(ok)
    assert.matches("header %S+ is given in two spellings", tostring(err))
  end)

  it("is an error in an answer", function()
    local answer
    local lines = server.logged(function()
      answer = server.get(function()
        return 200, "x", { ["X-A"] = "1", ["x-a"] = "2" }
      end, "/x")
    end)
    assert.equal(500, answer.status)
    assert.is_nil(answer.headers["x-a"])
    assert.matches("two spellings", lines[1].message, 1, true)
  end)

  it("is told from names of the same length and ends", function()
    local names = {}
    for index = 1, 99 do
      names[("X-%03d-a"):format(index)] = tostring(index)
    end
    local head = server.get(function()
      return 200, "x", names
    end, "/x").head
    assert.equal(99, select(2, head:gsub("\r\nX%-%d%d%d%-a: %d+", "")))
  end)
end)

describe("multimap.headers", function()
  it("is a copy that finds and changes names in any case, and keeps their spelling", function()
    local given = { ["X-Tag"] = "a", ETag = "b", [1] = "x" }
    local headers = multimap.headers(given)
    assert.equal("a", headers["x-tag"])
    headers["x-TAG"], headers.etag, headers.New = "c", nil, "n"
    assert.equal("a", given["X-Tag"])
    local seen = {}
    for name, value in pairs(headers) do
      seen[name] = value
    end
    assert.same({ ["X-Tag"] = "c", New = "n", [1] = "x" }, seen)
    assert.is_nil(headers.missing)
    assert.is_nil(headers[2])
    headers.new = nil
    assert.is_nil(headers.New)
    assert.is_nil(next(multimap.headers()))
  end)
end)
