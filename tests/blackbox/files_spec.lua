-- Large files over real sockets: the system sends them as fast as the client reads.
local tg = require "tidegate"
local folder = require "tests.support.folder"
local gateway = require "tests.support.gateway"
local wait = require "tests.support.wait"

local MB = 1024 ^ 2
local FILE_BYTES = 256 * MB

-- A file of that size, with a word now and then; what lies between takes no room on the disk.
local function write_sparse(path, bytes)
  local file = assert(io.open(path, "wb"))
  for at = 0, bytes - 1, 16 * MB do
    file:seek("set", at)
    file:write(("%016d"):format(at))
  end
  file:seek("set", bytes - 4)
  file:write "last"
  file:close()
end

describe("a large file", function()
  local files, serving

  before_each(function()
    files = folder.new { ["site.lua"] = 'return function(app) app:static("/files", "public") end', ["public/a"] = "a" }
    write_sparse(files:file "public/large", FILE_BYTES)
    serving = gateway.start { routes = files.path, unsanitized = true }
  end)

  after_each(function()
    serving:stop()
    files:remove()
  end)

  local function ask(extra)
    local stream = tg.tcp.connect("127.0.0.1", serving.port)
    stream:write("GET /files/large HTTP/1.1\r\nHost: h\r\n" .. (extra or "") .. "\r\n")
    return stream, stream:read_until "\r\n\r\n"
  end

  -- Reads so many bytes and returns the last few.
  local function read_bytes(stream, bytes, pause)
    local read, last = 0, ""
    while read < bytes do
      local piece = assert(stream:read(math.min(bytes - read, 1 + read % (3 * MB))), "the connection was closed")
      read, last = read + #piece, piece
      if pause and read % 7 == 0 then
        tg.sleep(0)
      end
    end
    return last:sub(-4)
  end

  it("comes whole, however the client reads, and the connection goes on", function()
    for round = 1, 3 do
      local stream, head = ask()
      assert.matches(("Content-Length: %d\r\n"):format(FILE_BYTES), head, 1, true)
      assert.equal("last", read_bytes(stream, FILE_BYTES, round > 1))
      stream:write "GET /files/a HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n"
      stream:read_until "\r\n\r\n"
      assert.equal("a", stream:read())
      assert.is_nil(stream:read())
      stream:close()
    end
  end)

  it("comes in part", function()
    local stream, head = ask "Range: bytes=16777216-16777231\r\n"
    assert.matches("^HTTP/1.1 206 ", head)
    assert.equal("0000000016777216", stream:read(16))
    stream:close()
  end)

  it("is not held, with many slow readers at once", function()
    local before = serving:memory_bytes()
    local streams = tg.map(tg.range(1, 50), function()
      local stream = ask()
      read_bytes(stream, MB)
      return stream
    end)
    assert.is_true(serving:memory_bytes() - before < 6 * MB)
    for _, stream in ipairs(streams) do
      stream:close()
    end
    wait.until_true("their tasks have ended", function()
      return #serving:get("/files/a"):body() == 1
    end)
  end)

  it("that becomes shorter while it is sent is not ended as if it were whole", function()
    local stream = ask()
    read_bytes(stream, MB)
    write_sparse(files:file "public/other", 32 * MB)
    local file = assert(io.open(files:file "public/large", "wb")) -- which cuts it
    file:close()
    local ok, err = pcall(read_bytes, stream, FILE_BYTES - MB)
    assert.is_false(ok)
    assert.matches("closed", tostring(err))
    stream:close()
    serving:wait_for_log "a file could not be sent: end of file"
  end)

  it("whose client leaves is no error", function()
    for _ = 1, 20 do
      local stream = ask()
      read_bytes(stream, MB)
      stream:close()
    end
    serving:wait_for_log "cancelled"
    assert.equal("a", serving:get("/files/a"):body())
    assert.not_matches("failed", serving:log(), 1, true)
  end)

  it("that is removed while it is sent comes whole", function()
    local stream = ask()
    assert(os.remove(files:file "public/large"))
    assert.equal("last", read_bytes(stream, FILE_BYTES))
    stream:close()
    assert.equal(404, serving:get("/files/large").status)
  end)
end)
