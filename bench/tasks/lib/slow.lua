-- What bench/tasks/blocking.lua has called in threads: one function keeps a processor busy, the other waits.
local bit = require "bit"
local ffi = require "ffi"
local clock = require "lib.clock"

ffi.cdef "int usleep(unsigned microseconds);"

local BETWEEN_LOOKS = 100000 -- rounds

local slow = {}

local function rounds(hash, count)
  for round = 1, count do
    hash = bit.bxor(bit.rol(hash, 5), round)
  end
  return hash
end

--- Computes for so many seconds.
function slow.compute(seconds)
  local ends, hash = clock.wall() + seconds, 0
  while clock.wall() < ends do
    hash = rounds(hash, BETWEEN_LOOKS)
  end
  return hash
end

--- Waits in the kernel, as a slow disk would have it.
function slow.wait(seconds)
  ffi.C.usleep(seconds * 1e6)
end

return slow
