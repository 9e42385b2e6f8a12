-- The two clocks of the measurements. tg.now() is neither: it stands still within a turn of the loop.
local ffi = require "ffi"

ffi.cdef [[
  typedef struct { long seconds, nanoseconds; } bench_time;
  int clock_gettime(int clock, bench_time *time);
]]

local MONOTONIC = 1
local time = ffi.new "bench_time"

local clock = {}

--- Seconds of CPU time that the process has used: for loops that never wait.
clock.cpu = os.clock

--- Seconds on the system's monotonic clock: for what has a beginning and an end.
function clock.wall()
  ffi.C.clock_gettime(MONOTONIC, time)
  return tonumber(time.seconds) + tonumber(time.nanoseconds) / 1e9
end

return clock
