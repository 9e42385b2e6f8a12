-- Clients that read an answer slowly have a budget of time for the whole of it, whatever it is made of: what they read
-- refills it, and it does not run while nothing waits for them.
local t = require "tidegate.testing"
local tg = require "tidegate"
local compressed = require "tests.support.compressed"
local folder = require "tests.support.folder"
local server = require "tests.support.server"

local KB = 1024
local RATE = 100 * KB -- bytes a second, the slowest that is allowed
local BUDGET = 10 -- seconds
local BYTES = 8000 * KB
local HALF = 500 * KB -- which refills five seconds
local CONTENT = compressed.noise(BYTES)

describe("a client that reads an answer slowly", function()
  local files, go_on

  local function pieces(request)
    local size = tonumber(request.query.piece)
    return tg.response {
      headers = { ["Content-Type"] = request.query.type },
      body = function(write)
        for at = 1, BYTES, size do
          write(CONTENT:sub(at, at + size - 1))
        end
      end,
    }
  end

  -- Half of it, a pause of the route's own, and the other half.
  local function halves()
    return tg.response {
      headers = { ["Content-Length"] = 2 * HALF },
      body = function(write)
        write(CONTENT:sub(1, HALF))
        go_on:wait()
        go_on:clear()
        write(CONTENT:sub(1, HALF))
      end,
    }
  end

  setup(function()
    files = folder.new { ["file.bin"] = CONTENT, ["file.txt"] = CONTENT }
  end)

  teardown(function()
    files:remove()
  end)

  before_each(function()
    go_on = tg.event()
    t.app(function(app)
      app:get("/pieces", pieces)
      app:get("/halves", halves)
      app:get("/string", function() return CONTENT end)
      app:static("/files", files.path, { compress = true })
    end, { send_timeout_ms = BUDGET * 1000, send_bytes_per_second_min = RATE, compress = true })
  end)

  local function ask(path)
    local stream = tg.tcp.connect("app.test", 80)
    stream:write(("GET %s HTTP/1.1\r\nHost: h\r\nAccept-Encoding: gzip\r\n\r\n"):format(path))
    return stream
  end

  -- Reads so many bytes, and no faster than that rate; how many came before the connection ended.
  local function read(stream, bytes, rate)
    local count = 0
    while count < bytes do
      local ok, piece = pcall(stream.read, stream, bytes - count)
      if not ok or not piece then
        break
      end
      count = count + #piece
      tg.sleep(rate and #piece / rate or 0)
    end
    return count
  end

  -- Calls `fn`; what it logs is of requests whose client is gone.
  local function quietly(fn)
    for _, line in ipairs(server.logged(fn)) do
      assert.matches("the client is gone", line.message, 1, true)
    end
  end

  for name, path in pairs {
    ["pieces of 200 KB"] = "/pieces?piece=204800", ["pieces of 20 KB"] = "/pieces?piece=20480",
    ["pieces that are compressed"] = "/pieces?piece=204800&type=text/plain", ["a file"] = "/files/file.bin",
    ["a file that is compressed"] = "/files/file.txt", ["one long string"] = "/string",
  } do
    it("may take " .. name .. " at the rate that is allowed", function()
      local stream = ask(path)
      assert.equal(BYTES, read(stream, BYTES, RATE * 1.05))
      stream:close()
    end)

    it("is found out where it reads " .. name .. " just below that rate", function()
      quietly(function()
        local stream, started = ask(path), tg.now()
        local count = read(stream, BYTES, RATE * 0.75)
        local seconds = tg.now() - started
        stream:close()
        assert.is_true(count < BYTES / 2, count .. " bytes")
        -- Each second costs a quarter of one. What the system takes at once costs nothing, or is not paid for.
        assert.near(BUDGET * 4, seconds, BUDGET)
      end)
    end)
  end

  -- Takes both halves, but not before so many seconds have passed. In between the route pauses for an hour.
  local function read_halves(stream, seconds)
    tg.sleep(seconds)
    stream:read_until "\r\n\r\n"
    local count = read(stream, HALF)
    tg.sleep(3600)
    go_on:set()
    tg.sleep(seconds)
    return count + read(stream, HALF)
  end

  it("is not charged for the pauses of the route", function()
    local stream = ask "/halves"
    assert.equal(2 * HALF, read_halves(stream, 7))
    stream:close()
  end)

  it("has used up in the beginning what it lacks in the end", function()
    quietly(function()
      local stream = ask "/halves"
      assert.is_true(read_halves(stream, 9) < 2 * HALF)
      stream:close()
    end)
  end)

  it("has for each answer the whole time", function()
    local stream = tg.tcp.connect("app.test", 80)
    for _ = 1, 3 do
      stream:write "GET /string HTTP/1.1\r\nHost: h\r\n\r\n"
      tg.sleep(9)
      stream:read_until "\r\n\r\n"
      assert.equal(BYTES, read(stream, BYTES, RATE))
    end
    stream:close()
  end)
end)
