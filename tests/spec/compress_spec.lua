local compress = require "tidegate.compress"
local core = require "tidegate.core"
local errors = require "tidegate.errors"
local multimap = require "tidegate.multimap"
local task = require "tidegate.task"
local tg = require "tidegate"

local CODINGS = { "zstd", "br", "gzip", "deflate" }
local BIG = 100000

-- Text that compresses about as JSON does.
local function text_of(size)
  local lines = {}
  for index = 1, math.ceil(size / 20) do
    lines[index] = ('{"id":%08d,"n":%d}\n'):format(index * 7919 % 1000003, index % 7)
  end
  return table.concat(lines):sub(1, size)
end

-- A turn for every other task. A sleep would not do: the virtual clock does not move on while anything can run.
local function let_others_run()
  task.results(core.checkpoint "let_others_run")
end

-- Runs a function as one of two tasks, and counts how often the other could run meanwhile.
local function turns_during(fn)
  local turns, done = 0, false
  tg.gather {
    function()
      fn()
      done = true
    end,
    function()
      while not done do
        let_others_run()
        turns = turns + 1
      end
    end,
  }
  return turns
end

local function abort_of(fn, ...)
  local ok, err = pcall(fn, ...)
  assert.is_false(ok)
  assert.is_true(errors.is_error(err), tostring(err))
  return err
end

