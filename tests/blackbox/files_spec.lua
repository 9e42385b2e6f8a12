-- Static files over real sockets: large ones, slow readers, files that change under way, and what is no file.
local tg = require "tidegate"
local ffi = require "ffi"
local lfs = require "lfs"
local folder = require "tests.support.folder"
local gateway = require "tests.support.gateway"
local pattern = require "tests.support.pattern"
local process = require "tests.support.process"
local request = require "tests.support.request"
local socket = require "tests.support.socket"
local wait = require "tests.support.wait"

ffi.cdef [[
int truncate(const char *path, long length);
int mkfifo(const char *path, unsigned mode);
int chmod(const char *path, unsigned mode);
unsigned geteuid(void);
]]

local KB, MB = 1024, 1024 * 1024
local BIG_BYTES = 300 * MB
local SLOW_READERS = 100
local LESS_THAN_ROOT = { "/usr/bin/setpriv", "--bounding-set=-dac_override,-dac_read_search" }

local ROUTES = [[
local tg = require "tidegate"

return function(app)
  app:static("/files", tg.env "TIDEGATE_TEST_FILES")
  app:static("/dev", "/dev")
  app:get("/hello", function()
    return "hello"
  end)
end
]]

local get = request.get

local function head(path)
  return request.head("HEAD", path)
end

-- A sparse file with a few bytes here and there.
local function write_sparse(path, size)
  local file = assert(io.open(path, "w"))
  for offset = 0, size - 100 * KB, 7 * MB + 12345 do
    file:seek("set", offset)
    file:write(pattern.piece(offset, 100 * KB))
  end
  file:seek("set", size - 1)
  file:write "!"
  file:close()
  return path
end

-- A gateway that may read as little as its owner, also where that is root.
local function start(files, fields)
  fields = fields or {}
  fields.routes = { ["routes.lua"] = ROUTES }
  fields.environment = { TIDEGATE_TEST_FILES = files.path }
  fields.prefix = ffi.C.geteuid() == 0 and LESS_THAN_ROOT or nil
  return gateway.start(fields)
end

-- Connects with little room for what comes, so that the gateway soon has to wait, and sends a request.
local function ask_slowly(serving, bytes)
  local connection = socket.connect(serving.port, 64 * KB)
  connection:write(bytes)
  return connection, connection:read_head()
end

-- Reads `length` bytes, which must be those of the file from `first` on.
local function read_part(connection, file, first, length)
  local read = 0
  file:seek("set", first)
  while read < length do
    local size = connection:look(length - read, function(bytes, size)
      assert(ffi.string(bytes, size) == file:read(size), "the answer is not the file")
    end)
    assert(size > 0, "the answer is cut")
    read = read + size
  end
end

-- Reads to the end of the connection; how many bytes there were.
local function count_rest(connection)
  local count, size = 0
  repeat
    size = connection:look(64 * KB, function() end)
    count = count + size
  until size == 0
  return count
end

local function hello(serving)
  assert.equal("hello", serving:ask(get "/hello").body)
end

