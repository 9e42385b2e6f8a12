-- Bodies of requests with a Content-Encoding: decoded where that is asked for, within limits, and nothing left behind.
local core = require "tidegate.core"
local compress = require "tidegate.compress"
local t = require "tidegate.testing"
local tg = require "tidegate"
local compressed = require "tests.support.compressed"
local server = require "tests.support.server"

local CODINGS = { "gzip", "deflate", "br", "zstd" }

-- Text that compresses about as JSON does.
local function text_of(count)
  local items = {}
  for index = 1, count do
    items[index] = ('{"id":%08d,"n":%d},'):format(index * 7919 % 1000003, index % 7)
  end
  return table.concat(items)
end

local TEXT = text_of(7000)

local settle = compressed.settle

local function size_of(pieces)
  local size = 0
  for piece in pieces do
    assert(#piece > 0)
    size = size + #piece
  end
  return { size = size }
end

-- An app with a route for each way to read a body.
local function app_of(options, route_options)
  return t.app(function(app)
    app:post("/raw", function(request) return request:body() end, route_options)
    app:post("/body", function(request) return request:body { decode = true } end, route_options)
    app:post("/chunks", function(request) return size_of(request:chunks { decode = true }) end, route_options)
    app:post("/json", function(request) return { got = request:json() } end, route_options)
    app:post("/form", function(request) return { a = request:form().a } end, route_options)
    app:post("/parts", function(request)
      local got = {}
      for part in request:parts() do
        got[part.name] = part:body()
      end
      return got
    end, route_options)
  end, options)
end

local function post(client, path, coding, body, type)
  return client:post(path, { body = body, headers = { ["Content-Encoding"] = coding, ["Content-Type"] = type } })
end

local function encoded_post(client, path, coding, text, type)
  return post(client, path, coding, compress.encode(coding, text), type)
end

describe("a request's body", function()
  local left

  before_each(function()
    left = compressed.count_open("decoder", "close_decoder")
  end)

  after_each(function()
    settle()
    assert.equal(0, compress.decoder_count())
    assert.equal(0, left())
    t.close()
  end)

  it("is decoded where that is asked for", function()
    local client = app_of()
    for _, coding in ipairs(CODINGS) do
      assert.is_true(TEXT == encoded_post(client, "/body", coding, TEXT):body())
      assert.equal(#TEXT, encoded_post(client, "/chunks", coding, TEXT):json().size)
      assert.equal(compress.encode(coding, TEXT), encoded_post(client, "/raw", coding, TEXT):body())
    end
  end)

  it("that is not encoded is what it is", function()
    local client = app_of()
    for _, coding in ipairs { false, "identity" } do
      coding = coding or nil
      assert.equal("abc", post(client, "/body", coding, "abc"):body())
      assert.equal(3, post(client, "/chunks", coding, "abc"):json().size)
    end
  end)

  it("that is empty is empty, whatever is said of it", function()
    local client = app_of()
    assert.equal("", post(client, "/body", "gzip", ""):body())
    assert.equal(0, post(client, "/chunks", "gzip", ""):json().size)
    assert.equal("", encoded_post(client, "/body", "gzip", ""):body())
    assert.equal(0, encoded_post(client, "/chunks", "gzip", ""):json().size)
  end)

  it("is decoded by json, form and parts themselves", function()
    local client = app_of()
    for _, coding in ipairs(CODINGS) do
      assert.same({ got = { x = 1 } }, encoded_post(client, "/json", coding, '{"x":1}'):json())
      assert.equal("b c", encoded_post(client, "/form", coding, "a=b+c", "application/x-www-form-urlencoded"):json().a)
      local form = '--x\r\nContent-Disposition: form-data; name="n"\r\n\r\nvalue\r\n--x--\r\n'
      local answer = encoded_post(client, "/parts", coding, form, "multipart/form-data; boundary=x")
      assert.same({ n = "value" }, answer:json())
    end
  end)

  it("is decoded once, and stays there as it was sent", function()
    local client = t.app(function(app)
      app:post("/", function(request)
        local same = rawequal(request:body { decode = true }, request:body { decode = true })
        local size = size_of(request:chunks { decode = true }).size
        return { same = same, raw = #request:body { decode = false }, size = size, json = request:json() }
      end)
    end)
    local answer = encoded_post(client, "/", "gzip", '{"x":1}'):json()
    assert.same({ same = true, raw = 0, size = 7, json = { x = 1 } }, answer)
  end)

  it("in a coding that is not known is answered with 415, and with what is known", function()
    local client = app_of()
    for _, path in ipairs { "/body", "/chunks", "/json" } do
      local answer = post(client, path, "compress", "abc")
      assert.equal(415, answer.status)
      assert.equal("zstd, br, gzip, deflate", answer.headers["accept-encoding"])
    end
    assert.equal("abc", post(client, "/raw", "compress", "abc"):body())
  end)

  it("that is broken is answered with 400", function()
    local client = app_of()
    local whole = compress.encode("gzip", TEXT)
    for _, body in ipairs { "no gzip", whole:sub(1, -2), whole .. "x", whole:sub(1, 5) } do
      for _, path in ipairs { "/body", "/chunks", "/json" } do
        assert.equal(400, post(client, path, "gzip", body).status)
      end
    end
  end)

  -- THREATS class 14
  it("in codings in a row is answered with 413, in one line or several (class 14)", function()
    local client = app_of()
    for _, coding in ipairs { "gzip, gzip", { "gzip", "br" } } do
      for _, path in ipairs { "/body", "/chunks" } do
        assert.equal(413, post(client, path, coding, "abc").status)
      end
    end
  end)

  it("may be as long as its route takes, decoded", function()
    for _, case in ipairs { { { body_bytes_max = 20000 } }, { {}, { body_bytes_max = 20000 } } } do
      local client = app_of(unpack(case))
      for _, coding in ipairs(CODINGS) do
        for _, path in ipairs { "/body", "/chunks" } do
          assert.equal(200, encoded_post(client, path, coding, TEXT:sub(1, 20000)).status)
          assert.equal(413, encoded_post(client, path, coding, TEXT:sub(1, 20001)).status)
        end
        assert.equal(413, encoded_post(client, "/json", coding, ("[%s0]"):format(TEXT)).status)
      end
      t.close()
    end
    local client = app_of({}, { body_bytes_max = 2 ^ 53 })
    assert.equal(#TEXT, encoded_post(client, "/chunks", "gzip", TEXT):json().size)
  end)

  -- THREATS class 14
  it("that is a bomb is answered with 413 (class 14)", function()
    local client = app_of({}, { body_bytes_max = 1e9 })
    for _, coding in ipairs(CODINGS) do
      local bomb = compress.encode(coding, ("\0"):rep(5000000))
      for _, path in ipairs { "/body", "/chunks", "/json", "/parts" } do
        assert.equal(413, post(client, path, coding, bomb, "multipart/form-data; boundary=x").status)
      end
    end
  end)

  it("for which there is no decoder, or no memory midway, is answered with 503", function()
    local client = app_of()
    for name, other in pairs {
      decoder = function() end, decode = function() return nil, 503, "no memory to decode the body" end,
    } do
      compressed.with_core(name, other, function()
        for _, path in ipairs { "/body", "/chunks" } do
          local answer = encoded_post(client, path, "gzip", TEXT)
          assert.equal(503, answer.status)
          assert.equal("no memory to decode the body", answer:json().detail)
        end
      end)
    end
    assert.is_true(TEXT == encoded_post(client, "/body", "gzip", TEXT):body())
  end)

  it("is decoded while it comes", function()
    local got = {}
    t.app(function(app)
      app:post("/", function(request)
        for piece in request:chunks { decode = true } do
          got[#got + 1] = piece
        end
        return "done"
      end)
    end)
    local encoder = compress.encoder "gzip"
    local pieces = { encoder:write "one" .. encoder:flush(), encoder:write "two" .. encoder:flush(), encoder:finish() }
    local stream = tg.tcp.connect("app.test", 80)
    stream:write(("POST / HTTP/1.1\r\nHost: h\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n"):format(
      #table.concat(pieces)))
    for number, piece in ipairs(pieces) do
      stream:write(piece)
      settle()
      assert.equal(math.min(number, 2), #got)
    end
    assert.same({ "one", "two" }, got)
    assert.matches("\r\n\r\ndone$", stream:read())
    stream:close()
  end)

  it("is read by any task of its request", function()
    local client = t.app(function(app)
      app:post("/", function(request)
        local read = tg.gather {
          function()
            local pieces = request:chunks { decode = true }
            return { pieces = pieces, first = pieces() }
          end,
        }[1]
        return { size = #read.first + size_of(read.pieces).size }
      end)
    end)
    assert.equal(#TEXT, encoded_post(client, "/", "gzip", TEXT):json().size)
  end)

  it("lets others run while it is decoded", function()
    local turns, done = 0, false
    local client = app_of({}, { body_bytes_max = 1e9 })
    local text = text_of(300000)
    local body = compress.encode("gzip", text)
    tg.gather {
      function()
        assert.equal(#text, post(client, "/chunks", "gzip", body):json().size)
        done = true
      end,
      function()
        while not done do
          require("tidegate.task").results(core.checkpoint "turns")
          turns = turns + 1
        end
      end,
    }
    assert.is_true(turns >= #text / 65536, turns)
  end)

  it("goes on where a wait for it was ended", function()
    local client = t.app(function(app)
      app:post("/", function(request)
        local size, waits, pieces = 0, 0, request:chunks { decode = true }
        repeat
          local piece, finished
          tg.move_on_after(1, function()
            piece = pieces()
            finished = not piece
          end)
          size, waits = size + #(piece or ""), waits + 1
        until finished
        return { size = size, waits = waits }
      end)
    end)
    local body = compress.encode("gzip", TEXT)
    local connection = tg.tcp.connect(client.url:match "//(.*)", 80)
    connection:write(("POST / HTTP/1.1\r\nHost: h\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n"):format(
      #body))
    connection:write(body:sub(1, 100))
    tg.sleep(5.5)
    connection:write(body:sub(101))
    local answer = tg.json.decode((connection:read():match "\r\n\r\n(.*)"))
    assert.equal(#TEXT, answer.size)
    assert.is_true(answer.waits > 5)
    connection:close()
  end)

  local function broken_off(handler, body, close)
    t.app(function(app)
      app:post("/", handler)
    end)
    local stream = tg.tcp.connect("app.test", 80)
    stream:write "POST / HTTP/1.1\r\nHost: h\r\nContent-Encoding: gzip\r\nContent-Length: 100000\r\n\r\n"
    stream:write(body)
    server.logged(function()
      settle()
      close(stream)
      settle()
    end)
    stream:close()
    assert.equal(0, compress.decoder_count())
    t.close()
  end

  it("leaves no decoder behind where its route stops reading", function()
    local function first(request)
      assert(request:chunks { decode = true }())
      assert.equal(1, compress.decoder_count())
      return "enough"
    end
    local body = compress.encode("gzip", TEXT):sub(1, 800)
    broken_off(first, body, function(stream)
      assert.matches("\r\n\r\nenough$", stream:read())
    end)
    broken_off(function(request)
      first(request)
      error "a failure"
    end, body, function(stream)
      assert.matches("^HTTP/1.1 500", stream:read())
    end)
    broken_off(function(request)
      tg.gather { function() first(request) end }
      return "enough"
    end, body, function(stream)
      assert.matches("\r\n\r\nenough$", stream:read())
    end)
  end)

  describe("where decode_bodies_max are under way", function()
    local held

    local function app()
      return t.app(function(on)
        on:post("/held", function(request)
          local pieces = request:chunks { decode = true }
          pieces()
          held:wait()
          return "held"
        end)
        on:post("/chunks", function(request) return request:chunks { decode = true }() end)
        on:post("/body", function(request) return request:body { decode = true } end)
        on:post("/json", function(request) return request:json() end)
        on:post("/plain", function(request) return request:body() end)
      end, { decode_bodies_max = 2 })
    end

    it("answers 503 and says when to come again, and decodes again when one has ended", function()
      local client = app()
      held = tg.event()
      tg.scope(function(scope)
        local first = scope:spawn(encoded_post, client, "/held", "gzip", TEXT)
        local second = scope:spawn(encoded_post, client, "/held", "zstd", TEXT)
        settle()
        assert.equal(2, compress.decoder_count())
        for _, path in ipairs { "/chunks", "/body", "/json" } do
          local answer = encoded_post(client, path, "br", '{"a":1}')
          assert.equal(503, answer.status, path)
          assert.equal("1", answer.headers["Retry-After"])
          assert.equal("too many bodies are being decoded", answer:json().detail)
        end
        assert.equal(200, encoded_post(client, "/plain", "br", "x").status)
        held:set()
        assert.equal("held", first:wait():body())
        assert.equal("held", second:wait():body())
      end)
      assert.equal(0, compress.decoder_count())
      for _, path in ipairs { "/chunks", "/body", "/json" } do
        assert.equal('{"a":1}', encoded_post(client, path, "br", '{"a":1}'):body())
      end
    end)

    it("counts whole bodies that are being decoded in turns", function()
      local client = app()
      local large = text_of(30000)
      local statuses = tg.map(tg.range(1, 6), function()
        return encoded_post(client, "/body", "gzip", large).status
      end)
      table.sort(statuses)
      assert.equal(200, statuses[2])
      assert.equal(503, statuses[6])
      assert.equal(0, compress.decoder_count())
    end)
  end)

  it("leaves no decoder behind where its client leaves", function()
    local seen
    broken_off(function(request)
      for _ in request:chunks { decode = true } do
        seen = compress.decoder_count()
      end
    end, compress.encode("gzip", TEXT):sub(1, 800), function(stream)
      stream:close()
    end)
    assert.equal(1, seen)
  end)

  it("leaves no decoder behind where its deadline passes", function()
    local client = t.app(function(app)
      app:post("/", function(request)
        request:chunks { decode = true }()
        tg.sleep(10)
      end, { request_timeout_ms = 1000 })
    end)
    server.logged(function()
      assert.equal(504, encoded_post(client, "/", "gzip", TEXT).status)
    end)
  end)

  it("is not read behind the end of its request", function()
    local pieces, message
    local client = t.app(function(app)
      app:post("/", function(request)
        pieces = request:chunks { decode = true }
        pieces()
      end)
    end)
    encoded_post(client, "/", "gzip", TEXT)
    settle()
    assert.is_nil(pieces())
    client = t.app(function(app)
      app:post("/", function(request)
        tg.background(function()
          tg.sleep(1)
          message = tostring(select(2, pcall(request.chunks, request, { decode = true })))
        end)
      end)
    end)
    encoded_post(client, "/", "gzip", TEXT)
    tg.sleep(2)
    assert.matches("the request has ended", message, 1, true)
  end)

  it("refuses options that are none", function()
    local messages = {}
    local client = t.app(function(app)
      app:post("/", function(request)
        messages[1] = tostring(select(2, pcall(request.body, request, { decoded = true })))
        messages[2] = tostring(select(2, pcall(request.chunks, request, { decode = "yes" })))
      end)
    end)
    client:post "/"
    assert.matches('request:body has no option "decoded"; it has decode', messages[1], 1, true)
    assert.matches('request:chunks: decode must be true or false, not the string "yes"', messages[2], 1, true)
  end)
end)
