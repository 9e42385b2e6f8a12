-- Backpressure over real sockets: who is slow holds up the other side, and the gateway holds next to nothing. Bounds
-- are on bytes; how long something takes is never looked at.
local tg = require "tidegate"
local gateway = require "tests.support.gateway"
local pattern = require "tests.support.pattern"
local request = require "tests.support.request"
local socket = require "tests.support.socket"

local MB, GB = 1024 * 1024, 1024 * 1024 * 1024

-- What the system may hold of a connection: both of its buffers, as large as they ever grow.
local SYSTEM_BYTES_MAX = 16 * MB

-- Pieces that have gone through at full speed, and that Lua has not collected yet.
local GARBAGE_BYTES_MAX = 4 * MB

local ROUTES = [[
local tg = require "tidegate"
local pattern = require "tests.support.pattern"

local PIECE_BYTES = 64 * 1024
local progress = { written = 0, taken = 0 }
local go_on = tg.event()

return function(app)
  app:get("/generated/{bytes}", function(request)
    local bytes = tonumber(request.params.bytes)
    progress.written = 0
    return tg.response {
      headers = { ["Content-Length"] = request.query.length and ("%d"):format(bytes) or nil },
      body = function(write)
        while progress.written < bytes do
          local size = math.min(PIECE_BYTES, bytes - progress.written)
          write(pattern.piece(progress.written, size))
          progress.written = progress.written + size
        end
      end,
    }
  end)
  app:post("/taken", function(request)
    progress.taken = 0
    for piece in request:chunks() do
      assert(pattern.fits(progress.taken, piece, #piece), "the body is not what was sent")
      progress.taken = progress.taken + #piece
      if request.query.pause then
        tg.sleep(tonumber(request.query.pause))
      end
    end
    return progress
  end, { body_bytes_max = 2 ^ 40 })
  app:post("/through", function(request)
    return tg.response {
      body = function(write)
        for piece in request:chunks() do
          write(piece)
        end
      end,
    }
  end, { body_bytes_max = 2 ^ 40 })
  app:get("/progress", function()
    return progress
  end)
  app:post("/held", function(request)
    go_on:wait()
    return tostring(#request:body())
  end, { body_bytes_max = 2 ^ 40 })
  app:get("/go-on", function()
    go_on:set()
  end)
end
]]

local get = request.get

local function post(path, length)
  return request.head("POST", path, "Content-Length: " .. ("%d"):format(length))
end

-- Sends a body of that length, as fast as it is taken, until `is_over` says that it is enough; how much was sent.
local function send_body(connection, length, is_over)
  local sent = 0
  while sent < length and not (is_over and is_over()) do
    local size = math.min(pattern.piece_bytes_max, length - sent)
    local count = assert(connection:write_nowait(pattern.at(sent), size), "the gateway takes nothing any more")
    sent = sent + count
    if count == 0 then
      tg.sleep(0.001)
    end
  end
  return sent
end

-- Reads a body of that length and checks it.
local function read_body(connection, length)
  local read = 0
  while read < length do
    local size = connection:look(length - read, function(bytes, size)
      assert(pattern.fits(read, bytes, size), "the body is not what was written")
    end)
    assert(size > 0, "the body is cut")
    read = read + size
  end
end

describe("a gateway between a fast and a slow side", function()
  local serving, connection

  local function progress()
    return tg.json.decode(serving:ask(get "/progress").body)
  end

  setup(function()
    serving = gateway.start { routes = { ["routes.lua"] = ROUTES }, unsanitized = true }
    -- What it needs for any of this, and keeps, is no growth: the garbage of Lua's pieces above all.
    connection = socket.connect(serving.port)
    connection:write(get("/generated/" .. 32 * MB .. "?length=1"))
    connection:read_head()
    read_body(connection, 32 * MB)
    connection:write(post("/taken", 32 * MB))
    send_body(connection, 32 * MB)
    connection:read_until "}"
    connection:close()
  end)

  before_each(function()
    connection = socket.connect(serving.port)
  end)

  after_each(function()
    connection:close()
  end)

  teardown(function()
    serving:stop()
  end)

  -- Sends a body to a path for so many seconds, as fast as it is taken; how much was, and how much memory that took.
  local function send_for(seconds, path)
    local sent, given_up = 0, tg.now() + seconds
    local growth = serving:memory_growth(function()
      connection:write(post(path, GB))
      sent = send_body(connection, GB, function()
        return tg.now() > given_up
      end)
    end)
    return sent, growth
  end

  it("holds under 1 MB of 10 GB that a reader takes at 1 MB a second", function()
    local read = 0
    local growth = serving:memory_growth(function()
      connection:write(get("/generated/" .. 10 * GB))
      connection:read_head()
      while read < 2 * MB do
        read = read + assert(connection:take_nowait(64 * 1024), "the answer is cut"):len()
        tg.sleep(1 / 16)
      end
    end)
    local written = progress().written
    assert.is_true(written <= read + SYSTEM_BYTES_MAX, written .. " bytes were written")
    assert.is_true(growth < MB, growth .. " bytes are held")
    connection:close()
    serving:wait_until_idle()
    local left = progress().written
    assert.equal(left, progress().written)
  end)

  it("holds under 1 MB of an upload of 1 GB that a route takes at 1 MB a second", function()
    local sent, growth = send_for(2, "/taken?pause=0.06")
    local taken = progress().taken
    assert.is_true(taken > 0)
    assert.is_true(sent <= taken + SYSTEM_BYTES_MAX, sent .. " bytes were taken from the client")
    assert.is_true(growth < MB, growth .. " bytes are held")
    connection:reset()
    serving:wait_until_idle()
  end)

  it("holds little of an upload that nobody takes", function()
    local sent, growth = send_for(1, "/held")
    assert.is_true(sent <= SYSTEM_BYTES_MAX, sent .. " bytes were taken from the client")
    assert.is_true(growth < MB, growth .. " bytes are held")
    connection:reset()
    assert.equal(204, serving:ask(get "/go-on").status)
    serving:wait_until_idle() -- it hears that its client is gone when it asks for the body
  end)

  it("holds little of what goes through it to a client that does not read", function()
    local sent, growth = send_for(1, "/through")
    assert.is_true(sent <= 2 * SYSTEM_BYTES_MAX, sent .. " bytes were taken from the client")
    assert.is_true(growth < 4 * MB, growth .. " bytes are held")
    connection:reset()
    serving:wait_until_idle()
  end)

  it("passes on 1 GB to a fast reader, whole, and holds little", function()
    local growth = serving:memory_growth(function()
      connection:write(get("/generated/" .. GB .. "?length=1"))
      connection:read_head()
      read_body(connection, GB)
    end)
    assert.is_true(growth < GARBAGE_BYTES_MAX, growth .. " bytes are held")
    connection:write(get "/progress")
    assert.matches("^HTTP/1.1 200 OK\r\n", connection:read_head())
  end)

  it("takes 1 GB of a fast writer, whole, and holds little", function()
    local growth = serving:memory_growth(function()
      connection:write(post("/taken", GB))
      assert.equal(GB, send_body(connection, GB))
      assert.matches("^HTTP/1.1 200 OK\r\n", connection:read_head())
    end)
    assert.is_true(growth < GARBAGE_BYTES_MAX, growth .. " bytes are held")
    assert.equal(GB, progress().taken)
  end)
end)
