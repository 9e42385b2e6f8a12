-- Answers that are compressed for clients that take it, and bodies of requests that came compressed.
local compress = require "tidegate.compress"
local t = require "tidegate.testing"
local tg = require "tidegate"

local LONG = ("Hello World! "):rep(1000)

local function app(options)
  options = options or {}
  options.compress = options.compress ~= false
  return t.app(function(on)
    on:get("/text", function() return LONG end)
    on:get("/json", function() return { text = LONG } end)
    on:get("/raw", function() return tg.json.raw(tg.json.encode { text = LONG }) end)
    on:get("/short", function() return "short" end)
    on:get("/some", function() return ("some "):rep(100) end)
    on:get("/image", function() return 200, LONG, { ["Content-Type"] = "image/png" } end)
    on:get("/tagged", function() return 200, LONG, { ETag = '"a"', Vary = "Origin" } end)
    on:get("/coded", function() return 200, LONG, { ["Content-Encoding"] = "gzip" } end)
    on:get("/never", function() return LONG end, { compress = false })
    on:get("/always", function() return LONG end, { compress = true })
    on:get("/pieces", function()
      return tg.response { headers = { ["Content-Type"] = "text/plain" }, body = function(write)
        write "one "
        tg.sleep(1)
        write ""
        write "two"
      end }
    end)
    on:get("/counted", function()
      return tg.response { headers = { ["Content-Type"] = "text/plain", ["Content-Length"] = 3 }, body = function(write)
        write "one"
      end }
    end)
    on:get("/events", function()
      return tg.response { headers = { ["Content-Type"] = "text/event-stream" }, body = function(write)
        write "data: 1\n\n"
      end }
    end)
    on:get("/broken", function()
      return tg.response { headers = { ["Content-Type"] = "text/plain" }, body = function(write)
        write "one"
        error "on purpose"
      end }
    end)
    on:post("/body", function(request) return request:body { decode = true } end)
    on:post("/plain", function(request) return { bytes = #request:body() } end)
    on:post("/json", function(request) return request:json() end)
    on:post("/form", function(request) return request:form().a end)
  end, options)
end

local function get(client, path, accepted)
  return client:get(path, { headers = { ["Accept-Encoding"] = accepted } })
end

local function decoded(answer)
  return compress.decode(answer.headers["content-encoding"], answer:body())
end

describe("an answer", function()
  for _, coding in ipairs { "gzip", "br", "zstd" } do
    it("is sent as " .. coding .. " to whoever takes that", function()
      local client = app()
      local answer = get(client, "/text", coding)
      assert.equal(coding, answer.headers["content-encoding"])
      assert.equal("Accept-Encoding", answer.headers.vary)
      assert.equal("text/plain; charset=utf-8", answer.headers["content-type"])
      assert.is_true(#answer:body() < #LONG / 10)
      assert.equal(LONG, decoded(answer))
      assert.equal(LONG, tg.json.decode(decoded(get(client, "/json", coding))).text)
      assert.equal(LONG, tg.json.decode(decoded(get(client, "/raw", coding))).text)
    end)
  end

  it("is sent as the client likes best", function()
    local client = app()
    assert.equal("zstd", get(client, "/text", "gzip, br, zstd").headers["content-encoding"])
    assert.equal("gzip", get(client, "/text", "gzip, br;q=0.5, zstd;q=0").headers["content-encoding"])
    assert.is_nil(get(client, "/text", "identity").headers["content-encoding"])
    local plain = client:get "/text"
    assert.is_nil(plain.headers["content-encoding"])
    assert.equal("Accept-Encoding", plain.headers.vary)
    assert.equal(LONG, plain:body())
  end)

  it("is left alone where that is not worth it, or is not the gateway's business", function()
    local client = app()
    for _, path in ipairs { "/short", "/some", "/image", "/never" } do
      local answer = get(client, path, "gzip")
      assert.is_nil(answer.headers["content-encoding"], path)
      assert.is_nil(answer.headers.vary, path)
    end
    assert.equal(LONG, get(client, "/coded", "br"):body())
  end)

  it("keeps what its headers say true", function()
    local answer = get(app(), "/tagged", "gzip")
    assert.equal('W/"a"', answer.headers.etag)
    assert.equal("Origin, Accept-Encoding", answer.headers.vary)
  end)

  it("has the same head for HEAD", function()
    local client = app()
    local got = get(client, "/text", "gzip")
    local answer = client:head("/text", { headers = { ["Accept-Encoding"] = "gzip" } })
    assert.equal("gzip", answer.headers["content-encoding"])
    assert.equal(got.headers["content-length"], answer.headers["content-length"])
  end)

  it("is compressed where the setting or its route says so", function()
    local client = app { compress = false }
    assert.is_nil(get(client, "/text", "gzip").headers["content-encoding"])
    assert.equal("gzip", get(client, "/always", "gzip").headers["content-encoding"])
    t.close()
    client = app { compress_bytes_min = 500 }
    assert.equal("gzip", get(client, "/some", "gzip").headers["content-encoding"])
  end)
end)

describe("an app that says nothing of compression", function()
  it("compresses nothing but what a route asks for", function()
    local client = t.app(function(on)
      on:get("/text", function() return LONG end)
      on:get("/always", function() return LONG end, { compress = true })
    end)
    local answer = get(client, "/text", "gzip")
    assert.is_nil(answer.headers["content-encoding"])
    assert.is_nil(answer.headers.vary)
    assert.equal("gzip", get(client, "/always", "gzip").headers["content-encoding"])
  end)
end)

describe("an answer in pieces", function()
  -- The bytes of the next chunk.
  local function read_chunk(stream)
    local size = tonumber(stream:read_until("\r\n"):match "^%x+", 16)
    local bytes = ""
    while #bytes < size + 2 do
      bytes = bytes .. stream:read(size + 2 - #bytes)
    end
    return bytes:sub(1, size)
  end

  it("is with the client as far as it was written, compressed too", function()
    app()
    local stream = tg.tcp.connect("app.test", 80)
    stream:write "GET /pieces HTTP/1.1\r\nHost: h\r\nAccept-Encoding: gzip\r\n\r\n"
    assert.matches("Content-Encoding: gzip\r\n", stream:read_until "\r\n\r\n", 1, true)
    local started = tg.now()
    local first = read_chunk(stream)
    assert.equal(0, tg.now() - started)
    local core = require "tidegate.core"
    local decoder = core.decoder("gzip")
    assert.equal("one ", (core.decode(decoder, first, 1, false)))
    local rest = {}
    repeat
      rest[#rest + 1] = read_chunk(stream)
    until rest[#rest] == ""
    assert.equal("two", (core.decode(decoder, table.concat(rest), 1, true)))
    assert.equal(1, tg.now() - started)
    stream:close()
  end)

  it("is left alone where it has a length, and where it is events", function()
    local client = app()
    assert.equal("one", get(client, "/counted", "gzip"):body())
    assert.equal("data: 1\n\n", get(client, "/events", "gzip"):body())
  end)

  it("gives its encoder back when it fails, and when its client leaves", function()
    local client = app()
    assert.is_false((pcall(get, client, "/broken", "br")))
    local stream = tg.tcp.connect("app.test", 80)
    stream:write "GET /pieces HTTP/1.1\r\nHost: h\r\nAccept-Encoding: zstd\r\n\r\n"
    stream:read()
    stream:close()
    tg.sleep(2)
  end)
end)

describe("a request's body", function()
  local function post(client, path, coding, body, kind)
    return client:post(path, { body = body, headers = { ["Content-Encoding"] = coding, ["Content-Type"] = kind } })
  end

  it("is decoded where the handler wants that", function()
    local client = app()
    for _, coding in ipairs { "gzip", "deflate", "br", "zstd" } do
      assert.equal(LONG, post(client, "/body", coding, compress.encode(coding, LONG)):body())
      assert.equal(7, post(client, "/json", coding, compress.encode(coding, '{"n":7}')):json().n)
      assert.equal("b c", post(client, "/form", coding, compress.encode(coding, "a=b+c"),
        "application/x-www-form-urlencoded"):body())
    end
    local bytes = compress.encode("gzip", LONG)
    assert.equal(#bytes, post(client, "/plain", "gzip", bytes):json().bytes)
    assert.equal(LONG, client:post("/body", { body = LONG }):body())
  end)

  it("is refused where it cannot be", function()
    local client = app { body_bytes_max = 100000 }
    local bomb = compress.encode("gzip", ("\0"):rep(10000000))
    assert.equal(413, post(client, "/body", "gzip", bomb).status)
    assert.equal(400, post(client, "/body", "gzip", "no gzip").status)
    assert.equal(400, post(client, "/body", "gzip", compress.encode("gzip", LONG):sub(1, -5)).status)
    local answer = post(client, "/body", "compress", "x")
    assert.equal(415, answer.status)
    assert.equal("zstd, br, gzip, deflate", answer.headers["accept-encoding"])
  end)
end)
