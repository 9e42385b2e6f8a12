-- Endless bytes of which every piece can be checked by itself: what is lost, doubled or moved does not fit its place.
local ffi = require "ffi"

ffi.cdef "int memcmp(const void *a, const void *b, size_t size);"

local PERIOD, BYTES = 65521, 1024 * 1024 -- a prime: no buffer's size is a multiple of it

local function make()
  local state, bytes = 1, {}
  for index = 1, PERIOD do
    state = state * 48271 % 2147483647 -- Lehmer's generator
    bytes[index] = string.char(state % 256)
  end
  return table.concat(bytes):rep(math.ceil(BYTES / PERIOD) + 1)
end

local text = make()
local start = ffi.cast("const char *", text)

local pattern = {}

--- Where its bytes from `offset` on are in memory: at least `pattern.piece_bytes_max`.
function pattern.at(offset)
  return start + offset % PERIOD
end

pattern.piece_bytes_max = BYTES

--- A piece of it.
function pattern.piece(offset, size)
  local first = offset % PERIOD
  return text:sub(first + 1, first + size)
end

--- Are these its bytes from `offset` on?
---@param bytes string|ffi.cdata*
function pattern.fits(offset, bytes, size)
  assert(size <= BYTES, "a piece is too large to be checked")
  return ffi.C.memcmp(bytes, pattern.at(offset), size) == 0
end

return pattern