describe("a large file", function()
  local files, serving, big, path, connection

  setup(function()
    files = folder.new { ["small.txt"] = "small" }
    path = write_sparse(files.path .. "/big.bin", BIG_BYTES)
    big = assert(io.open(path))
    serving = start(files, { unsanitized = true })
  end)

  teardown(function()
    serving:stop()
    big:close()
    files:remove()
  end)

  before_each(function()
    connection = socket.connect(serving.port)
  end)

  after_each(function()
    connection:close()
  end)

  it("arrives whole, and the connection goes on", function()
    local growth = serving:memory_growth(function()
      connection:write(get "/files/big.bin")
      assert.matches("\r\nContent-Length: " .. BIG_BYTES .. "\r\n", connection:read_head(), 1, true)
      read_part(connection, big, 0, BIG_BYTES)
    end)
    assert.is_true(growth < 4 * MB, growth .. " bytes are held")
    connection:write(get "/files/small.txt")
    connection:read_until "\r\n\r\nsmall"
  end)

  it("arrives in parts, one after the other on a connection", function()
    for _, part in ipairs {
      { "0-0", 0, 1 }, { "100-199", 100, 100 }, { "-1", BIG_BYTES - 1, 1 }, { "-100000", BIG_BYTES - 100000, 100000 },
      { BIG_BYTES - MB .. "-", BIG_BYTES - MB, MB }, { "7352345-9999999", 7352345, 9999999 - 7352345 + 1 },
      { "1000-999999999999", 1000, BIG_BYTES - 1000 },
    } do
      connection:write(get("/files/big.bin", "Range: bytes=" .. part[1]))
      local answer = connection:read_head()
      assert.matches("^HTTP/1.1 206 ", answer)
      assert.matches(("\r\nContent-Length: %d\r\n"):format(part[3]), answer, 1, true)
      assert.matches(("bytes %d-%d/%d"):format(part[2], part[2] + part[3] - 1, BIG_BYTES), answer, 1, true)
      read_part(connection, big, part[2], part[3])
    end
  end)

  it("has a head alone", function()
    connection:write(head "/files/big.bin" .. get "/hello")
    assert.matches("\r\nContent-Length: " .. BIG_BYTES .. "\r\n", connection:read_head(), 1, true)
    connection:read_until "\r\n\r\nhello"
  end)

  it("keeps the order of what was pipelined around it", function()
    connection:write(get "/hello" .. get("/files/big.bin", "Range: bytes=0-9999999") .. head "/files/big.bin"
      .. get("/files/big.bin", "Range: bytes=5-20000004") .. get "/hello")
    connection:read_until "\r\n\r\nhello"
    connection:read_head()
    read_part(connection, big, 0, 10000000)
    connection:read_head()
    connection:read_head()
    read_part(connection, big, 5, 20000000)
    connection:read_until "\r\n\r\nhello"
  end)

  it("is not held for readers that are slow, many at once", function()
    local opened, connections = serving:descriptor_count(), {}
    local growth = serving:memory_growth(function()
      for index = 1, SLOW_READERS do
        connections[index] = ask_slowly(serving, get "/files/big.bin")
      end
      for round = 0, 3 do
        for _, each in ipairs(connections) do
          read_part(each, big, round * 64 * KB, 64 * KB)
        end
      end
      hello(serving)
    end)
    assert.is_true(growth < SLOW_READERS * 64 * KB, growth .. " bytes are held")
    for index, each in ipairs(connections) do
      (index % 2 == 0 and each.close or each.reset)(each)
    end
    serving:wait_until_idle()
    wait.until_true("the files are closed", function()
      return serving:descriptor_count() <= opened
    end)
  end)

  it("is let go by clients that leave at any moment, and that is no fault", function()
    local opened, logged = serving:descriptor_count(), #serving:log()
    for index = 1, 200 do
      local each = socket.connect(serving.port)
      -- parts that nobody has read before have to be fetched
      each:write(get("/files/big.bin", ("Range: bytes=%d-"):format(index * 1234567 % BIG_BYTES)))
      for _ = 1, index % 7 do
        tg.sleep(0)
      end
      if index % 3 == 0 then
        each:read_head()
      end
      (index % 2 == 0 and each.close or each.reset)(each)
    end
    serving:wait_until_idle()
    wait.until_true("the files are closed", function()
      return serving:descriptor_count() <= opened
    end)
    assert.not_matches(" error ", serving:log():sub(logged + 1), 1, true)
  end)

  it("is closed at once where nothing of it is sent", function()
    local opened = serving:descriptor_count()
    for _, field in ipairs { "Range: bytes=999999999999-", 'If-Match: "x"', "If-None-Match: *" } do
      connection:write(get("/files/big.bin", field):rep(30))
      for _ = 1, 30 do
        local answer = connection:read_head()
        local length = tonumber(answer:match "Content%-Length: (%d+)")
        local _ = length and answer:sub(1, 12) ~= "HTTP/1.1 304" and connection:read_exactly(length)
      end
      assert.is_true(serving:descriptor_count() <= opened + 2, field)
    end
    connection:write(head("/files/big.bin"):rep(30))
    for _ = 1, 30 do
      connection:read_head()
    end
    assert.is_true(serving:descriptor_count() <= opened + 2, "HEAD")
  end)
end)

describe("a compressed variant", function()
  it("leaves no file open that is not sent", function()
    local files = folder.new {
      ["app.js"] = "plain", ["app.js.gz"] = "gz", ["app.js.br"] = "br",
      ["old.js"] = "plain", ["old.js.gz"] = "gz",
    }
    lfs.touch(files.path .. "/old.js.gz", 1, 1)
    local serving = start(files)
    local connection = serving:connect()
    local opened = serving:descriptor_count()
    for _ = 1, 30 do
      assert.equal("br", connection:ask(get("/files/app.js", "Accept-Encoding: br")).body)
      assert.equal("plain", connection:ask(get "/files/app.js").body)
      assert.equal("plain", connection:ask(get("/files/old.js", "Accept-Encoding: gzip")).body)
    end
    assert.is_true(serving:descriptor_count() <= opened + 2)
    connection:close()
    serving:stop()
    files:remove()
  end)
end)

