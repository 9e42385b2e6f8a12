-- Answers in pieces that are compressed: that each write goes out at once, and that no encoder is left behind.
local answer_coding = require "tidegate.answer_coding"
local compress = require "tidegate.compress"
local core = require "tidegate.core"
local task = require "tidegate.task"
local t = require "tidegate.testing"
local tg = require "tidegate"
local chunked = require "tests.support.chunked"
local compressed = require "tests.support.compressed"
local server = require "tests.support.server"

local app_of, decoded, get = compressed.app_of, compressed.decoded, compressed.get
local noise, settle, with_core = compressed.noise, compressed.settle, compressed.with_core
local TEXT, ALL, PLAIN_TEXT = compressed.TEXT, compressed.ALL, compressed.PLAIN_TEXT

-- A decoder of what comes: what was encoded so far.
local function decoder(coding)
  local coder = core.decoder(coding, 1e9, 0)
  return function(text)
    local pieces, at = {}, 1
    while at do
      local bytes, next_at = core.decode(coder, text, at, false)
      pieces[#pieces + 1] = assert(bytes)
      at = next_at
    end
    return table.concat(pieces)
  end
end

-- A connection that has asked a route whose body is `write_body`.
local function ask(write_body, coding, options, fields)
  app_of(function()
    return tg.response { headers = PLAIN_TEXT, body = write_body }
  end, options)
  local stream = tg.tcp.connect("app.test", 80)
  stream:write(("GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\nAccept-Encoding: %s\r\n%s\r\n"):format(
    coding or "gzip", fields or ""))
  return stream
end

-- What was encoded of an answer that has come as far as it will, and whether it is whole.
local function read_all(stream, coding)
  local head = stream:read_until "\r\n\r\n"
  assert.matches("\r\nContent-Encoding: " .. (coding or "gzip"), head, 1, true)
  local pieces = {}
  for piece in function() return stream:read() end do
    pieces[#pieces + 1] = piece
  end
  stream:close()
  local body, is_whole = chunked.decode(table.concat(pieces))
  return decoder(coding or "gzip")(body), is_whole, body
end

describe("an answer in pieces", function()
  compressed.check_encoders()

  it("goes out at each write, so that the client can decode it at once", function()
    for _, coding in ipairs { "gzip", "br", "zstd" } do
      local stream = ask(function(write)
        for number = 1, 3 do
          write(("line %d\n"):format(number))
          tg.sleep(1)
        end
      end, coding)
      stream:read_until "\r\n\r\n"
      local decode = decoder(coding)
      for number = 1, 3 do
        local size = tonumber(stream:read_until "\r\n":match "^%x+", 16)
        local chunk = stream:read_until "\r\n" -- a flushed piece may hold a line end
        while #chunk < size + 2 do
          chunk = chunk .. stream:read_until "\r\n"
        end
        assert.equal(("line %d\n"):format(number), decode(chunk:sub(1, -3)))
      end
      assert.equal(1, answer_coding.count())
      while stream:read() do end -- luacheck: ignore
      stream:close()
      t.close()
    end
  end)

  it("is one body of that coding, whatever is written", function()
    for _, coding in ipairs { "gzip", "br", "zstd" } do
      local written = { "a", "", TEXT, noise(300000), "", TEXT:rep(100), "end" }
      local whole = table.concat(written)
      local text, is_whole, body = read_all(ask(function(write)
        for _, bytes in ipairs(written) do
          write(bytes)
        end
      end, coding), coding)
      assert.is_true(is_whole)
      assert.is_true(whole == text)
      assert.is_true(whole == compress.decode(coding, body, { bytes_max = 1e9 }))
      t.close()
    end
  end)

  it("may be empty", function()
    local text, is_whole, body = read_all(ask(function() end))
    assert.equal("", text)
    assert.is_true(is_whole)
    assert.is_true(#body > 0)
  end)

  it("is sent as it is where its length, its type or a missing type says so", function()
    for _, headers in ipairs {
      { ["Content-Type"] = "text/plain", ["content-length"] = #TEXT }, { ["Content-Type"] = "text/event-stream" },
      { ["Content-Type"] = "image/png" }, {},
    } do
      local answer = get(app_of(function()
        return tg.response { headers = headers, body = function(write) write(TEXT) end }
      end), ALL)
      assert.is_nil(answer.headers["content-encoding"])
      assert.is_nil(answer.headers.vary)
      assert.equal(TEXT, answer:body())
    end
  end)

  it("of a handler without headers is written as it was", function()
    local client = app_of(function()
      return 200, function(write) write(TEXT) end
    end)
    assert.equal(TEXT, get(client, ALL):body())
  end)

  it("of a type that is named is compressed, events too", function()
    local stream = ask(function(write) write "data: 1\n\n" end, "gzip", { compress_types = { "text/plain" } })
    assert.equal("data: 1\n\n", (read_all(stream)))
    local answer = get(app_of(function()
      return tg.response {
        headers = { ["Content-Type"] = "text/event-stream" }, body = function(write) write "data: 1\n\n" end,
      }
    end, { compress_types = { "usual", "text/event-stream" } }), "gzip")
    assert.equal("data: 1\n\n", decoded(answer))
  end)

  it("is broken off visibly where its handler fails, and its encoder is closed", function()
    local text, is_whole
    local lines = server.logged(function()
      text, is_whole = read_all(ask(function(write)
        write "before"
        error "midway"
      end))
    end)
    assert.equal("before", text)
    assert.is_false(is_whole)
    assert.equal(1, #lines)
    assert.matches("answer_pieces_spec.lua:%d+: midway", lines[1].message)
    assert.matches("answer_pieces_spec.lua:%d+: in function", lines[1].message)
  end)

  it("is broken off where memory ends", function()
    local encode, calls = core.encode, 0
    local function fails_later(...)
      calls = calls + 1
      if calls == 2 then
        return nil, 503, "no memory to encode the body"
      end
      return encode(...)
    end
    local text, is_whole
    local lines = server.logged(function()
      with_core("encode", fails_later, function()
        text, is_whole = read_all(ask(function(write)
          write "before"
          pcall(write, "lost")
        end))
      end)
    end)
    assert.equal("before", text)
    assert.is_false(is_whole)
    assert.equal(1, #lines)
  end)

  it("is broken off where the deadline passes", function()
    local text, is_whole
    server.logged(function()
      text, is_whole = read_all(ask(function(write)
        write "before"
        tg.sleep(100)
      end, "gzip", {}, "X-Request-Timeout-Ms: 1000\r\n"))
    end)
    assert.equal("before", text)
    assert.is_false(is_whole)
  end)

  it("ends with its client", function()
    local reason
    local stream = ask(function(write)
      local ok, err = pcall(function()
        while true do
          write(noise(100000))
        end
      end)
      reason = not ok and err.reason
      error(err, 0)
    end)
    stream:read_until "\r\n\r\n"
    settle()
    assert.equal(1, answer_coding.count())
    stream:close()
    settle()
    assert.equal("the client is gone", reason)
  end)

  it("ends with its client in a shield, too", function()
    local err
    local stream = ask(function(write)
      tg.shield(function()
        err = select(2, pcall(function()
          while true do
            write(noise(100000))
          end
        end))
      end)
    end)
    stream:read_until "\r\n\r\n"
    settle()
    stream:close()
    settle()
    assert.equal("cancelled", err.kind)
    assert.equal("the client is gone", err.reason)
  end)

  it("leaves no encoder behind where its head cannot be sent", function()
    local answer
    server.logged(function()
      answer = get(app_of(function()
        return tg.response {
          headers = { ["Content-Type"] = "text/plain", ["X-Bad"] = "a\r\nb" }, body = function() end,
        }
      end), ALL)
    end)
    assert.equal(500, answer.status)
  end)

  it("holds its writer back while the client is slow", function()
    local written = 0
    local stream = ask(function(write)
      for _ = 1, 100 do
        write(noise(16384))
        written = written + 16384
      end
    end)
    settle()
    assert.is_true(written <= 5 * 64 * 1024, written)
    local text, is_whole = read_all(stream)
    assert.equal(100 * 16384, #text)
    assert.is_true(is_whole)
  end)

  it("lets others run, however much or often is written", function()
    for _, case in ipairs { { TEXT:rep(1000), 1 }, { "x", 1000 } } do
      local turns, done = 0, false
      local stream = ask(function(write)
        for _ = 1, case[2] do
          write(case[1])
        end
        done = true
      end)
      while not done do
        turns = turns + 1
        task.results(core.checkpoint "turns")
      end
      assert.is_true(turns > 10, turns)
      read_all(stream)
      t.close()
    end
  end)

  it("refuses what is no text, and to be written to behind its end", function()
    local kept, message
    local stream = ask(function(write)
      kept = write
      message = select(2, pcall(write, 5))
      write "fine"
    end)
    assert.equal("fine", (read_all(stream)))
    assert.matches("write takes a string, not 5", tostring(message), 1, true)
    assert.matches("has returned", tostring(select(2, pcall(kept, "late"))), 1, true)
  end)

  it("is one task's to write to while that waits, and is not harmed by another", function()
    local errs = {}
    local stream = ask(function(write)
      tg.gather({
        function() write(noise(500000)) end,
        function()
          tg.sleep(0)
          errs[1] = tostring(select(2, pcall(write, "other")))
        end,
      })
    end)
    settle()
    local text, is_whole = read_all(stream)
    assert.matches("another task waits to write to this answer", errs[1], 1, true)
    assert.equal(500000, #text)
    assert.is_true(is_whole)
  end)

  it("goes on behind a write from where nothing can wait, which sends nothing", function()
    for _, coding in ipairs { "gzip", "zstd" } do
      local message
      local text, is_whole = read_all(ask(function(write)
        write "before, "
        table.sort({ 2, 1 }, function(a, b)
          message = tostring(select(2, pcall(write, "lost")))
          return a < b
        end)
        write "behind"
      end, coding), coding)
      assert.matches("write waits, and nothing can wait inside a function that C code calls back", message, 1, true)
      assert.equal("before, behind", text)
      assert.is_true(is_whole)
      t.close()
    end
  end)

  it("goes on behind a write whose wait was ended", function()
    local parts, ended = {}, 0
    local stream = ask(function(write)
      for number = 1, 40 do
        parts[number] = noise(10000)
        local finished = tg.move_on_after(1, function()
          write(parts[number])
          return true
        end)
        ended = ended + (finished and 0 or 1)
        if not finished then
          tg.sleep(5)
        end
      end
    end)
    tg.sleep(3)
    local text, is_whole = read_all(stream)
    assert.is_true(ended > 0)
    assert.is_true(is_whole)
    assert.is_true(table.concat(parts) == text)
  end)

  it("has nothing of a write that a cancellation forbids", function()
    local text, is_whole = read_all(ask(function(write)
      tg.move_on_after(1, function()
        pcall(tg.sleep, 2)
        write "lost"
      end)
      write "kept"
    end))
    assert.equal("kept", text)
    assert.is_true(is_whole)
  end)

  it("is broken off where a write was ended midway", function()
    for _, goes_on in ipairs { true, false } do
      local message
      local bytes = noise(1000000)
      local stream = ask(function(write)
        tg.move_on_after(1, write, bytes)
        if goes_on then
          message = tostring(select(2, pcall(write, "more")))
        end
      end)
      tg.sleep(3)
      local text, is_whole
      server.logged(function()
        text, is_whole = read_all(stream)
      end)
      assert.is_false(is_whole)
      assert.is_true(bytes:sub(1, #text) == text)
      assert.matches(goes_on and "the previous write was cut off midway" or "nil", tostring(message), 1, true)
      t.close()
    end
  end)

  it("is broken off where another task is in the midst of a write as it ends", function()
    local message
    local bytes = noise(1000000)
    local stream = ask(function(write)
      tg.background(function()
        message = tostring(select(2, pcall(write, bytes)))
      end)
      tg.sleep(1)
    end)
    tg.sleep(2)
    local text, is_whole
    server.logged(function()
      text, is_whole = read_all(stream)
    end)
    assert.is_false(is_whole)
    assert.is_true(bytes:sub(1, #text) == text)
    settle()
    assert.matches("write: the answer has ended", message, 1, true)
  end)

  it("is not touched by a task that is in the midst of a write of many pieces as it ends", function()
    local encode, message = core.encode, nil
    local function encode_a_little(coder, text, at, mode)
      local bytes, next_at, detail = encode(coder, text:sub(1, at + 4095), at, mode)
      if bytes and not next_at and at + 4095 < #text then
        next_at = at + 4096
      end
      return bytes, next_at, detail
    end
    with_core("encode", encode_a_little, function()
      local bytes = noise(300000)
      local stream = ask(function(write)
        tg.background(function()
          message = tostring(select(2, pcall(write, bytes)))
        end)
        tg.sleep(1)
        error "a failure"
      end)
      tg.sleep(0.5)
      server.logged(function()
        tg.sleep(1)
        local text, is_whole = read_all(stream)
        assert.is_false(is_whole)
        assert.is_true(bytes:sub(1, #text) == text)
      end)
      settle()
    end)
    assert.matches("write: the answer has ended", message, 1, true)
  end)

  it("is not begun again by a task that outlives it", function()
    local err, release = nil, tg.event()
    local stream = ask(function(write)
      tg.background(function()
        release:wait()
        err = tostring(select(2, pcall(write, "late")))
      end)
      write "in time"
    end)
    assert.equal("in time", (read_all(stream)))
    release:set()
    settle()
    assert.matches("has returned", err, 1, true)
  end)
end)
