-- A line of tasks that wait, first come first served.
--
-- Every call that waits is a checkpoint even where it need not wait: it lets the others run once, and raises a
-- cancellation. So a function either always yields or never does, and a loop over a free lock starves nobody.
--
-- What is handed to a waiter is its own from that moment: when a cancellation comes behind the hand-over, the waiter
-- has what it waited for and is cancelled at its next wait; when it comes before, the waiter leaves the line and the
-- next one gets it. Nothing is lost or doubled.
local core = require "tidegate.core"
local task = require "tidegate.task"

local Line = {}
Line.__index = Line

local line = {}

function line.new()
  return setmetatable({ first = 1, last = 0, count = 0 }, Line)
end

--- Lets every other ready task run once.
---@async
---@param name string the function that waits
function line.checkpoint(name)
  task.results(core.checkpoint(name))
end

--- Waits at the end of the line. Whoever takes the waiter off may leave something in its `value`.
---@async
---@param name string the function that waits
---@param value any what the waiter brings
---@return table # the waiter
function Line:wait(name, value)
  task.check_can_wait(name)
  local waiter = { task = core.current(), ticket = core.ticket(), value = value, place = self.last + 1 }
  self.last = waiter.place
  self[waiter.place] = waiter
  self.count = self.count + 1
  local err = core.park(name)
  if err ~= nil then
    self:leave(waiter)
    error(err, 0)
  end
  return waiter
end

-- Takes a waiter that gives up out of the line, where it still stands in it.
function Line:leave(waiter)
  if self[waiter.place] == waiter then
    self[waiter.place] = nil
    self.count = self.count - 1
  end
end

--- Takes the one who waits longest off the line and wakes it.
---@return table? # the waiter; nil where nobody waits
function Line:next()
  while self.first <= self.last do
    local waiter = self[self.first]
    self[self.first] = nil
    self.first = self.first + 1
    if waiter then
      self.count = self.count - 1
      if core.wake(waiter.task, waiter.ticket) then
        return waiter
      end -- else it was cancelled in this very turn
    end
  end
  return nil
end

--- Takes everybody off and wakes them.
---@param each? fun(waiter: table)
function Line:all(each)
  local waiter = self:next()
  while waiter do
    if each then
      each(waiter)
    end
    waiter = self:next()
  end
end

return line
