-- Files that are compressed while they are sent: which, with what headers, and what ends them under way.
local answer_coding = require "tidegate.answer_coding"
local compress = require "tidegate.compress"
local core = require "tidegate.core"
local t = require "tidegate.testing"
local tg = require "tidegate"
local chunked = require "tests.support.chunked"
local compressed = require "tests.support.compressed"
local folder = require "tests.support.folder"
local server = require "tests.support.server"
local wait = require "tests.support.wait"
local ffi = require "ffi"
local lfs = require "lfs"

ffi.cdef [[
int truncate(const char *path, long length);
int open(const char *path, int flags, ...);
int close(int fd);
int fdatasync(int fd);
int posix_fadvise(int fd, long offset, long length, int advice);
]]

local noise, settle, with_core = compressed.noise, compressed.settle, compressed.with_core
local TEXT = ("compressible text, "):rep(200)
local NOISE = noise(11 * 65536 + 60001) -- an encoder holds back more than 64 KiB of it
local BIG = ("0123456789abcdef"):rep(64 * 1024) .. NOISE
local FOR_NO_MORE = 4 -- POSIX_FADV_DONTNEED

-- How many files of a folder this process has open.
local function count_open_files(path)
  local count = 0
  for name in lfs.dir "/proc/self/fd" do
    local target = lfs.symlinkattributes("/proc/self/fd/" .. name, "target") or ""
    count = count + (target:sub(1, #path + 1) == path .. "/" and 1 or 0)
  end
  return count
end

-- Asks the system to forget what it has of a file in its memory. It need not do so.
local function forget(path)
  local fd = ffi.C.open(path, 0)
  ffi.C.fdatasync(fd)
  ffi.C.posix_fadvise(fd, 0, 0, FOR_NO_MORE)
  ffi.C.close(fd)
end

describe("a file that is compressed while it is sent", function()
  local files, client, left

  -- Serves the files: what compresses where the options do not say otherwise.
  local function serve(options, static_options, middleware)
    options = options or {}
    if options.compress == nil then
      options.compress = true
    end
    client = t.app(function(app)
      if middleware then
        app:use(middleware)
      end
      app:static("/files", files.path, static_options)
    end, options)
  end

  local function ask(path, accepted, headers, method)
    headers = headers or {}
    headers["Accept-Encoding"] = accepted
    return client[method or "get"](client, "/files/" .. path, { headers = headers })
  end

  -- Asks for a file in a stream of its own; that, and the head of the answer.
  local function ask_slowly(path, fields)
    local stream = tg.tcp.connect(client.url:match "//(.*)", 80)
    stream:write(("GET /files/%s HTTP/1.1\r\nHost: h\r\nConnection: close\r\nAccept-Encoding: gzip\r\n%s\r\n"):format(
      path, fields or ""))
    return stream, stream:read_until "\r\n\r\n"
  end

  -- What comes behind the head, decoded as far as it goes; and whether it is whole.
  local function read_rest(stream)
    local pieces = {}
    for piece in function() return stream:read() end do
      pieces[#pieces + 1] = piece
    end
    stream:close()
    local body, is_whole = chunked.decode(table.concat(pieces))
    return is_whole and compress.decode("gzip", body, { bytes_max = 1e8, ratio_max = 0 }), is_whole
  end

  -- A thread that still reads for a task that is gone closes the file when it has read, in its own time.
  local function wait_until_closed()
    core.set_virtual(false)
    wait.until_true("every file is closed", function()
      return count_open_files(files.path) == 0
    end)
    core.set_virtual(true)
  end

  setup(function()
    files = folder.new {
      ["text.txt"] = TEXT, ["short.txt"] = "short", ["image.png"] = TEXT, ["empty.txt"] = "", ["noise.txt"] = NOISE,
      ["app.js"] = TEXT, ["app.js.br"] = "brotli'd", ["big.txt"] = BIG,
    }
  end)

  teardown(function()
    files:remove()
  end)

  before_each(function()
    serve()
    left = compressed.count_open("encoder", "close_encoder")
    collectgarbage "stop" -- it would close files, too
  end)

  after_each(function()
    settle()
    wait_until_closed()
    collectgarbage "restart"
    assert.equal(0, answer_coding.count())
    assert.equal(0, left())
    t.close()
  end)

  it("has the coding that the client likes best", function()
    for accepted, coding in pairs { ["gzip, br, zstd"] = "zstd", ["gzip, br"] = "br", ["br;q=0.5, gzip"] = "gzip" } do
      for name, content in pairs { ["text.txt"] = TEXT, ["big.txt"] = BIG, ["noise.txt"] = NOISE } do
        local answer = ask(name, accepted)
        assert.equal(200, answer.status)
        assert.equal(coding, answer.headers["content-encoding"])
        assert.equal("Accept-Encoding", answer.headers.vary)
        assert.equal("text/plain; charset=utf-8", answer.headers["content-type"])
        assert.is_nil(answer.headers["content-length"])
        assert.is_nil(answer.headers["accept-ranges"])
        local body = answer:body()
        assert.is_true(name == "noise.txt" or #body < #content)
        assert.is_true(content == compress.decode(coding, body, { bytes_max = 1e8, ratio_max = 0 }))
      end
    end
  end)

  it("is sent as it is to whoever takes no coding, and says that others may get another", function()
    for _, accepted in ipairs { "identity", "deflate", "gzip;q=0" } do
      local answer = ask("text.txt", accepted)
      assert.equal(TEXT, answer:body())
      assert.is_nil(answer.headers["content-encoding"])
      assert.equal("Accept-Encoding", answer.headers.vary)
      assert.equal(tostring(#TEXT), answer.headers["content-length"])
      assert.equal("bytes", answer.headers["accept-ranges"])
      assert.matches('^"', answer.headers.etag)
    end
  end)

  it("is large enough, and of a type that becomes smaller", function()
    for name, content in pairs { ["short.txt"] = "short", ["empty.txt"] = "", ["image.png"] = TEXT } do
      local answer = ask(name, "gzip")
      assert.equal(content, answer:body())
      assert.is_nil(answer.headers["content-encoding"])
      assert.is_nil(answer.headers.vary)
    end
    serve { compress_types = { "image/png" }, compress_bytes_min = #TEXT }
    assert.equal("gzip", ask("image.png", "gzip").headers["content-encoding"])
    assert.is_nil(ask("text.txt", "gzip").headers["content-encoding"])
    serve { compress_bytes_min = #TEXT + 1 }
    assert.is_nil(ask("text.txt", "gzip").headers["content-encoding"])
  end)

  it("is one where a setting or the option of its folder says so", function()
    local function coding(...)
      serve(...)
      local answer = ask("text.txt", "gzip")
      return answer.headers["content-encoding"], answer.headers.vary
    end
    assert.is_nil(coding { compress = false })
    assert.is_nil(select(2, coding { compress = false }))
    assert.equal("gzip", (coding({ compress = false }, { compress = true })))
    assert.is_nil((coding({}, { compress = false })))
    assert.is_nil((coding({}, { cache_control = "no-transform" })))
    local ok, message = pcall(serve, {}, { compress = 1 })
    assert.is_false(ok)
    assert.matches("app:static: compress must be true or false, not 1", message, 1, true)
  end)

  it("gives way to a variant that is there, where the client takes that", function()
    local variant, other = ask("app.js", "gzip, br, zstd"), ask("app.js", "gzip")
    assert.equal("brotli'd", variant:body())
    assert.equal("gzip", other.headers["content-encoding"])
    assert.equal("Accept-Encoding", other.headers.vary)
    assert.equal(TEXT, compressed.decoded(other))
  end)

  it("has a weak tag, and 304 goes to whoever has it", function()
    local plain, encoded = ask("text.txt", "identity"), ask("text.txt", "gzip")
    assert.equal("W/" .. plain.headers.etag, encoded.headers.etag)
    for _, case in ipairs {
      { "gzip", { ["If-None-Match"] = encoded.headers.etag }, encoded.headers.etag },
      { "gzip", { ["If-None-Match"] = '"x", ' .. plain.headers.etag }, encoded.headers.etag },
      { "identity", { ["If-None-Match"] = encoded.headers.etag }, plain.headers.etag },
      { "gzip", { ["If-Modified-Since"] = encoded.headers["last-modified"] }, encoded.headers.etag },
    } do
      local answer = ask("text.txt", case[1], case[2])
      assert.equal(304, answer.status)
      assert.equal(case[3], answer.headers.etag)
      assert.equal("Accept-Encoding", answer.headers.vary)
      assert.is_nil(answer.headers["content-encoding"])
      assert.equal("", answer:body())
    end
    assert.equal(200, ask("text.txt", "gzip", { ["If-None-Match"] = 'W/"x"' }).status)
    assert.equal(412, ask("text.txt", "gzip", { ["If-Match"] = encoded.headers.etag }).status)
    assert.equal(200, ask("text.txt", "gzip", { ["If-Match"] = plain.headers.etag }).status)
  end)

  it("is sent as it is where a part of it is asked for", function()
    local etag = ask("text.txt", "gzip").headers.etag
    local answer = ask("text.txt", "gzip", { Range = "bytes=13-16" })
    assert.equal(206, answer.status)
    assert.equal("text", answer:body())
    assert.equal("Accept-Encoding", answer.headers.vary)
    assert.is_nil(answer.headers["content-encoding"])
    assert.equal("W/" .. answer.headers.etag, etag)
    answer = ask("text.txt", "gzip", { Range = "bytes=13-16", ["If-Range"] = etag })
    assert.equal(200, answer.status)
    assert.equal(TEXT, answer:body())
    assert.equal(416, ask("text.txt", "gzip", { Range = "bytes=99999-" }).status)
  end)

  it("has for HEAD the head that GET has", function()
    for _, accepted in ipairs { "gzip", "identity" } do
      local of_get, of_head = ask("big.txt", accepted), ask("big.txt", accepted, nil, "head")
      of_get:body()
      for _, name in ipairs { "content-encoding", "content-length", "content-type", "accept-ranges", "vary", "etag",
        "last-modified" } do
        assert.equal(of_get.headers[name], of_head.headers[name], name)
      end
      assert.equal("", of_head:body())
    end
  end)

  it("goes to HTTP/1.0 until the connection ends", function()
    local stream = tg.tcp.connect("app.test", 80)
    stream:write "GET /files/big.txt HTTP/1.0\r\nAccept-Encoding: gzip\r\n\r\n"
    assert.matches("\r\nContent-Encoding: gzip\r\n", stream:read_until "\r\n\r\n", 1, true)
    local pieces = {}
    for piece in function() return stream:read() end do
      pieces[#pieces + 1] = piece
    end
    stream:close()
    assert.is_true(BIG == compress.decode("gzip", table.concat(pieces), { bytes_max = 1e8, ratio_max = 0 }))
  end)

  it("is read by a thread where the system has it not in its memory", function()
    for _ = 1, 3 do
      forget(files:file "big.txt")
      assert.is_true(BIG == (read_rest((ask_slowly "big.txt"))))
    end
  end)

  it("is sent as it is where too much is encoded already", function()
    serve { compress_bodies_max = 1 }
    local stream, head = ask_slowly "noise.txt"
    assert.matches("\r\nContent-Encoding: gzip\r\n", head, 1, true)
    local answer = ask("text.txt", "gzip")
    assert.equal(TEXT, answer:body())
    assert.equal("Accept-Encoding", answer.headers.vary)
    assert.is_true(NOISE == (read_rest(stream)))
  end)

  it("is sent as it is where there is no memory for an encoder", function()
    local plain = ask("text.txt", "identity")
    with_core("encoder", function() end, function()
      local answer = ask("text.txt", "gzip")
      for _, name in ipairs { "content-encoding", "content-length", "accept-ranges", "vary", "etag" } do
        assert.equal(plain.headers[name], answer.headers[name], name)
      end
      assert.equal(TEXT, answer:body())
    end)
  end)

  it("is sent as it is where a middleware takes its coding away", function()
    serve({}, {}, function(request, next)
      local answer = next(request)
      return tg.response { headers = { ["Content-Type"] = "text/x-own" }, body = answer.body }
    end)
    for _, method in ipairs { "get", "head" } do
      local answer = ask("text.txt", "gzip", nil, method)
      assert.equal("text/x-own", answer.headers["content-type"])
      assert.is_nil(answer.headers["content-encoding"])
      assert.equal(tostring(#TEXT), answer.headers["content-length"])
      assert.equal(method == "get" and TEXT or "", answer:body())
    end
  end)

  it("is encoded where a middleware changes other things", function()
    serve({}, {}, function(request, next)
      local answer = next(request)
      answer.headers["X-Own"] = "1"
      return answer
    end)
    local answer = ask("text.txt", "gzip")
    assert.equal("1", answer.headers["x-own"])
    assert.equal(TEXT, compressed.decoded(answer))
  end)

  it("is not held while its client is slow", function()
    local read, size = core.file_read, 0
    local stream
    with_core("file_read", function(...)
      local err, bytes, wrong = read(...)
      size = size + #(bytes or "")
      return err, bytes, wrong
    end, function()
      stream = ask_slowly "noise.txt"
      tg.sleep(10)
      assert.is_true(size < #NOISE / 2)
      assert.is_true(NOISE == (read_rest(stream)))
      assert.equal(#NOISE, size)
    end)
  end)

  it("lets everything go when its client leaves, at any moment", function()
    local lines = server.logged(function()
      for pause = 0, 12 do
        forget(files:file "noise.txt")
        local stream = tg.tcp.connect("app.test", 80)
        stream:write "GET /files/noise.txt HTTP/1.1\r\nHost: h\r\nAccept-Encoding: gzip\r\n\r\n"
        for _ = 1, pause do
          tg.sleep(0)
        end
        stream:close()
        settle()
      end
      local stream = ask_slowly "noise.txt"
      tg.sleep(1)
      stream:close()
      settle()
    end)
    for _, line in ipairs(lines) do
      assert.not_equal("error", line.level)
    end
  end)

  it("is broken off where a deadline passes", function()
    local is_whole
    local lines = server.logged(function()
      local stream = ask_slowly("noise.txt", "X-Request-Timeout-Ms: 1000\r\n")
      tg.sleep(2)
      is_whole = select(2, read_rest(stream))
    end)
    assert.is_false(is_whole)
    assert.equal(1, #lines)
    assert.matches("broke off its answer", lines[1].message, 1, true)
  end)

  it("is broken off where it becomes shorter meanwhile, and sent as long as it was where it grows", function()
    local path, is_whole = files:write("changing.txt", NOISE)
    local lines = server.logged(function()
      local stream = ask_slowly "changing.txt"
      ffi.C.truncate(path, #NOISE - 1)
      is_whole = select(2, read_rest(stream))
    end)
    assert.is_false(is_whole)
    assert.equal(1, #lines)
    assert.matches("a file could not be sent", lines[1].message, 1, true)

    files:write("changing.txt", NOISE)
    local stream = ask_slowly "changing.txt"
    ffi.C.truncate(path, #NOISE + 100000)
    assert.is_true(NOISE == (read_rest(stream)))
  end)
end)