describe("compress.choose", function()
  local function choose(accept, answer, options)
    local coding, headers = compress.choose(accept, answer, options)
    return coding, headers
  end

  local function coding_for(type, size)
    return (choose("gzip", { type = type, size = size or BIG }))
  end

  it("takes what the client likes best, and by its own taste where the client has none", function()
    local cases = {
      { "gzip, deflate, br, zstd", "zstd" }, { "gzip, br", "br" }, { "gzip", "gzip" }, { "br;q=0.1, gzip", "gzip" },
      { "deflate", nil }, { "identity", nil }, { "", nil }, { nil, nil }, { "gzip;q=0", nil }, { "*", "zstd" },
      { "identity, gzip;q=0.5", nil }, { "identity;q=0", nil },
    }
    for index = 1, 12 do
      local case = cases[index]
      assert.equal(case[2], (choose(case[1], { type = "text/html", size = BIG })), tostring(case[1]))
    end
  end)

  it("compresses the types that become smaller", function()
    for _, type in ipairs {
      "text/html", "text/plain; charset=utf-8", "TEXT/CSS", "application/json", " application/json ;charset=utf-8",
      "application/problem+json", "application/vnd.api+json", "application/javascript", "image/svg+xml",
      "application/xml", "application/atom+xml", "application/x-ndjson", "application/wasm",
    } do
      assert.equal("gzip", coding_for(type), type)
    end
    for _, type in ipairs {
      "image/png", "image/jpeg", "video/mp4", "application/zip", "application/gzip", "application/octet-stream",
      "text/event-stream", "text/event-stream; charset=utf-8", "font/woff2", "", "textual", "multipart/byteranges",
      "application/jsonx", "+json/x",
    } do
      assert.is_nil(coding_for(type), type)
    end
    assert.is_nil((choose("gzip", { size = BIG })))
  end)

  it("asks the headers for the type first", function()
    local answer = { type = "text/html", size = BIG, headers = { ["content-type"] = "image/png" } }
    assert.is_nil((choose("gzip", answer)))
    answer = { type = "image/png", size = BIG, headers = { ["CONTENT-TYPE"] = "text/html" } }
    assert.equal("gzip", (choose("gzip", answer)))
  end)

  it("leaves small bodies as they are, but not those whose size nobody knows", function()
    assert.is_nil(coding_for("text/html", 0))
    assert.is_nil(coding_for("text/html", 1023))
    assert.equal("gzip", coding_for("text/html", 1024))
    assert.equal("gzip", (choose("gzip", { type = "text/html" })))
    assert.equal("gzip", (choose("gzip", { type = "text/html", size = 10 }, { compress_bytes_min = 10 })))
    assert.is_nil((choose("gzip", { type = "text/html", size = 9 }, { compress_bytes_min = 10 })))
  end)

  it("takes a set of types of one's own", function()
    local options = { compress_types = { ["text/event-stream"] = true, ["a/*"] = true, ["+b"] = true } }
    for type, expected in pairs { ["text/event-stream"] = "gzip", ["a/x"] = "gzip", ["x/y+b"] = "gzip" } do
      assert.equal(expected, (choose("gzip", { type = type, size = BIG }, options)))
    end
    assert.is_nil((choose("gzip", { type = "text/html", size = BIG }, options)))
  end)

  it("leaves answers as they are whose bytes are said something about, or that have no body", function()
    for name, value in pairs {
      ["Content-Encoding"] = "br", ["content-encoding"] = "identity", ["Content-Range"] = "bytes 0-1/2",
      ["Content-Digest"] = "sha-256=:x:", ["Repr-Digest"] = "sha-256=:x:", ["Content-MD5"] = "x",
      ["Cache-Control"] = "no-transform",
    } do
      local headers = { [name] = value, ETag = '"a"' }
      local coding, sent = choose("gzip", { type = "text/html", size = BIG, headers = headers })
      assert.is_nil(coding, name)
      assert.same({ [name] = value, ETag = '"a"' }, sent)
    end
    for _, control in ipairs { "max-age=60, No-Transform", "no-transform ,private", { "public", "no-transform" } } do
      local answer = { type = "text/html", size = BIG, headers = { ["cache-control"] = control } }
      assert.is_nil((choose("gzip", answer)))
    end
    local answer = { type = "text/html", size = BIG, headers = { ["cache-control"] = "public, max-age=60" } }
    assert.equal("gzip", (choose("gzip", answer)))
    for status, expected in pairs { [200] = "gzip", [404] = "gzip", [500] = "gzip" } do
      assert.equal(expected, (choose("gzip", { status = status, type = "text/html", size = BIG })))
    end
    for _, status in ipairs { 101, 204, 205, 206, 304 } do
      assert.is_nil((choose("gzip", { status = status, type = "text/html", size = BIG })))
    end
  end)

  local function headers_for(accept, headers)
    local _, sent = choose(accept, { type = "text/html", size = BIG, headers = headers })
    return sent
  end

  it("says the coding, and that the answer depends on what was accepted", function()
    assert.same({ ["Content-Encoding"] = "gzip", Vary = "Accept-Encoding", ["X-A"] = "1" },
      headers_for("gzip", { ["X-A"] = "1" }))
    assert.same({ ["Content-Encoding"] = "gzip", Vary = "Accept-Encoding" }, headers_for("gzip"))
  end)

  it("says so to a client that gets the plain body, too", function()
    assert.same({ Vary = "Accept-Encoding", ETag = '"a"', ["Accept-Ranges"] = "bytes" },
      headers_for(nil, { ETag = '"a"', ["Accept-Ranges"] = "bytes" }))
  end)

  it("adds to the Vary that is there", function()
    local cases = {
      { "Cookie", "Cookie, Accept-Encoding" }, { "accept-encoding", "accept-encoding" }, { "*", "*" },
      { "Cookie, ACCEPT-ENCODING", "Cookie, ACCEPT-ENCODING" }, { "", "Accept-Encoding" },
      { "X-Accept-Encoding", "X-Accept-Encoding, Accept-Encoding" },
      { { "Cookie", "Origin" }, "Cookie, Origin, Accept-Encoding" },
    }
    for _, case in ipairs(cases) do
      for _, name in ipairs { "Vary", "vary" } do
        local sent = headers_for("gzip", { [name] = case[1] })
        assert.same({ ["Content-Encoding"] = "gzip", Vary = case[2] }, sent)
      end
    end
  end)

  it("makes a strong tag weak, since the bytes are others", function()
    for etag, expected in pairs { ['"a"'] = 'W/"a"', ['W/"a"'] = 'W/"a"', ['""'] = 'W/""' } do
      assert.equal(expected, headers_for("gzip", { etag = etag }).etag)
    end
    for _, wrong in ipairs { "a", "", '"a', '"a", "b"' } do
      assert.is_nil(headers_for("gzip", { ETag = wrong }).ETag)
    end
  end)

  it("leaves out what does not hold for the encoded body", function()
    local sent = headers_for("gzip", { ["content-length"] = "5", ["Accept-Ranges"] = "bytes" })
    assert.same({ ["Content-Encoding"] = "gzip", Vary = "Accept-Encoding" }, sent)
  end)

  it("leaves the caller's headers as they are, and takes an upstream's", function()
    local headers = { ETag = '"a"', Vary = "Cookie" }
    headers_for("gzip", headers)
    assert.same({ ETag = '"a"', Vary = "Cookie" }, headers)
    local upstream = multimap.fields { "Set-Cookie", "a=1", "Set-Cookie", "b=2", "ETag", '"x"' }
    local sent = headers_for("gzip", upstream)
    assert.same({ "a=1", "b=2" }, sent["set-cookie"])
    assert.equal('W/"x"', sent.etag)
  end)
end)

