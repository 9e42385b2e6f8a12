-- Over real sockets, and so with the real clock: a virtual one would not wait for the other end.
local core = require "tidegate.core"
local errors = require "tidegate.errors"
local task = require "tidegate.task"
local tg = require "tidegate"
local listen_in_memory = require "tests.support.listen_in_memory"
local socket = require "tests.support.socket"

-- A stream and the raw socket at its other end.
local function pair(is_unix)
  local path = is_unix and os.tmpname()
  local listener = is_unix and socket.listen_unix(path) or socket.listen()
  local stream = is_unix and tg.unix.connect(listener.path) or tg.tcp.connect("127.0.0.1", listener.port)
  local peer = listener:accept()
  listener:close()
  return stream, peer
end

local function fails(kind, fn, ...)
  local ok, err = pcall(fn, ...)
  assert.is_false(ok)
  assert.is_true(errors.is_error(err), tostring(err))
  assert.equal(kind, err.kind)
  return tostring(err)
end

describe("tg.tcp.connect #realtime", function()
  it("connects by address and by name", function()
    local listener = socket.listen()
    for _, host in ipairs { "127.0.0.1", "localhost" } do
      local stream = tg.tcp.connect(host, listener.port)
      local peer = listener:accept()
      stream:write "hello"
      assert.equal("hello", peer:read_exactly(5))
      stream:close()
      peer:close()
    end
    listener:close()
  end)

  it("says where it could not connect, and why", function()
    local port = socket.closed_port()
    local message = fails("connect", tg.tcp.connect, "127.0.0.1", port)
    assert.equal(("127.0.0.1:%d cannot be reached: connection refused"):format(port), message)
    message = fails("connect", tg.tcp.connect, "no-such-host.invalid", 80)
    assert.matches("^no%-such%-host%.invalid:80 cannot be reached: ", message)
  end)

  it("refuses arguments that are none", function()
    for _, arguments in ipairs { {}, { "127.0.0.1" }, { "127.0.0.1", "x" }, { {}, 80 } } do
      assert.is_false((pcall(tg.tcp.connect, unpack(arguments, 1, 2))))
    end
    for _, port in ipairs { -1, 0, 65536, 1e9 } do
      assert.is_false((pcall(tg.tcp.connect, "127.0.0.1", port)))
    end
  end)
end)

