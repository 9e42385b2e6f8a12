-- Bodies of upstreams' answers with a Content-Encoding: decoded where that is asked for, within limits, as those of
-- requests are; and what becomes of an answer that is handed on decoded.
local compress = require "tidegate.compress"
local core = require "tidegate.core"
local listen_in_memory = require "tests.support.listen_in_memory"
local t = require "tidegate.testing"
local tg = require "tidegate"
local compressed = require "tests.support.compressed"

local CODINGS = { "gzip", "deflate", "br", "zstd" }
local VALUE = { name = "lamp", list = { 1, 2, 3 } }
local TEXT = tg.json.encode(VALUE)

-- Calls `fn` with the URL of an upstream that answers every request with these fields and this body.
local function with_upstream(fields, body, fn)
  local streams, close = listen_in_memory "up.test"
  local result
  tg.race {
    function()
      local served = 0
      while true do
        tg.sleep(0.01)
        while served < #streams do
          served = served + 1
          streams[served]:read_until "\r\n\r\n"
          streams[served]:write(("HTTP/1.1 200 OK\r\n%s\r\nContent-Length: %d\r\n\r\n"):format(fields, #body) .. body)
          streams[served]:finish()
        end
      end
    end,
    function()
      result = { pcall(fn, "http://up.test/x") }
      return true
    end,
  }
  close()
  if not result[1] then
    error(result[2], 0)
  end
  return unpack(result, 2)
end

local function encoded(coding, text)
  return compress.encode(coding, text)
end

-- The error of a call's json() or body{decode = true}.
local function failure(fields, body, read)
  return with_upstream(fields, body, function(url)
    local ok, err = pcall(read or function(answer) return answer:json() end, tg.http.get(url))
    assert.is_false(ok)
    return err
  end)
end

describe("an upstream's answer", function()
  for _, coding in ipairs(CODINGS) do
    for _, name in ipairs { "Content-Encoding", "content-encoding", "CONTENT-ENCODING" } do
      it(("in %s is decoded for json(), where its %s says so, as often as it is asked"):format(coding, name), function()
        local body = encoded(coding, TEXT)
        with_upstream(name .. ": " .. coding, body, function(url)
          local answer = tg.http.get(url)
          assert.same(VALUE, answer:json())
          assert.same(VALUE, answer:json())
          assert.equal(TEXT, answer:body { decode = true })
          assert.equal(TEXT, answer:body { decode = true })
          assert.equal(body, answer:body())
          assert.equal(body, answer:body { decode = false })
          assert.same(VALUE, answer:json())
        end)
      end)
    end
  end

  it("is read as it is without a coding, and with one that is none", function()
    for _, fields in ipairs { "X-A: 1", "Content-Encoding: identity", "Content-Encoding:", "X-Encoding: gzip" } do
      with_upstream(fields, TEXT, function(url)
        local answer = tg.http.get(url)
        assert.same(VALUE, answer:json())
        assert.equal(TEXT, answer:body { decode = true })
      end)
    end
  end)

  it("of nothing is nothing, whatever is said of it", function()
    with_upstream("Content-Encoding: gzip", "", function(url)
      assert.equal("", tg.http.get(url):body { decode = true })
    end)
  end)

  it("in a coding that is not known, or that it is not in, is an error of the upstream's", function()
    local whole = encoded("gzip", TEXT)
    for _, case in ipairs {
      { "Content-Encoding: lzma", TEXT, "lzma): the content coding is not known" },
      { "Content-Encoding: gzip", TEXT, "gzip): " },
      { "Content-Encoding: gzip", whole:sub(1, -2), "gzip): " },
      { "Content-Encoding: gzip", whole .. "x", "gzip): " },
      { "Content-Encoding: br", whole, "br): " },
    } do
      local err = failure(case[1], case[2])
      assert.equal("encoding", err.kind)
      assert.equal(502, err.status)
      assert.matches("http://up.test/x answered with a body that cannot be decoded (Content-Encoding: " .. case[3],
        err.message, 1, true)
      assert.equal("an upstream's answer is not what its Content-Encoding says", err.detail)
    end
  end)

  it("is limited where it grows, and in codings in a row", function()
    local bomb = encoded("gzip", ("0"):rep(1024 * 1024))
    for _, case in ipairs {
      { "Content-Encoding: gzip", bomb },
      { "Content-Encoding: gzip, br", TEXT },
      { "Content-Encoding: gzip\r\nContent-Encoding: gzip", TEXT },
    } do
      local err = failure(case[1], case[2])
      assert.equal("too_large", err.kind)
      assert.equal(502, err.status)
    end
    assert.equal(0, compress.decoder_count())
  end)

  it("may be as long as one that comes as it is", function()
    assert.equal(16 * 1024 * 1024, core.call_body_limit())
    local most = 100000
    local text = compressed.noise(most / 4):gsub(".", "%0%0%0%0") -- nothing that its ratio forbids
    local function size(answer) return #answer:body { decode = true } end
    compressed.with_core("call_body_limit", function() return most end, function()
      assert.equal(most, with_upstream("Content-Encoding: zstd", encoded("zstd", text), function(url)
        return size(tg.http.get(url))
      end))
      assert.equal("too_large", failure("Content-Encoding: zstd", encoded("zstd", text .. "x"), size).kind)
    end)
  end)

  it("that is broken JSON, decoded, is an error of kind json", function()
    assert.equal("json", failure("Content-Encoding: gzip", encoded("gzip", "no JSON")).kind)
  end)

  it("refuses options that it does not know", function()
    with_upstream("X-A: 1", TEXT, function(url)
      local answer = tg.http.get(url)
      for _, case in ipairs {
        { { decoded = true }, 'answer:body has no option "decoded"; it has decode' },
        { { decode = 1 }, "answer:body: decode must be true or false, not 1" },
      } do
        local ok, message = pcall(answer.body, answer, case[1])
        assert.is_false(ok)
        assert.matches(case[2], message, 1, true)
      end
      assert.matches('the options must be a table, not the string "decode"',
        select(2, pcall(answer.body, answer, "decode")), 1, true)
    end)
  end)

  it("is given up where its time is, and leaves no decoder", function()
    local text = compressed.noise(1000000)
    with_upstream("Content-Encoding: gzip", encoded("gzip", text), function(url)
      local answer = tg.http.get(url)
      local ok = pcall(tg.gather, {
        function() answer:body { decode = true } end,
        function() error "on purpose" end,
      })
      assert.is_false(ok)
      assert.equal(0, compress.decoder_count())
      assert.equal(text, answer:body { decode = true })
    end)
  end)
end)

describe("an upstream's answer that is handed on", function()
  local FIELDS = "Content-Type: application/x-own\r\nContent-Encoding: gzip\r\nETag: \"1\"\r\nContent-Digest: x=:x:\r\n"
    .. "Last-Modified: Thu, 01 Jan 2026 00:00:00 GMT\r\nX-Own: 1"
  local GZIP = encoded("gzip", TEXT)

  -- What a client gets where a route answers with what `hand_on` returns; through a middleware, too.
  local function got(hand_on, middleware)
    return with_upstream(FIELDS, GZIP, function(url)
      local client = t.app(function(app)
        if middleware then
          app:use(middleware)
        end
        app:get("/", function() return hand_on(tg.http.get(url)) end)
      end)
      return client:get "/"
    end)
  end

  local function pass(request, next)
    return next(request)
  end

  local WAYS = {
    ["as a third value"] = function(body, headers) return 200, body, headers end,
    ["in a response"] = function(body, headers) return tg.response { headers = headers, body = body } end,
    ["in a response whose body comes later"] = function(body, headers)
      local response = tg.response { headers = headers }
      response.body = body
      return response
    end,
    ["copied"] = function(body, headers)
      local copy = {}
      for name, value in pairs(headers) do
        copy[name] = value
      end
      return 200, body, copy
    end,
  }

  for way, hand_on in pairs(WAYS) do
    for _, middleware in ipairs { pass, false } do
      it(("%s%s, is described as its body is"):format(way, middleware and " through a middleware" or ""), function()
        local same = got(function(answer) return hand_on(answer:body(), answer.headers) end, middleware)
        assert.equal(GZIP, same:body())
        for name, value in pairs { ["content-encoding"] = "gzip", etag = '"1"', ["content-digest"] = "x=:x:",
          ["content-type"] = "application/x-own", ["x-own"] = "1" } do
          assert.equal(value, same.headers[name], name)
        end
        local decoded = got(function(answer)
          return hand_on(answer:body { decode = true }, answer.headers)
        end, middleware)
        assert.equal("application/x-own", decoded.headers["content-type"])
        local table_body = got(function(answer) return hand_on(answer:json(), answer.headers) end, middleware)
        assert.equal("application/json", table_body.headers["content-type"])
        assert.is_nil(table_body.headers["last-modified"])
        local text = got(function(answer) return hand_on("new", answer.headers) end, middleware)
        assert.equal("application/x-own", text.headers["content-type"])
        for _, other in ipairs { decoded, table_body, text } do
          assert.is_nil(other.headers["content-encoding"])
          assert.is_nil(other.headers.etag)
          assert.is_nil(other.headers["content-digest"])
          assert.equal("1", other.headers["x-own"])
          assert.equal(200, other.status)
        end
      end)
    end
  end

  it("has what a route or a middleware sets itself, be it what was there", function()
    local function set(response)
      response.headers["Content-Type"], response.headers["X-OWN"], response.headers.etag = "text/x", "2", nil
      return response
    end
    local through = got(function(answer) return answer.status, answer:body(), answer.headers end,
      function(request, next) return set(next(request)) end)
    local own = got(function(answer)
      answer.headers["CONTENT-TYPE"], answer.headers["x-own"], answer.headers.ETag = "text/x", "2", nil
      return 200, answer:body(), answer.headers
    end)
    for _, answer in ipairs { through, own } do
      assert.equal("text/x", answer.headers["content-type"])
      assert.equal("2", answer.headers["x-own"])
      assert.is_nil(answer.headers.etag)
      assert.equal("gzip", answer.headers["content-encoding"])
    end
    local kept = got(function(answer)
      answer.headers["content-type"], answer.headers.etag = "application/x-own", '"1"'
      return 200, { 1 }, answer.headers
    end)
    assert.equal("application/x-own", kept.headers["content-type"])
    assert.equal('"1"', kept.headers.etag)
  end)
end)
