-- Holding the loop: a busy loop until the clock that Tidegate measures turns with has moved on.
local ffi = require "ffi"

ffi.cdef [[
typedef struct { long seconds, nanoseconds; } tests_time;
int clock_gettime(int clock, tests_time *time);
]]

local CLOCK_MONOTONIC_COARSE = 6

local function now()
  local time = ffi.new "tests_time[1]"
  ffi.C.clock_gettime(CLOCK_MONOTONIC_COARSE, time)
  return tonumber(time[0].seconds) + tonumber(time[0].nanoseconds) / 1e9
end

--- Holds it for longer than so many seconds.
return function(seconds)
  local started = now()
  repeat
    local held = now() - started
  until held > seconds
end