describe("stream:read #realtime", function()
  it("waits for what comes, and takes at most what it is told", function()
    local stream, peer = pair()
    peer:write "abcdef"
    assert.equal("abc", stream:read(3))
    assert.equal("def", stream:read(100))
    tg.gather {
      function()
        assert.equal("later", stream:read())
      end,
      function()
        tg.sleep(0.001)
        peer:write "later"
      end,
    }
    stream:close()
    peer:close()
  end)

  it("is nil at the end, after everything was read", function()
    local stream, peer = pair()
    peer:write "last"
    peer:close()
    assert.equal("la", stream:read(2))
    assert.equal("st", stream:read())
    assert.is_nil(stream:read())
    assert.is_nil(stream:read())
    stream:close()
  end)

  it("goes on when the own side is finished", function()
    local stream, peer = pair()
    stream:write "question"
    stream:finish()
    assert.equal("question", peer:read_rest())
    peer:write "answer"
    assert.equal("answer", stream:read())
    stream:close()
    peer:close()
  end)

  it("raises when the peer resets the connection", function()
    local stream, peer = pair()
    peer:reset()
    assert.matches("stream: connection reset", fails("closed", stream.read, stream))
    stream:close()
  end)

  it("holds a fast peer back", function()
    local stream, peer = pair()
    local text = ("x"):rep(1000000)
    local read = 0
    tg.gather {
      function()
        for _ = 1, 4 do
          peer:write(text)
        end
        peer:close()
      end,
      function()
        for bytes in function() return stream:read(10000) end do
          assert.is_true(#bytes <= 10000)
          read = read + #bytes
        end
      end,
    }
    assert.equal(4000000, read)
    stream:close()
  end)

  it("refuses a second reader", function()
    local stream, peer = pair()
    local ok, message
    pcall(tg.gather, {
      function()
        stream:read()
      end,
      function()
        tg.sleep(0)
        ok, message = pcall(stream.read, stream)
        error "enough"
      end,
    })
    assert.is_false(ok)
    assert.matches("another task is reading from this stream", message, 1, true)
    peer:write "x"
    assert.equal("x", stream:read()) -- the reader that was cancelled has left it usable
    stream:close()
    peer:close()
  end)
end)

describe("stream:read_until #realtime", function()
  it("takes everything up to and including the mark", function()
    local stream, peer = pair()
    peer:write "first\r\nsecond\r"
    assert.equal("first\r\n", stream:read_until "\r\n")
    tg.gather {
      function()
        assert.equal("second\r\n", stream:read_until "\r\n")
      end,
      function()
        peer:write "\nthird"
      end,
    }
    peer:close()
    assert.is_nil(stream:read_until "\r\n")
    assert.equal("third", stream:read())
    stream:close()
  end)

  it("does not wait for a mark for ever", function()
    local stream, peer = pair()
    peer:write(("x"):rep(200))
    assert.matches("the mark did not come within 100 bytes", fails("too_large", stream.read_until, stream, "\n", 100))
    stream:close()
    peer:close()
  end)
end)

describe("stream:write #realtime", function()
  it("waits while the peer is far behind", function()
    local stream, peer = pair()
    local text, written, got = ("x"):rep(1000000), 0, nil
    tg.gather {
      function()
        for _ = 1, 16 do
          stream:write(text)
          written = written + 1
        end
        stream:close()
      end,
      function()
        for _ = 1, 20 do
          tg.sleep(0)
        end
        assert.is_true(written < 16)
        got = #peer:read_rest()
      end,
    }
    assert.equal(16000000, got)
    peer:close()
  end)

  it("raises once the peer is gone", function()
    local stream, peer = pair()
    peer:reset()
    local message = fails("closed", function()
      for _ = 1, 1000 do
        stream:write(("x"):rep(100000))
      end
    end)
    assert.matches("^stream: ", message)
    stream:close()
  end)
end)

-- --- the two directions ---

-- Reads until the end; what came, and the error that ended it where one did.
local function drain(stream)
  local parts = {}
  local ok, err = pcall(function()
    for bytes in function() return stream:read() end do
      parts[#parts + 1] = bytes
    end
  end)
  return table.concat(parts), not ok and err or nil
end

-- Writes until that fails; the message.
local function write_until_it_fails(stream, bytes)
  return fails("closed", function()
    for _ = 1, 1000 do
      stream:write(bytes)
    end
  end)
end

-- How a peer ends that has said what it had to say.
local ENDINGS = {
  ["closes without having read"] = function(peer) peer:close() end,
  ["resets"] = function(peer) peer:reset() end,
  ["reads and closes"] = function(peer)
    peer:take_nowait(100)
    peer:close()
  end,
}

describe("after a write that fails #realtime", function()
  for how, finish in pairs(ENDINGS) do
    for number, said in ipairs { "", "busy, come back later\n", ("x"):rep(60000), "over a Unix socket" } do
      it(("what a peer said that %s is read, and then the end (%d bytes)"):format(how, #said), function()
        local stream, peer = pair(number == 4)
        stream:write "hello"
        if how ~= "reads and closes" then
          peer:look(1, function() end)
        end
        peer:write(said)
        finish(peer)
        local message = write_until_it_fails(stream, ("y"):rep(100000))
        assert.matches("^stream: not written: ", message)
        assert.equal(message, write_until_it_fails(stream, "y")) -- it stays so
        local come, err = drain(stream)
        assert.is_nil(err)
        assert.equal(#said, #come)
        assert.is_nil(stream:read())
        assert.equal(message, fails("closed", stream.finish, stream))
        stream:close()
      end)
    end
  end

  it("that waited, as the peer did not read, it is the same", function()
    local stream, peer = pair()
    local message
    tg.gather {
      function()
        message = write_until_it_fails(stream, ("y"):rep(1000000))
      end,
      function()
        peer:write "enough"
        tg.sleep(0.01)
        peer:close()
      end,
    }
    assert.matches("^stream: not written: ", message)
    assert.equal("enough", (drain(stream)))
    stream:close()
  end)

  it("a reader that waits meanwhile gets what the peer says, and hears of the end", function()
    local stream, peer = pair()
    local come, err
    tg.gather {
      function()
        come, err = drain(stream)
      end,
      function()
        write_until_it_fails(stream, ("y"):rep(1000000))
      end,
      function()
        peer:look(1000, function() end)
        peer:write "enough"
        tg.sleep(0.01)
        peer:close()
      end,
    }
    assert.equal("enough", come)
    assert.is_true(err == nil or tostring(err) == "stream: connection reset by peer")
    stream:close()
  end)
end)

describe("a stream in memory", function()
  it("lets read what its peer said before it hung up", function()
    local streams, close = listen_in_memory "peer.test"
    local stream = tg.tcp.connect("peer.test", 80)
    tg.sleep(0)
    streams[1]:write "busy"
    streams[1]:close()
    assert.matches("^stream: not written: ", write_until_it_fails(stream, "x"))
    assert.equal("busy", (drain(stream)))
    assert.is_nil(stream:read())
    stream:close()
    close()
  end)

  it("waits with a write until its peer has taken it, or hears that it never will", function()
    local streams, close = listen_in_memory "peer.test"
    local stream = tg.tcp.connect("peer.test", 80)
    tg.sleep(0)
    local took, message
    tg.gather {
      function()
        stream:write(("x"):rep(200000))
        took = true
        message = write_until_it_fails(stream, ("x"):rep(200000))
      end,
      function()
        tg.sleep(0.01)
        assert.is_nil(took)
        assert.equal(200000, #streams[1]:read())
        tg.sleep(0.01)
        assert.is_true(took)
        streams[1]:close()
      end,
    }
    assert.matches("^stream: not written: ", message)
    stream:close()
    close()
  end)
end)

describe("the directions of a stream #realtime", function()
  it("have errors of their own", function()
    local stream, peer = pair()
    stream:write "unread"
    peer:write "last"
    peer:close() -- a reset
    local come, err = drain(stream)
    assert.equal("last", come)
    assert.equal("stream: connection reset by peer", tostring(err))
    assert.equal("stream: connection reset by peer", fails("closed", stream.read, stream))
    assert.matches("^stream: not written: ", write_until_it_fails(stream, "more"))
    assert.equal("stream: connection reset by peer", fails("closed", stream.read, stream))
    stream:close()
  end)

  it("end one by one: the peer's", function()
    local stream, peer = pair()
    peer:write "all"
    peer:finish()
    assert.equal("all", (drain(stream)))
    stream:write "still here"
    assert.equal("still here", peer:read_exactly(10))
    stream:write(("x"):rep(100000))
    assert.equal(100000, #peer:read_exactly(100000))
    stream:finish()
    assert.equal("", peer:read_rest())
    assert.is_nil(stream:read())
    stream:close()
    peer:close()
  end)

  it("end one by one: the own one", function()
    local stream, peer = pair()
    stream:write "all"
    stream:finish()
    stream:finish()
    local ok, message = pcall(stream.write, stream, "more")
    assert.is_false(ok)
    assert.matches("stream:write: this side of the stream has ended, by stream:finish", message, 1, true)
    assert.equal("all", peer:read_rest())
    peer:write "answer"
    assert.equal("answer", stream:read())
    peer:close()
    assert.is_nil(stream:read())
    stream:close()
  end)

  it("end both at close, which wakes who waits on either", function()
    local stream, peer = pair()
    local messages = {}
    tg.gather {
      function()
        messages[1] = fails("closed", stream.read, stream)
      end,
      function()
        messages[2] = write_until_it_fails(stream, ("x"):rep(10000000))
      end,
      function()
        tg.sleep(0.01)
        stream:close()
      end,
    }
    assert.same({ "stream: the stream is closed", "stream: not written: the stream is closed" }, messages)
    peer:close()
  end)
end)

describe("what was written #realtime", function()
  for _, size in ipairs { 1, 65535, 65536, 70000, 300000, 3000000, 8000000 } do
    it(("is all there for the peer when the stream is closed right behind it (%d bytes)"):format(size), function()
      local listener = socket.listen()
      local text = ("x"):rep(size)
      local got
      tg.gather {
        function()
          local stream = tg.tcp.connect("127.0.0.1", listener.port)
          stream:write(text)
          stream:close()
        end,
        function()
          local peer = listener:accept()
          tg.sleep(0.01)
          got = #peer:read_rest()
          peer:close()
        end,
      }
      assert.equal(size, got)
      listener:close()
    end)
  end

  it("before a cancellation goes out before what follows", function()
    local stream, peer = pair()
    local text = ("x"):rep(8000000)
    tg.move_on_after(0.01, function()
      stream:write(text)
    end)
    local got
    tg.gather {
      function()
        stream:write "y"
        stream:finish()
      end,
      function()
        got = peer:read_rest()
      end,
    }
    assert.equal(8000001, #got)
    assert.equal("y", got:sub(-1))
    stream:close()
    peer:close()
  end)
end)

describe("stream:close #realtime", function()
  it("ends it for the peer and for who waits on it", function()
    local stream, peer = pair()
    local message
    tg.gather {
      function()
        message = fails("closed", stream.read, stream)
      end,
      function()
        tg.sleep(0)
        stream:close()
      end,
    }
    assert.equal("stream: the stream is closed", message)
    assert.equal("", peer:read_rest())
    peer:close()
  end)

  it("makes every later call raise, and is harmless the second time", function()
    local stream, peer = pair()
    stream:close()
    stream:close()
    stream:finish()
    fails("closed", stream.read, stream)
    fails("closed", stream.read_until, stream, "x")
    fails("closed", stream.write, stream, "x")
    peer:close()
  end)

  it("is what the garbage collector does in the end", function()
    local listener = socket.listen()
    local stream = tg.tcp.connect("127.0.0.1", listener.port) -- luacheck: ignore (dropped below)
    local peer = listener:accept()
    listener:close()
    stream = nil -- luacheck: ignore
    collectgarbage()
    collectgarbage()
    assert.equal("", peer:read_rest())
    peer:close()
  end)
end)

describe("a cancelled wait on a stream #realtime", function()
  local function cancel_while(fn)
    local _, err = pcall(tg.gather, {
      fn,
      function()
        tg.sleep(0.001)
        error("enough", 0)
      end,
    })
    assert.equal("enough", err)
  end

  it("gives up connecting", function()
    local before = core.task_count()
    for _ = 1, 20 do
      local listener = socket.listen()
      pcall(tg.gather, {
        function()
          tg.tcp.connect("127.0.0.1", listener.port)
        end,
        function()
          error "enough"
        end,
      })
      listener:close()
    end
    assert.equal(before, core.task_count())
  end)

  it("leaves the stream as it is", function()
    local stream, peer = pair()
    local seen
    cancel_while(function()
      local _, err = pcall(stream.read, stream)
      seen = err
      error(err, 0)
    end)
    assert.is_true(task.is_cancellation(seen))
    peer:write "still there"
    assert.equal("still there", stream:read())
    cancel_while(function()
      while true do
        stream:write(("x"):rep(1000000))
      end
    end)
    stream:close()
    peer:close()
  end)
end)

describe("a function of streams #realtime", function()
  it("refuses anything but a stream", function()
    for _, wrong in ipairs { {}, 5, io.stdout, tg.null } do
      for _, name in ipairs { "stream_wait", "stream_take", "stream_close", "stream_write", "stream_error" } do
        assert.is_false((pcall(core[name], wrong, "x")))
      end
    end
  end)
end)

describe("stream:read_until", function()
  it("finds a mark that comes byte by byte, behind bytes that another task takes meanwhile", function()
    local streams, close = listen_in_memory "peer.test"
    local stream = tg.tcp.connect("peer.test", 80)
    tg.sleep(0)
    local results = tg.gather {
      reader = function()
        return stream:read_until "END"
      end,
      writer = function()
        local taken = {}
        for char in ("aEENaaENxEND"):gmatch "." do
          streams[1]:write(char)
          tg.sleep(1) -- the reader has looked at it
          if char == "N" then
            taken[#taken + 1] = stream:read(1)
          end
        end
        return table.concat(taken)
      end,
    }
    assert.equal("aEE", results.writer)
    assert.equal("NaaENxEND", results.reader)
    stream:close()
    close()
  end)
end)
