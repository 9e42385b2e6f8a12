-- Answers by Accept-Encoding: which are compressed, and with what headers.
local answer_coding = require "tidegate.answer_coding"
local core = require "tidegate.core"
local task = require "tidegate.task"
local t = require "tidegate.testing"
local tg = require "tidegate"
local compressed = require "tests.support.compressed"
local server = require "tests.support.server"

local app_of, decoded, get = compressed.app_of, compressed.decoded, compressed.get
local noise, settle, with_core = compressed.noise, compressed.settle, compressed.with_core
local TEXT, ALL, PLAIN_TEXT = compressed.TEXT, compressed.ALL, compressed.PLAIN_TEXT

describe("an answer", function()
  compressed.check_encoders()

  it("is compressed where a setting says so, and the client takes it", function()
    local client = app_of(function() return TEXT end)
    for accepted, coding in pairs {
      [ALL] = "zstd", ["gzip, br"] = "br", ["gzip"] = "gzip", ["br;q=0.5, gzip;q=0.8"] = "gzip", ["*"] = "zstd",
    } do
      local answer = get(client, accepted)
      assert.equal(coding, answer.headers["content-encoding"])
      assert.equal("Accept-Encoding", answer.headers.vary)
      assert.equal(tostring(#answer:body()), answer.headers["content-length"])
      assert.is_true(#answer:body() < #TEXT)
      assert.equal(TEXT, decoded(answer))
    end
    for _, accepted in ipairs { "deflate", "identity", "gzip;q=0", "nonsense" } do
      local answer = get(client, accepted)
      assert.is_nil(answer.headers["content-encoding"])
      assert.equal("Accept-Encoding", answer.headers.vary)
      assert.equal(TEXT, answer:body())
    end
    assert.equal(TEXT, client:get("/"):body())
  end)

  it("is sent as it is where no setting says so", function()
    local answer = get(app_of(function() return TEXT end, { compress = false }), ALL)
    assert.equal(TEXT, answer:body())
    assert.is_nil(answer.headers["content-encoding"])
    assert.is_nil(answer.headers.vary)
  end)

  it("follows its route's option first", function()
    local on = app_of(function() return TEXT end, { compress = false }, { compress = true })
    assert.equal("zstd", get(on, ALL).headers["content-encoding"])
    local off = app_of(function() return TEXT end, { compress = true }, { compress = false })
    assert.is_nil(get(off, ALL).headers["content-encoding"])
    assert.is_nil(get(off, ALL).headers.vary)
    local ok, message = pcall(app_of, tostring, {}, { compress = "yes" })
    assert.is_false(ok)
    assert.matches("compress must be true or false", tostring(message), 1, true)
  end)

  it("of every kind is compressed", function()
    local long = { text = TEXT }
    for _, values in ipairs {
      { long }, { tg.json.raw(tg.json.encode(long)) }, { 200, long }, { 201, tg.json.raw(tg.json.encode(long)) },
      { tg.response { body = long } }, { tg.response { status = 404, body = long } },
    } do
      local answer = get(app_of(function() return unpack(values) end), "gzip")
      assert.equal("gzip", answer.headers["content-encoding"])
      assert.equal("application/json", answer.headers["content-type"])
      assert.same(long, tg.json.decode(decoded(answer)))
    end
  end)

  it("is what it always was where there is nothing to compress", function()
    local client = t.app(function(app)
      app:get("/nothing", function() end)
      app:get("/number", function() return 200, 5 end)
      app:get("/status", function() return 202 end)
      app:get("/refused", function() return true end)
    end, { compress = true })
    assert.equal(204, get(client, ALL, "/nothing").status)
    assert.equal("5", get(client, ALL, "/number"):body())
    assert.equal(202, get(client, ALL, "/status").status)
    local answer
    server.logged(function()
      answer = get(client, ALL, "/refused")
    end)
    assert.equal(500, answer.status)
  end)

  it("is compressed from a size on", function()
    local client = t.app(function(app)
      app:get("/{size}", function(request) return ("x"):rep(tonumber(request.params.size)) end)
    end, { compress = true })
    assert.is_nil(get(client, "gzip", "/1023").headers["content-encoding"])
    assert.is_nil(get(client, "gzip", "/1023").headers.vary)
    assert.equal("gzip", get(client, "gzip", "/1024").headers["content-encoding"])
    local other = app_of(function() return ("x"):rep(100) end, { compress_bytes_min = 100 })
    assert.equal("gzip", get(other, "gzip").headers["content-encoding"])
  end)

  it("is compressed by its type", function()
    local function coding_of(type, types)
      local client = app_of(function() return 200, TEXT, { ["Content-Type"] = type } end, { compress_types = types })
      return get(client, "gzip").headers["content-encoding"]
    end
    assert.equal("gzip", coding_of "text/html")
    assert.equal("gzip", coding_of "application/hal+json")
    assert.is_nil(coding_of "image/png")
    assert.is_nil(coding_of("text/html", { "application/json" }))
    assert.equal("gzip", coding_of("Image/PNG", { "usual", "image/png" }))
    assert.equal("gzip", coding_of("text/html", { "usual", "image/png" }))
    assert.is_nil(coding_of("text/event-stream", { "usual" }))
    assert.is_nil(coding_of("text/event-stream", { "text/*" }))
    assert.equal("gzip", coding_of("text/event-stream", { "usual", "text/event-stream" }))
    assert.equal("gzip", coding_of("text/event-stream", { "text/event-stream", "usual" }))
  end)

  it("is sent as it is where its handler says so", function()
    for name, value in pairs { ["Cache-Control"] = "no-transform", ["Content-Encoding"] = "x-own" } do
      local answer = get(app_of(function() return 200, TEXT, { [name] = value } end), ALL)
      assert.equal(TEXT, answer:body())
      assert.equal(value, answer.headers[name])
      assert.is_nil(answer.headers.vary)
    end
  end)

  it("has the headers of its coding beside its own", function()
    local client = app_of(function()
      return 200, TEXT, { ETag = '"abc"', Vary = "Accept-Language", ["X-Own"] = "1", ["Accept-Ranges"] = "bytes" }
    end)
    local headers = get(client, "gzip").headers
    assert.equal('W/"abc"', headers.etag)
    assert.equal("Accept-Language, Accept-Encoding", headers.vary)
    assert.equal("1", headers["x-own"])
    assert.is_nil(headers["accept-ranges"])
    headers = get(client, "identity").headers
    assert.equal('"abc"', headers.etag)
    assert.equal("Accept-Language, Accept-Encoding", headers.vary)
  end)

  it("is sent as it is where it has no body, or a part of one", function()
    for _, status in ipairs { 204, 304 } do
      local answer = get(app_of(function() return status end), ALL)
      assert.equal(status, answer.status)
      assert.is_nil(answer.headers["content-encoding"])
    end
    local answer = get(app_of(function()
      return 206, TEXT, { ["Content-Range"] = "bytes 0-3799/5000" }
    end), ALL)
    assert.equal(TEXT, answer:body())
  end)

  it("is sent as it is where it would not become smaller", function()
    local bytes = noise(2000)
    local answer = get(app_of(function() return 200, bytes, { ETag = '"a"' } end), ALL)
    assert.equal(bytes, answer:body())
    assert.is_nil(answer.headers["content-encoding"])
    assert.equal("Accept-Encoding", answer.headers.vary)
    assert.equal('"a"', answer.headers.etag)
  end)

  it("to HEAD has the headers of that to GET", function()
    local function no_date(headers)
      local lines = {}
      for name, value in pairs(headers) do
        lines[name:lower()] = name:lower() ~= "date" and value or nil
      end
      return lines
    end
    local client = t.app(function(app)
      app:get("/whole", function() return 200, TEXT, { ETag = '"abc"' } end)
      app:get("/pieces", function()
        return tg.response { headers = PLAIN_TEXT, body = function(write) write(TEXT) end }
      end)
    end, { compress = true })
    for _, path in ipairs { "/whole", "/pieces" } do
      local headers = { ["Accept-Encoding"] = "gzip" }
      local of_get = no_date(client:get(path, { headers = headers }).headers)
      local of_head = no_date(client:head(path, { headers = headers }).headers)
      assert.equal("gzip", of_head["content-encoding"])
      of_get["transfer-encoding"] = nil
      assert.same(of_get, of_head)
    end
  end)

  it("is negotiated over all lines of Accept-Encoding", function()
    app_of(function() return TEXT end)
    local stream = tg.tcp.connect("app.test", 80)
    stream:write "GET / HTTP/1.1\r\nHost: h\r\nAccept-Encoding: gzip\r\nAccept-Encoding: br\r\n\r\n"
    assert.matches("\r\nContent-Encoding: br\r\n", stream:read_until "\r\n\r\n", 1, true)
    stream:close()
  end)

  it("of an error is compressed, too", function()
    local client = t.app(function(app)
      app:get("/", function() tg.abort(409, TEXT, { headers = { ["X-Own"] = "1" } }) end)
      app:get("/plain", function() tg.abort(409, TEXT) end, { compress = false })
      app:get("/small", function() tg.abort(409, "small") end)
      app:get("/cancelled", function()
        task.cancel(core.current(), task.cancellation "a test")
        tg.abort(409, TEXT)
      end)
    end, { compress = true })
    local answer = get(client, "gzip")
    assert.equal(409, answer.status)
    assert.equal("gzip", answer.headers["content-encoding"])
    assert.equal("application/problem+json", answer.headers["content-type"])
    assert.equal("1", answer.headers["x-own"])
    assert.equal(TEXT, tg.json.decode(decoded(answer)).detail)
    for _, path in ipairs { "/plain", "/small", "/cancelled", "/no/such/path" } do
      answer = get(client, "gzip", path)
      assert.is_nil(answer.headers["content-encoding"], path)
      assert.is_true(#answer:json().detail > 0, path)
    end
  end)

  it("of a middleware without a route is compressed", function()
    local client = t.app(function(app)
      app:use(function() return TEXT end)
    end, { compress = true })
    assert.equal("gzip", get(client, "gzip", "/nowhere").headers["content-encoding"])
  end)

  it("that is large lets others run while it is encoded", function()
    local finished = {}
    local client = t.app(function(app)
      app:get("/large", function() return TEXT:rep(1000) end)
      app:get("/small", function() return "small" end)
    end, { compress = true })
    tg.gather {
      function()
        get(client, "gzip", "/large")
        finished[#finished + 1] = "large"
      end,
      function()
        for _ = 1, 5 do
          get(client, "gzip", "/small")
        end
        finished[#finished + 1] = "small"
      end,
    }
    assert.same({ "small", "large" }, finished)
  end)

  it("goes out as it is where many are encoded already", function()
    local client = t.app(function(app)
      app:get("/slow", function()
        return tg.response { headers = PLAIN_TEXT, body = function(write)
          write "a"
          tg.sleep(10)
        end }
      end)
      app:get("/", function() return 200, TEXT, { ETag = '"abc"' } end)
    end, { compress = true, compress_bodies_max = 2 })
    local function slow()
      return get(client, "gzip", "/slow")
    end
    local answers = tg.gather { slow, slow, function()
      tg.sleep(1)
      return { get(client, "gzip"), slow() }
    end, function()
      tg.sleep(11)
      return get(client, "gzip")
    end }
    for _, answer in ipairs { answers[1], answers[2], answers[4] } do
      assert.equal("gzip", answer.headers["content-encoding"])
    end
    for _, answer in ipairs(answers[3]) do
      assert.is_nil(answer.headers["content-encoding"])
      assert.equal("Accept-Encoding", answer.headers.vary)
    end
    assert.equal('"abc"', answers[3][1].headers.etag)
    assert.equal("a", answers[3][2]:body())
  end)

  it("goes out as it is where there is no memory to encode it", function()
    local client = t.app(function(app)
      app:get("/whole", function() return 200, TEXT, { ETag = '"abc"' } end)
      app:get("/pieces", function()
        return tg.response { headers = { ETag = '"abc"', ["Content-Type"] = "text/plain" }, body = function(write)
          write(TEXT)
        end }
      end)
    end, { compress = true })
    with_core("encoder", function() end, function()
      for _, path in ipairs { "/whole", "/pieces" } do
        local answer = get(client, "gzip", path)
        assert.equal(TEXT, answer:body())
        assert.equal('"abc"', answer.headers.etag)
        assert.equal("Accept-Encoding", answer.headers.vary)
        assert.is_nil(answer.headers["content-encoding"])
      end
    end)
  end)

  it("whose client leaves while it is encoded leaves nothing behind", function()
    app_of(function() return TEXT:rep(5000) end)
    local stream = tg.tcp.connect("app.test", 80)
    stream:write "GET / HTTP/1.1\r\nHost: h\r\nAccept-Encoding: gzip\r\n\r\n"
    while answer_coding.count() == 0 do
      task.results(core.checkpoint "wait")
    end
    server.logged(function()
      stream:close()
      settle()
    end)
    assert.equal(0, answer_coding.count())
  end)
end)
