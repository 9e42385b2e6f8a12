-- How much memory of its own a process has: what it has written to, without the pages of its files.
local tg = require "tidegate"

local memory = {}

--- Bytes that the process holds now.
function memory.of(pid)
  local file = assert(io.open(("/proc/%d/smaps_rollup"):format(pid)))
  local text = file:read "*a"
  file:close()
  return tonumber(text:match "\nAnonymous: *(%d+) kB") * 1024
end

--- Calls `fn`, and looks at the process's memory meanwhile; how much more than before it held at most.
---@async
function memory.growth_during(pid, fn)
  local before, most, is_over = memory.of(pid), 0, false
  tg.gather {
    function()
      fn()
      is_over = true
    end,
    function()
      while not is_over do
        most = math.max(most, memory.of(pid) - before)
        tg.sleep(0.01)
      end
    end,
  }
  return most
end

return memory
