-- Requests that two parsers could read in two ways: each is refused, its connection closed, and no handler sees it.
local gateway = require "tests.support.gateway"
local request = require "tests.support.request"

local ROUTES = [[
return function(app)
  local count = 0
  app:use(function(request, next)
    if request.path ~= "/statistics-of-tests" then
      count = count + 1
    end
    return next(request)
  end)
  app:get("/count", function()
    return tostring(count)
  end)
  app:post("/{rest...}", function(request)
    return request:body()
  end)
  app:get("/{rest...}", function(request)
    return request.path
  end)
end
]]

local SMUGGLED = request.get "/smuggled"

-- A POST with these framing lines.
local function post(lines, body)
  return request.head("POST", "/", lines) .. (body or SMUGGLED)
end

local function get(target, fields)
  return "GET " .. target .. " HTTP/1.1\r\n" .. (fields or "Host: test\r\n") .. "\r\n"
end

local refused = {
  ["framing"] = {
    { 400, "length and coding", post("Content-Length: 5\r\nTransfer-Encoding: chunked", "0\r\n\r\n") },
    { 400, "coding and length", post("Transfer-Encoding: chunked\r\nContent-Length: 5", "0\r\n\r\n") },
    { 400, "an empty coding beside a length", post "Transfer-Encoding:\r\nContent-Length: 3" },
    { 400, "two lengths", post "Content-Length: 3\r\nContent-Length: 4" },
    { 400, "two equal lengths", post "Content-Length: 3\r\nContent-Length: 3" },
    { 400, "a list of lengths", post "Content-Length: 3, 3" },
    { 400, "a signed length", post "Content-Length: +3" },
    { 400, "a negative length", post "Content-Length: -3" },
    { 400, "a hexadecimal length", post "Content-Length: 0x3" },
    { 400, "a length with a space in it", post "Content-Length: 1 0" },
    { 400, "a fractional length", post "Content-Length: 3.0" },
    { 400, "an empty length", post "Content-Length:" },
    { 400, "a length beyond 64 bits", post "Content-Length: 99999999999999999999999" },
    { 400, "two codings in two fields", post("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked", "0\r\n\r\n") },
    { 400, "chunked not last", post("Transfer-Encoding: chunked, identity", "0\r\n\r\n") },
    { 400, "chunked twice", post("Transfer-Encoding: chunked, chunked", "0\r\n\r\n") },
    { 400, "a list that begins empty", post("Transfer-Encoding: ,chunked", "0\r\n\r\n") },
    { 400, "an unknown coding", post "Transfer-Encoding: identity" },
    { 400, "almost chunked", post("Transfer-Encoding: xchunked", "0\r\n\r\n") },
    { 400, "chunked in quotes", post('Transfer-Encoding: "chunked"', "0\r\n\r\n") },
    { 501, "a coding before chunked", post("Transfer-Encoding: gzip, chunked", "0\r\n\r\n") },
    { 400, "a coding in HTTP/1.0", "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" .. SMUGGLED },
  },
  ["syntax"] = {
    { 400, "a space before the colon", get("/", "Host: test\r\nX : y\r\n") },
    { 400, "a folded field", get("/", "Host: test\r\nX: a\r\n b\r\n") },
    { 400, "a field without a name", get("/", "Host: test\r\n: y\r\n") },
    { 400, "a field without a colon", get("/", "Host: test\r\nnonsense\r\n") },
    { 400, "a bare CR in a value", get("/", "Host: test\r\nX: a\rb\r\n") },
    { 400, "a bare CR that hides a field", get("/", "Host: test\r\nX: a\rContent-Length: 3\r\n") },
    { 400, "a bare LF that ends a field", get("/", "Host: test\r\nX: a\nY: b\r\n") },
    { 400, "a NUL in a value", get("/", "Host: test\r\nX: a\0b\r\n") },
    { 400, "a NUL in a name", get("/", "Host: test\r\nX\0Y: b\r\n") },
    { 400, "a name that is no token", get("/", "Host: test\r\nX(Y): b\r\n") },
    { 400, "a space before the first field", "GET / HTTP/1.1\r\n Host: test\r\n\r\n" },
    { 400, "bare LFs all over", "GET / HTTP/1.1\nHost: test\n\n" },
    { 501, "class 3: an unknown method", "FOO / HTTP/1.1\r\nHost: test\r\n\r\n" },
    { 400, "class 3: a bare CR before a request", "\rGET / HTTP/1.1\r\nHost: test\r\n\r\n" },
    { 400, "class 3: a bare LF before a request", "\nGET / HTTP/1.1\r\nHost: test\r\n\r\n" },
    { 505, "llhttp 8: half of HTTP/2's preface", "PRI * HTTP/2.0\r\n" },
    { 501, "a method in lower case", "get / HTTP/1.1\r\nHost: test\r\n\r\n" },
    { 400, "bytes of TLS", "\22\3\1\2\0\1\0\1\252\3\3" },
    { 400, "nothing like HTTP", "hello\r\n\r\n" },
    { 501, "CONNECT", "CONNECT test:80 HTTP/1.1\r\nHost: test:80\r\n\r\n" },
    { 505, "HTTP/2 without having agreed on it", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" },
    { 505, "HTTP/2.0 in words", "GET / HTTP/2.0\r\nHost: test\r\n\r\n" },
    { 400, "HTTP/1.2", "GET / HTTP/1.2\r\nHost: test\r\n\r\n" },
    { 505, "HTTP/0.9 in words", "GET / HTTP/0.9\r\nHost: test\r\n\r\n" },
    { 505, "no version", "GET /\r\n\r\n" },
  },
  ["host"] = {
    { 400, "none", get("/", "") },
    { 400, "two", get("/", "Host: test\r\nHost: test\r\n") },
    { 400, "an empty one", get("/", "Host:\r\n") },
    { 400, "a list", get("/", "Host: a, b\r\n") },
    { 400, "a user", get("/", "Host: user@test\r\n") },
    { 400, "a path", get("/", "Host: test/path\r\n") },
    { 400, "a space", get("/", "Host: a b\r\n") },
    { 400, "a port that is none", get("/", "Host: test:port\r\n") },
    { 400, "a port too long", get("/", "Host: test:123456\r\n") },
    { 400, "two ports", get("/", "Host: test:1:2\r\n") },
    { 400, "a port alone", get("/", "Host: :80\r\n") },
    { 400, "an open bracket", get("/", "Host: [::1\r\n") },
    { 400, "bytes behind a bracket", get("/", "Host: [::1]x\r\n") },
    { 400, "llhttp 1: an address that is none", get("/", "Host: [x]\r\n") },
    { 400, "llhttp 1: a bracket inside", get("/", "Host: a[b]\r\n") },
    { 400, "llhttp 1: a port over 65535", get("/", "Host: test:65536\r\n") },
    { 400, "llhttp 1: a bad encoding", get("/", "Host: %zz\r\n") },
    { 400, "another than the target's user", get("http://user@other/", "Host: test\r\n") },
  },
  ["target"] = {
    { 400, "a path above the root", get "/../x" },
    { 400, "an encoded path above the root", get "/%2e%2e/x" },
    { 400, "a half-encoded path above the root", get "/a/.%2e/%2E./../x" },
    { 400, "a NUL", get "/%00" },
    { 400, "an encoded line end", get "/%0d%0aX:%20y" },
    { 400, "overlong UTF-8", get "/%c0%ae%c0%ae/" },
    { 400, "invalid UTF-8", get "/%ff" },
    { 400, "raw bytes that are no UTF-8", get "/\255" },
    { 400, "bad percent-encoding", get "/%zz" },
    { 400, "cut percent-encoding", get "/%2" },
    { 400, "a fragment", get "/x#y" },
    { 400, "* with GET", get "*" },
    { 400, "neither path nor URL", get "x" },
    { 400, "another scheme", get "ftp://test/" },
    { 400, "two spaces", "GET  / HTTP/1.1\r\nHost: test\r\n\r\n" },
    { 400, "a tab", "GET /\tx HTTP/1.1\r\nHost: test\r\n\r\n" },
    { 400, "a control character", get "/\1" },
  },
  ["chunks"] = {
    { 400, "a size that is no number", post("Transfer-Encoding: chunked", "x\r\n\r\n") },
    { 400, "a negative size", post("Transfer-Encoding: chunked", "-1\r\n\r\n") },
    { 400, "a size with 0x", post("Transfer-Encoding: chunked", "0x1\r\nx\r\n0\r\n\r\n") },
    { 400, "a size beyond 64 bits", post("Transfer-Encoding: chunked", "fffffffffffffffff\r\n") },
    { 413, "a huge size", post("Transfer-Encoding: chunked", "fffffffffffffff0\r\n") },
    { 400, "a chunk longer than it says", post("Transfer-Encoding: chunked", "1\r\nxy\r\n0\r\n\r\n") },
    { 400, "a chunk that ends in a bare LF", post("Transfer-Encoding: chunked", "1\nx\n0\n\n") },
    { 400, "a size that ends in a bare LF", post("Transfer-Encoding: chunked", "1\nx\r\n0\r\n\r\n") },
    { 400, "a space before the extension's end", post("Transfer-Encoding: chunked", "1 \r\nx\r\n0\r\n\r\n") },
    { 400, "class 4: an extension without a name", post("Transfer-Encoding: chunked", "1;=a\r\nx\r\n0\r\n\r\n") },
    { 400, "class 4: an extension with an empty value", post("Transfer-Encoding: chunked", "1;a=\r\nx\r\n0\r\n\r\n") },
    { 400, "a bare CR in an extension", post("Transfer-Encoding: chunked", "1;a\rb\r\nx\r\n0\r\n\r\n") },
  },
}

for class, cases in pairs(refused) do
  describe("hostile " .. class .. ":", function()
    local serving = gateway.of_block { routes = { ["routes.lua"] = ROUTES } }

    for _, case in ipairs(cases) do
      it(case[2] .. " is refused", function()
        local connection = serving:connect()
        connection:send(case[3])
        local answer = connection:read()
        assert.equal(case[1], answer.status)
        assert.equal("close", answer.headers.connection)
        assert.equal("", connection:read_rest()) -- nothing that came behind it was taken for a request
        connection:close()
      end)
    end

    if class ~= "chunks" then -- a head whose body turns out to be bad has a handler that waits for it
      it("no handler has seen any of it", function()
        assert.equal("1", serving:get("/count"):body()) -- itself
      end)
    end
  end)
end

describe("an odd request that is allowed", function()
  local serving = gateway.of_block { routes = { ["routes.lua"] = ROUTES } }

  it("has a length with zeros or spaces around it", function()
    for _, length in ipairs { "005", "5 ", "\t5" } do
      local bytes = post("Content-Length: " .. length, "hello") .. get "/next"
      local connection = serving:connect()
      assert.equal("hello", connection:ask(bytes).body)
      assert.equal("/next", connection:read().body)
      connection:close()
    end
  end)

  it("has trailers, which never become headers", function()
    local bytes = post("Transfer-Encoding: chunked", "0\r\nHost: evil\r\nCookie: a=b\r\n\r\n") .. get "/next"
    local connection = serving:connect()
    assert.equal("", connection:ask(bytes).body)
    assert.equal("/next", connection:read().body)
    connection:close()
  end)

  it("has dot segments, slashes and encoded characters inside the root", function()
    for target, path in pairs {
      ["/a/../b"] = "/b", ["/a//b"] = "/a//b", ["/%7Ea"] = "/~a", ["/a%2fb"] = "/a%2Fb", ["/a/."] = "/a/",
      ["/;x"] = "/;x", ["/%C3%A9"] = "/%C3%A9", ["/a\\b"] = "/a%5Cb", ["/x?/../.."] = "/x",
    } do
      assert.equal(path, serving:ask(get(target)).body)
    end
  end)

  it("has a host of any kind", function()
    for _, host in ipairs { "test:80", "test:", "127.0.0.1", "[::1]", "[::1]:8000", "a_b-c.d" } do
      assert.equal(200, serving:ask(get("/", "Host: " .. host .. "\r\n")).status, host)
    end
  end)

  it("has bytes above ASCII in a value", function()
    assert.equal(200, serving:ask(get("/", "Host: test\r\nX: \xc3\xa9\xff\r\n")).status)
  end)
end)
