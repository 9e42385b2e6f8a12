-- Pieces of bodies that scripts have let go of: they are collected while the loop is idle, and in time where it is not.
-- A spec for a process of its own (tests/blackbox/garbage_spec.lua): it measures the heap, and leaves a large one.
local t = require "tidegate.testing"
local tg = require "tidegate"

local KB, MB = 1024, 1024 * 1024
local PIECE = ("x"):rep(60000)

local function piece(number)
  return PIECE .. ("%06d"):format(number)
end

describe("the garbage of pieces", function()
  local base, most -- bytes of the heap before, and how many more there were at most
  local count -- of pieces, no two of which are the same string: several times the heap

  local function note()
    most = math.max(most, collectgarbage "count" * KB - base)
  end

  before_each(function()
    t.app(function(app)
      app:post("/taken", function(request)
        local bytes = 0
        for bytes_taken in request:chunks() do
          bytes = bytes + #bytes_taken
          note()
          if request.query.pause then
            tg.sleep(tonumber(request.query.pause))
          end
        end
        return tostring(bytes)
      end, { body_bytes_max = 2000 * MB })
      app:get("/made", function(request)
        return tg.response {
          headers = { ["Content-Length"] = count * (#PIECE + 6) },
          body = function(write)
            for number = 1, count do
              write(piece(number))
              note()
              if request.query.pause then
                tg.sleep(tonumber(request.query.pause))
              end
            end
          end,
        }
      end)
    end)
    collectgarbage()
    collectgarbage()
    base, most = collectgarbage "count" * KB, 0
    count = math.ceil((4 * base + 16 * MB) / #PIECE)
  end)

  -- Sends a body to a route that takes it.
  local function send(path)
    local stream = tg.tcp.connect("app.test", 80)
    stream:write(("POST %s HTTP/1.1\r\nHost: h\r\nContent-Length: %d\r\n\r\n"):format(path, count * (#PIECE + 6)))
    for number = 1, count do
      stream:write(piece(number))
    end
    stream:read_until "\r\n\r\n"
    assert.equal(tostring(count * (#PIECE + 6)), stream:read())
    stream:close()
  end

  -- Reads the pieces that a route makes.
  local function read(path)
    local stream = tg.tcp.connect("app.test", 80)
    stream:write(("GET %s HTTP/1.1\r\nHost: h\r\n\r\n"):format(path))
    stream:read_until "\r\n\r\n"
    local bytes = 0
    while bytes < count * (#PIECE + 6) do
      bytes = bytes + #stream:read()
    end
    stream:close()
  end

  it("does not grow beside a route that is slow", function()
    send "/taken?pause=1"
    assert.is_true(most < base / 4 + 2 * MB, most .. " bytes")
  end)

  it("does not grow beside a route that makes pieces slowly", function()
    read "/made?pause=1"
    assert.is_true(most < base / 4 + 2 * MB, most .. " bytes")
  end)

  it("has a bound where all are fast", function()
    send "/taken"
    read "/made"
    assert.is_true(most < base * 1.5 + 6 * MB, most .. " bytes")
  end)

  it("is left where a script has stopped the collector", function()
    collectgarbage "stop"
    send "/taken?pause=1"
    collectgarbage "restart"
    assert.is_true(most > count * #PIECE, most .. " bytes")
  end)
end)
