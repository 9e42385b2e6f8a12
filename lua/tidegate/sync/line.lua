-- A line of tasks that wait, first come first served.
--
-- Every call that waits is a checkpoint even where it need not wait: it lets the others run once, and raises a
-- cancellation. So a function either always yields or never does, and a loop over a free lock starves nobody.
--
-- What is handed to a waiter is its own from that moment: when a cancellation comes behind the hand-over, in the same
-- turn too, the waiter has what it waited for and is cancelled at its next wait. When the cancellation comes first, the
-- waiter is passed over, though it may stand in the line until it runs, and the next one gets it. Nothing is lost or
-- doubled.
local check = require "tidegate.check"
local core = require "tidegate.core"
local task = require "tidegate.task"

local current, ticket, park, wake = core.current, core.ticket, core.park, core.wake
local error, pcall, xpcall = error, pcall, xpcall

local Line = {}
Line.__index = Line

local line = {}

-- The waiters are a list with links both ways: one that gives up leaves no gap, wherever it stood.
function line.new()
  return setmetatable({ head = nil, tail = nil, count = 0 }, Line)
end

local function join(self, waiter)
  local tail = self.tail
  waiter.line, waiter.before = self, tail
  if tail then
    tail.behind = waiter
  else
    self.head = waiter
  end
  self.tail = waiter
  self.count = self.count + 1
end

-- Takes a waiter out, where it still stands in the line.
local function leave(self, waiter)
  if waiter.line ~= self then
    return
  end
  local before, behind = waiter.before, waiter.behind
  if before then
    before.behind = behind
  else
    self.head = behind
  end
  if behind then
    behind.before = before
  else
    self.tail = before
  end
  waiter.line, waiter.before, waiter.behind = nil, nil, nil
  self.count = self.count - 1
end

--- Somebody who may wait, and is in no line yet. Making one asks for memory, and a finalizer that runs then may bring
--- what was to be waited for: look again behind it.
---@param value any what the waiter brings
---@return table
function line.waiter(value)
  return { task = false, ticket = 0, value = value, line = nil, before = nil, behind = nil }
end

--- Waits at the end of the line. Whoever takes the waiter off may leave something in its `value`.
---@async
---@param name string the function that waits
---@param waiter table of line.waiter
---@return table # the waiter
function Line:wait(name, waiter)
  waiter.task, waiter.ticket = current(), ticket()
  join(self, waiter)
  local _, err = pcall(park, name) -- which raises where nothing can wait
  if err ~= nil then
    leave(self, waiter)
    error(err, 0)
  end
  return waiter
end

--- Takes the one who waits longest off the line and wakes it; those that are cancelled already are passed over.
---@return table? # the waiter; nil where nobody waits
function Line:next()
  local waiter = self.head
  while waiter do
    leave(self, waiter)
    if wake(waiter.task, waiter.ticket) then
      return waiter
    end
    waiter = self.head
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

--- Lets every other ready task run once.
---@async
---@param name string the function that waits
function line.checkpoint(name)
  task.results(core.checkpoint(name))
end

-- Of two errors the first one counts, as where `fn` has given it back itself and failed then.
local function give_back(held, ok, ...)
  if ok then
    held:release()
    return ...
  end
  local trace = task.trace()
  pcall(held.release, held)
  return task.raise_again(..., trace, "")
end

--- Calls `fn` while something is held that has acquire() and release(), and gives it back whatever happens.
---@async
---@param held table
---@param name string the function that waits
---@param fn function
---@param ... any its arguments
---@return any ... what it returns
function line.run(held, name, fn, ...)
  if type(fn) ~= "function" then
    check.refuse(name .. " takes a function, and its arguments", fn)
  end
  held:acquire()
  return give_back(held, xpcall(fn, task.note_trace, ...))
end

return line