describe("compress.encode", function()
  it("makes what compress.decode takes, at every level", function()
    local text = text_of(BIG)
    for coding, highest in pairs { gzip = 9, deflate = 9, br = 9, zstd = 6 } do
      for level = 1, highest do
        local encoded = compress.encode(coding, text, level)
        assert.is_true(#encoded < BIG / 2)
        assert.is_true(text == compress.decode(coding, encoded))
      end
      assert.is_true(text == compress.decode(coding, compress.encode(coding, text)))
    end
    assert.equal(text, compress.encode("identity", text))
  end)

  it("takes bodies of every size", function()
    for _, coding in ipairs(CODINGS) do
      for _, size in ipairs { 0, 1, 1024, 16384, 65535, 65536, 65537, 131072, 300000 } do
        local text = text_of(size)
        assert.is_true(text == compress.decode(coding, compress.encode(coding, text)))
      end
    end
  end)

  it("takes what does not compress", function()
    local pieces = {}
    for index = 1, 1000 do
      pieces[index] = core.random_bytes(256)
    end
    local noise = table.concat(pieces)
    for _, coding in ipairs(CODINGS) do
      assert.is_true(noise == compress.decode(coding, compress.encode(coding, noise)))
    end
  end)

  it("is what the formats say", function()
    assert.equal("\31\139\8", compress.encode("gzip", "x"):sub(1, 3))
    assert.equal(8, compress.encode("deflate", "x"):byte(1) % 16) -- beside it stands the window
    assert.equal("\40\181\47\253", compress.encode("zstd", "x"):sub(1, 4))
  end)

  it("lets other tasks run before every 64 KiB", function()
    local text = text_of(16 * 65536)
    for _, coding in ipairs(CODINGS) do
      local turns = turns_during(function()
        compress.encode(coding, text)
      end)
      assert.is_true(turns >= 15, coding .. ": " .. turns)
    end
    assert.is_true(turns_during(function()
      compress.encode("gzip", "short")
    end) >= 1)
  end)

  it("ends when its task is cancelled", function()
    local finished, err = false, nil
    pcall(tg.gather, {
      function()
        local _, raised = pcall(compress.encode, "gzip", text_of(16 * 65536))
        err = raised
        finished = not task.is_cancellation(raised)
      end,
      function()
        let_others_run()
        let_others_run()
        error "enough"
      end,
    })
    assert.is_true(task.is_cancellation(err))
    assert.is_false(finished)
  end)

  it("refuses what it cannot do", function()
    local cases = {
      { '"lzma" is not a known content coding', "lzma", "x" },
      { "gzip has levels from 1 to 9", "gzip", "x", 10 },
      { "br has levels from 1 to 9", "br", "x", 11 },
      { "zstd has levels from 1 to 6", "zstd", "x", -1 },
      { "compress.encode takes a string, not a table", "gzip", {} },
      { "compress.encode takes a string, not nil", "gzip" },
    }
    for _, case in ipairs(cases) do
      local ok, message = pcall(compress.encode, case[2], case[3], case[4])
      assert.is_false(ok)
      assert.matches(case[1], message, 1, true)
      assert.matches("compress_spec.lua:%d+: ", message)
    end
  end)

  it("says where it cannot wait", function()
    local ok, message = pcall(table.sort, { 2, 1 }, function()
      return #compress.encode("gzip", "x") > 0
    end)
    assert.is_false(ok)
    assert.matches("compress.encode waits, and nothing can wait inside", message, 1, true)
  end)
end)

describe("compress.encoder", function()
  it("encodes what comes, in pieces that together are one body", function()
    for _, coding in ipairs(CODINGS) do
      local encoder, pieces, text = compress.encoder(coding), {}, {}
      for size = 0, 3000, 100 do
        text[#text + 1] = text_of(size)
        pieces[#pieces + 1] = encoder:write(text[#text])
      end
      pieces[#pieces + 1] = encoder:finish()
      assert.equal(table.concat(text), compress.decode(coding, table.concat(pieces)))
    end
  end)

  it("gives out at a flush all that was written", function()
    for _, coding in ipairs(CODINGS) do
      local encoder, decoder, got = compress.encoder(coding, 2), core.decoder(coding), ""
      for index = 1, 20 do
        local event = ("data: %d\n\n"):format(index)
        local bytes = encoder:write(event) .. encoder:flush()
        assert.is_true(#bytes > 0)
        got = got .. core.decode(decoder, bytes, 1, false)
        assert.equal(event, got:sub(-#event))
      end
      local rest, at = core.decode(decoder, encoder:finish(), 1, true)
      assert.equal("", rest)
      assert.is_nil(at)
    end
  end)

  it("may be finished with nothing written", function()
    for _, coding in ipairs(CODINGS) do
      assert.equal("", compress.decode(coding, compress.encoder(coding):finish()))
    end
  end)

  it("lets other tasks run while much is written at once", function()
    local text = text_of(16 * 65536)
    local turns = turns_during(function()
      local encoder = compress.encoder "gzip"
      encoder:write(text)
      encoder:finish()
    end)
    assert.is_true(turns >= 15)
  end)

  it("refuses to be used behind its end", function()
    local finished, closed = compress.encoder "gzip", compress.encoder "br"
    finished:finish()
    finished:close()
    closed:close()
    closed:close()
    for _, encoder in ipairs { finished, closed } do
      for _, name in ipairs { "write", "flush", "finish" } do
        local ok, message = pcall(encoder[name], encoder, "x")
        assert.is_false(ok)
        assert.matches("encoder:" .. name .. ": the encoder has ended", message, 1, true)
      end
    end
    assert.is_false((pcall(core.encode, finished.coder, "x", 1, "more")))
  end)

  it("refuses a second task, and is not harmed by it", function()
    local encoder, text, pieces, message = compress.encoder "gzip", text_of(4 * 65536), {}, nil
    tg.gather {
      function()
        pieces[1] = encoder:write(text)
      end,
      function()
        let_others_run()
        message = select(2, pcall(encoder.write, encoder, "x"))
        assert.is_false((pcall(encoder.close, encoder)))
      end,
    }
    assert.matches("encoder:write: another task is using this encoder", message, 1, true)
    pieces[2] = encoder:finish()
    assert.is_true(text == compress.decode("gzip", table.concat(pieces)))
  end)

  it("ends with a call that is cancelled", function()
    local encoder = compress.encoder "gzip"
    pcall(tg.gather, {
      function()
        encoder:write(text_of(16 * 65536))
      end,
      function()
        let_others_run()
        error "enough"
      end,
    })
    local ok, message = pcall(encoder.write, encoder, "x")
    assert.is_false(ok)
    assert.matches("the encoder has ended", message, 1, true)
    assert.is_false((pcall(core.encode, encoder.coder, "x", 1, "more"))) -- its memory is given back
  end)

  it("refuses what is no text, and goes on", function()
    local encoder = compress.encoder "gzip"
    assert.is_false((pcall(encoder.write, encoder, 5)))
    assert.is_false((pcall(encoder.write, encoder)))
    local bytes = encoder:write "x"
    assert.equal("x", compress.decode("gzip", bytes .. encoder:finish()))
  end)

  it("is what the garbage collector closes in the end", function()
    for _, coding in ipairs(CODINGS) do
      compress.encoder(coding):write "x"
      core.decode(core.decoder(coding), "", 1, false)
    end
    collectgarbage()
    collectgarbage()
  end)
end)

describe("compress.decode", function()
  local gzip = compress.encode

  it("undoes what Content-Encoding says", function()
    for field, coding in pairs { gzip = "gzip", ["X-GZIP"] = "gzip", [" br "] = "br", ["identity, zstd"] = "zstd" } do
      assert.equal("hello", compress.decode(field, compress.encode(coding, "hello")))
    end
    assert.equal("hello", compress.decode("identity", "hello"))
    assert.equal("hello", compress.decode("", "hello"))
    assert.equal("hello", compress.decode(nil, "hello"))
  end)

  it("answers 415 to a coding that it does not know, and says what it knows", function()
    for _, field in ipairs { "compress", "gzip, lzma", "gzip;q=1", "*" } do
      local err = abort_of(compress.decode, field, "x")
      assert.equal(415, err.status)
      assert.equal("the content coding is not known", err.detail)
      assert.same({ ["Accept-Encoding"] = "zstd, br, gzip, deflate" }, err.headers)
    end
  end)

  it("answers 413 to codings in a row", function()
    local twice = gzip("gzip", gzip("gzip", "hello"))
    local err = abort_of(compress.decode, "gzip, gzip", twice)
    assert.equal(413, err.status)
    assert.equal("more than one content coding", err.detail)
    assert.is_nil(err.headers)
  end)

  it("answers 400 to what is no body of that coding", function()
    for _, coding in ipairs(CODINGS) do
      local encoded = compress.encode(coding, text_of(2000))
      for what, wrong in pairs {
        ["ends too early"] = encoded:sub(1, -2), ["is not what"] = "\255" .. encoded, [""] = encoded .. "\0",
      } do
        local err = abort_of(compress.decode, coding, wrong)
        assert.equal(400, err.status)
        assert.matches(what, err.detail, 1, true)
      end
      assert.equal("the encoded body ends too early", abort_of(compress.decode, coding, "").detail)
    end
  end)

  it("answers 413 to bombs (class 14)", function()
    local zeros = ("\0"):rep(4000000)
    for _, coding in ipairs(CODINGS) do
      local bomb = compress.encode(coding, zeros)
      local err = abort_of(compress.decode, coding, bomb)
      assert.equal(413, err.status)
      assert.equal("the body grows too much when it is decoded", err.detail)
      err = abort_of(compress.decode, coding, bomb, { ratio_max = 0 })
      assert.equal(413, err.status)
      assert.equal("the decoded body is too large", err.detail)
      assert.is_true(zeros == compress.decode(coding, bomb, { bytes_max = 4000000, ratio_max = 0 }))
    end
  end)

  it("keeps to bytes_max, also for a body that is not encoded", function()
    for _, coding in ipairs { "identity", "gzip", "deflate", "br", "zstd" } do
      local encoded = compress.encode(coding, text_of(5000))
      assert.equal(5000, #compress.decode(coding, encoded, { bytes_max = 5000 }))
      assert.equal(413, abort_of(compress.decode, coding, encoded, { bytes_max = 4999 }).status)
      assert.equal(413, abort_of(compress.decode, coding, encoded, { bytes_max = 0 }).status)
    end
  end)

  it("lets other tasks run before every 64 KiB that come out", function()
    local text = text_of(16 * 65536)
    for _, coding in ipairs(CODINGS) do
      local encoded = compress.encode(coding, text)
      local turns = turns_during(function()
        compress.decode(coding, encoded, { bytes_max = #text })
      end)
      assert.is_true(turns >= 12, coding .. ": " .. turns)
    end
  end)

  it("refuses limits that are none", function()
    for _, wrong in ipairs { -1, 0 / 0, 1e300, "x" } do
      assert.is_false((pcall(compress.decode, "gzip", "x", { bytes_max = wrong })))
      assert.is_false((pcall(compress.decode, "gzip", "x", { ratio_max = wrong })))
    end
  end)
end)