describe("a file that changes while it is sent", function()
  local files, serving, path

  setup(function()
    files = folder.new { x = "" }
    serving = start(files)
  end)

  before_each(function()
    path = write_sparse(files.path .. "/changing.bin", 40 * MB)
  end)

  teardown(function()
    serving:stop()
    files:remove()
  end)

  it("is cut where it is truncated, which the client sees", function()
    for _, size in ipairs { 12 * MB + 1, 0 } do
      write_sparse(path, 40 * MB)
      local connection, answer = ask_slowly(serving, get "/files/changing.bin")
      assert.matches("\r\nContent-Length: 41943040\r\n", answer, 1, true)
      ffi.C.truncate(path, size)
      assert.is_true(count_rest(connection) < 40 * MB)
      connection:close()
      hello(serving)
    end
    serving:wait_for_log "a file could not be sent"
  end)

  it("is sent to its end where it is removed or another takes its place", function()
    for _, change in ipairs {
      function() os.remove(path) end,
      function()
        files:write("other", "other")
        os.rename(files.path .. "/other", path)
      end,
    } do
      write_sparse(path, 40 * MB)
      write_sparse(path, 10 * MB)
      local same = assert(io.open(path))
      local connection = ask_slowly(serving, get "/files/changing.bin")
      change()
      read_part(connection, same, 0, 10 * MB)
      connection:write(get "/hello")
      connection:read_until "\r\n\r\nhello"
      connection:close()
      same:close()
    end
  end)

  it("is sent as long as it was, where it grows", function()
    local connection = ask_slowly(serving, get "/files/changing.bin" .. get "/hello")
    ffi.C.truncate(path, 60 * MB)
    local same = assert(io.open(path))
    read_part(connection, same, 0, 40 * MB)
    connection:read_until "\r\n\r\nhello"
    connection:close()
    same:close()
  end)
end)

describe("what is no file, or may not be read,", function()
  it("is refused, and nobody waits for it", function()
    local files = folder.new { closed = "secret", ["shut/x"] = "secret", ["shut/index.html"] = "" }
    local public = files.path .. "/"
    ffi.C.mkfifo(public .. "pipe", 384)
    ffi.C.chmod(public .. "closed", 0)
    ffi.C.chmod(public .. "shut", 0)
    local serving = start(files, { listen = { "127.0.0.1:0", "unix:" .. public .. "socket" } })
    local connection = serving:connect()
    for path, status in pairs {
      ["/files/pipe"] = 404, ["/files/socket"] = 404, ["/dev/zero"] = 404, ["/dev/full"] = 404, ["/dev/null"] = 404,
      ["/files/closed"] = 403, ["/files/shut/x"] = 403, ["/files/shut/"] = 403, ["/files/shut/nothing"] = 403,
    } do
      assert.equal(status, connection:ask(get(path)).status, path)
      assert.equal(status, connection:ask(head(path), true).status, path)
    end
    local writer = process.start { command = { "/bin/sh", "-c", 'echo unheard >"$0"', public .. "pipe" } }
    for _ = 1, 20 do -- whoever waits for a reader of the pipe goes on waiting
      assert.equal(404, connection:ask(get "/files/pipe").status)
    end
    local reader = process.start { command = { "/bin/cat", public .. "pipe" } }
    wait.until_true("what was written is there still", function()
      return reader:stdout() == "unheard\n"
    end)
    writer:dispose()
    reader:dispose()
    connection:close()
    hello(serving)
    ffi.C.chmod(public .. "shut", 448)
    serving:stop()
    files:remove()
  end)
end)

describe("a gateway that stops while it sends files", function()
  local files

  before_each(function()
    files = folder.new { x = "" }
    write_sparse(files.path .. "/big.bin", 8 * MB)
  end)

  after_each(function()
    files:remove()
  end)

  it("sends them to their end", function()
    local serving = start(files)
    local file = assert(io.open(files.path .. "/big.bin"))
    local connections = {}
    for index = 1, 5 do
      connections[index] = ask_slowly(serving, get "/files/big.bin")
    end
    serving.process:signal(process.SIGTERM)
    for _, connection in ipairs(connections) do
      read_part(connection, file, 0, 8 * MB)
      assert.equal(0, count_rest(connection))
      connection:close()
    end
    file:close()
    serving:wait_for_end()
  end)

  it("cuts them when they take too long, which their readers see", function()
    local serving = start(files, { options = { "--drain-timeout-ms=50" } })
    local connection = ask_slowly(serving, get "/files/big.bin")
    serving.process:signal(process.SIGTERM)
    serving:wait_for_end()
    assert.is_true(count_rest(connection) < 8 * MB)
    connection:close()
  end)
end)
