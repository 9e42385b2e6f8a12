-- A semaphore: at most n at once.
local check = require "tidegate.check"
local core = require "tidegate.core"
local line = require "tidegate.sync.line"
local task = require "tidegate.task"

---@class tidegate.Semaphore
local Semaphore = { __name = "tidegate.Semaphore" }
Semaphore.__index = Semaphore

local semaphore = {}

--- A semaphore with `max` permits.
---@param max integer 1 or more
---@return tidegate.Semaphore
function semaphore.new(max)
  if type(max) ~= "number" or max < 1 or max % 1 ~= 0 then
    check.refuse("tg.semaphore takes the number of permits, a whole number from 1", max)
  end
  return setmetatable({ max = max, value = max, line = line.new() }, Semaphore)
end

--- Takes a permit; waits for one where none is free. Who waits longest is served first.
---@async
function Semaphore:acquire()
  task.check_can_wait "semaphore:acquire"
  if not self:acquire_nowait() then
    local waiter = line.waiter()
    if not self:acquire_nowait() then
      self.line:wait("semaphore:acquire", waiter) -- release() hands its permit over
      return
    end
  end
  local err = core.checkpoint "semaphore:acquire"
  if err ~= nil then
    self:release()
    error(err, 0)
  end
end

--- Takes a permit where one is free and nobody waits.
---@return boolean # was there one?
function Semaphore:acquire_nowait()
  if self.value == 0 then
    return false
  end
  self.value = self.value - 1
  return true
end

--- Gives a permit back, to who waits longest.
function Semaphore:release()
  if self.value == self.max then
    core.raise("semaphore:release: more permits are given back than were taken")
  end
  if not self.line:next() then
    self.value = self.value + 1
  end
end

--- Calls `fn` with a permit, which is given back whatever happens.
---@async
---@param fn function
---@param ... any its arguments
---@return any ... what it returns
function Semaphore:run(fn, ...)
  return line.run(self, "semaphore:run", fn, ...)
end

---@return {value: integer, max: integer, waiting: integer} # value: free permits
function Semaphore:statistics()
  return { value = self.value, max = self.max, waiting = self.line.count }
end

check.methods(Semaphore, "semaphore")

return semaphore
