-- A lock: one task at a time. Between two waits no lock is needed, for nothing else runs there.
--
-- It belongs to the task that took it; only that one may give it back, and it cannot take it twice. A task that ends
-- without giving it back leaves it locked for good: use run(), which always gives it back. The owner is kept as a
-- number, for a task's place in memory is another one's later.
local check = require "tidegate.check"
local core = require "tidegate.core"
local line = require "tidegate.sync.line"
local task = require "tidegate.task"

---@class tidegate.Lock
local Lock = { __name = "tidegate.Lock" }
Lock.__index = Lock

local lock = {}

--- A lock that is free.
---@return tidegate.Lock
function lock.new()
  return setmetatable({ owner = nil, line = line.new() }, Lock)
end

--- Takes the lock; waits where another task has it. Who waits longest is served first.
---@async
function Lock:acquire()
  task.check_can_wait "lock:acquire"
  if self.owner ~= nil and self.owner == core.task_number() then
    core.raise("lock:acquire: this task has the lock already")
  elseif self.owner ~= nil then
    self.line:wait("lock:acquire", line.waiter()) -- release() has made this task the owner; no finalizer can
    return
  end
  self.owner = core.task_number()
  local err = core.checkpoint "lock:acquire"
  if err ~= nil then
    self:release()
    error(err, 0)
  end
end

--- Takes the lock where it is free.
---@return boolean # was it free?
function Lock:acquire_nowait()
  local of = core.task_number()
  if of == nil then
    core.raise("lock:acquire_nowait: a lock belongs to a task, and none runs while a file is loaded or in a finalizer")
  elseif self.owner ~= nil then
    return false
  end
  self.owner = of
  return true
end

--- Gives the lock to who waits longest.
function Lock:release()
  if self.owner ~= core.task_number() or self.owner == nil then
    core.raise("lock:release: this task does not have the lock")
  end
  local waiter = self.line:next()
  self.owner = waiter and core.task_number(waiter.task) or nil
end

--- Calls `fn` with the lock, which is given back whatever happens.
---@async
---@param fn function
---@param ... any its arguments
---@return any ... what it returns
function Lock:run(fn, ...)
  return line.run(self, "lock:run", fn, ...)
end

---@return {locked: boolean, waiting: integer}
function Lock:statistics()
  return { locked = self.owner ~= nil, waiting = self.line.count }
end

check.methods(Lock, "lock")

return lock
