-- Scopes around code of the running task: children of its own, deadlines, shields.
local check = require "tidegate.check"
local core = require "tidegate.core"
local errors = require "tidegate.errors"
local nursery = require "tidegate.nursery"
local places = require "tidegate.places"
local task = require "tidegate.task"

local current, now = core.current, core.now
local note_trace = task.note_trace
local xpcall, error, select, setmetatable, unpack = xpcall, error, select, setmetatable, unpack

local scope = {}

-- --- deadlines ---

-- Where memory is out in the middle of it, it is called again.
core.on_deadline(function(passed)
  if passed.on_passed then -- no scope's, but one of reports.lua
    return passed.on_passed()
  end
  local cancelled = task.cancellation("the deadline passed")
  cancelled.traced_in = passed.task
  passed.cancelled = cancelled
  task.update(passed.task)
  passed.timer = nil
end)

local function check_task(name)
  if not current() then
    core.raise(name .. " works in a task, and no task runs while a file is being loaded")
  end
end

local function check_deadline(name, seconds, fn)
  local is_time = type(seconds) == "number" and seconds == seconds
  if not is_time or type(fn) ~= "function" then
    check.refuse_time(name .. " takes a number of seconds, and a function", is_time, seconds, fn)
  end
  check_task(name)
end

-- Closes a deadline's scope. Returns false, and where it came, when it was the deadline that ended it; else passes on
-- how it ended.
local function close(self, ok, value, ...)
  task.leave(self)
  if self.timer then
    core.stop_deadline(self.timer)
  end
  if ok then
    return true, value, ...
  end
  local trace = task.trace()
  if self.cancelled ~= nil and value == self.cancelled then
    return false, trace
  end
  return task.raise_again(value, trace, "")
end

local function run(seconds, fn, ...)
  local self = task.enter { deadline = now() + seconds }
  self.timer = core.deadline(seconds, self)
  return close(self, xpcall(fn, note_trace, ...))
end

local function or_raise(seconds, is_asked, in_time, ...)
  if in_time then
    return ...
  end
  return task.raise_again(errors.new {
    kind = "deadline",
    status = 504,
    detail = "it took too long",
    is_asked = is_asked,
    message = ("the deadline of %g s passed"):format(seconds),
  }, (...), "")
end

local function or_nothing(in_time, ...)
  if in_time then
    return ...
  end
end

--- Calls `fn`, and cancels what it does when it takes longer. Then an error of kind "deadline" is raised, answered with
--- 504 where nobody catches it. Of nested deadlines the earliest wins.
---@async
---@param seconds number
---@param fn function
---@param ... any its arguments
---@return any ... what it returns
function scope.fail_after(seconds, fn, ...)
  check_deadline("tg.fail_after", seconds, fn)
  return or_raise(seconds, nil, run(seconds, fn, ...))
end

--- The same for the whole of a request; the error has `is_asked` where the client has set the time.
---@async
---@param seconds number
---@param is_asked boolean?
---@param fn function
---@param ... any its arguments
function scope.bound(seconds, is_asked, fn, ...)
  return or_raise(seconds, is_asked or nil, run(seconds, fn, ...))
end

--- Calls `fn`, and cancels what it does when it takes longer. Then nothing is returned.
---@async
---@param seconds number
---@param fn function
---@param ... any its arguments
---@return any ... what it returns
function scope.move_on_after(seconds, fn, ...)
  check_deadline("tg.move_on_after", seconds, fn)
  return or_nothing(run(seconds, fn, ...))
end

--- The seconds until the earliest deadline around the running code, as far as no shield stands between.
---@return number? # 0 when it has passed; nil where there is none
function scope.remaining()
  local deadline = current() and task.deadline()
  return deadline and math.max(0, deadline - now()) or nil
end

-- --- shields ---

local function unshield(self, ok, ...)
  task.leave(self)
  if ok then
    return ...
  end
  return task.raise_again(..., task.trace(), "")
end

--- Calls `fn`, and keeps a cancellation from outside away until it has ended: for clean-up that must wait. Put a
--- deadline inside, or a shutdown waits for it.
---@async
---@param fn function
---@param ... any its arguments
---@return any ... what it returns
function scope.shield(fn, ...)
  if type(fn) ~= "function" then
    check.refuse("tg.shield takes a function", fn)
  end
  check_task("tg.shield")
  local self = task.enter { shield = true }
  task.update(self.task)
  return unshield(self, xpcall(fn, note_trace, ...))
end

-- --- children ---

---@class tidegate.Handle
---@field private nursery tidegate.Nursery
---@field private index integer the child's place in the nursery
---@field private place string where it was spawned
local Handle = { __name = "tidegate.Handle" }
Handle.__index = Handle

-- Every field from the start: one that is added later makes the table grow, which costs as much as all else.
local function new_handle(children, fn, count, ...)
  return setmetatable({
    nursery = children,
    index = 0,
    place = core.place(),
    fn = fn,
    argument = (...),
    arguments = count > 1 and { ... },
    argument_count = count,
    waiters = false,
    ended = false,
    ok = false,
    value = false,
    values = false,
    value_count = 0,
    trace = false,
  }, Handle)
end

local function run_handle(self)
  if self.argument_count > 1 then
    return self:keep(xpcall(self.fn, note_trace, unpack(self.arguments, 1, self.argument_count)))
  elseif self.argument_count == 1 then
    return self:keep(xpcall(self.fn, note_trace, self.argument))
  end
  return self:keep(xpcall(self.fn, note_trace))
end

places.own(run_handle, function(level)
  local self = places.variable(level, "self")
  return places.of(self.fn, "a task that was spawned") or self.place .. " (a task that was spawned there)"
end)

local function wake_all(waiters)
  for _, waiter in ipairs(waiters) do
    core.wake(waiter.task, waiter.ticket)
  end
end

-- Keeps how the child ended, and wakes who waits for that.
function Handle:keep(ok, ...)
  local count = select("#", ...)
  self.ended, self.ok, self.value_count, self.value = true, ok, count, (...)
  if count > 1 then
    self.values = { ... }
  end
  local trace = not ok and task.trace()
  if self.waiters then
    wake_all(self.waiters)
  end
  if not ok then
    self.trace = trace
    task.raise_again(self.value, trace, "\nspawned at " .. self.place)
  end
  return ...
end

local function forget(list, item)
  for index, each in ipairs(list) do
    if each == item then
      return table.remove(list, index)
    end
  end
end

-- What the child has returned.
local function results_of(self)
  if self.value_count > 1 then
    return unpack(self.values, 1, self.value_count)
  elseif self.value_count == 1 then
    return self.value
  end
end

--- Waits until the child has ended.
---@async
---@return any ... what its function returned; what it raised is raised
function Handle:wait()
  task.check_can_wait("handle:wait")
  if self.ended then
    task.results(core.checkpoint("handle:wait"))
  else
    task.check_not_within(self.nursery.children[self.index], "handle:wait")
  end
  while not self.ended do
    local waiter = { task = current(), ticket = core.ticket() }
    self.waiters = self.waiters or {}
    table.insert(self.waiters, waiter)
    task.awaited[waiter.task] = self.nursery.children[self.index]
    local err = core.park("handle:wait")
    task.awaited[waiter.task] = nil
    if err ~= nil then
      forget(self.waiters, waiter)
      error(err, 0)
    end
  end
  if not self.ok and task.is_cancellation(self.value) then
    local message = "the task that was waited for was " .. tostring(self.value)
    error(errors.new { kind = "cancelled_child", message = message, cause = self.value }, 0)
  elseif not self.ok then
    task.raise_again(self.value, self.trace, "\nwaited for by")
  end
  return results_of(self)
end

--- Cancels the child alone; that is no failure of its scope.
function Handle:cancel()
  if not self.ended then
    task.cancel(self.nursery.children[self.index], task.cancellation("its handle was cancelled"))
  end
end

---@class tidegate.Scope
local Scope = { __name = "tidegate.Scope" }
Scope.__index = Scope

--- Starts a child of the scope.
---@param fn function
---@param ... any its arguments
---@return tidegate.Handle
function Scope:spawn(fn, ...)
  if type(fn) ~= "function" then
    check.refuse("scope:spawn takes a function", fn)
  elseif self.closed then
    core.raise("scope:spawn: the scope has ended")
  end
  local handle = new_handle(self.nursery, fn, select("#", ...), ...)
  handle.index = self.nursery:spawn(nil, run_handle, handle)
  if self.nursery.cancelled then
    task.cancel(self.nursery.children[handle.index], self.nursery.cancelled)
  end
  return handle
end

--- Cancels everything in the scope, which then ends without an error.
function Scope:cancel()
  self.nursery:abort(task.cancellation("its scope was cancelled"))
end

check.methods(Handle, "handle")
check.methods(Scope, "scope")

-- Waits for the children and says how the scope ends.
local function end_scope(self, frame, ok, ...)
  local children = self.nursery
  local trace = task.trace()
  if not ok and not task.is_cancellation(...) then
    children:fail((...), trace)
  elseif not ok then
    children:cancel(...)
  end
  -- One from outside may have cancelled the children alone, while a shield kept it off this task.
  local interrupted = children:wait("tg.scope") or children.cancelled or nil
  self.closed = true
  task.leave(frame)
  if not ok and task.is_cancellation(...) then
    interrupted = ...
  end
  if interrupted ~= nil and interrupted ~= frame.cancelled then
    children:report_lost(interrupted)
    error(interrupted, 0) -- from outside
  elseif children.failed then
    return children:raise()
  elseif ok then
    return ...
  end
end

--- Calls `fn` with a scope, in which it may spawn tasks; returns when all of them have ended. The first failure, of
--- `fn` or of a task, cancels the rest and is raised.
---@async
---@param fn fun(scope: tidegate.Scope): any
---@return any ... what `fn` returns
function scope.open(fn)
  task.check_can_wait("tg.scope")
  if type(fn) ~= "function" then
    check.refuse("tg.scope takes a function(scope)", fn)
  end
  local children = nursery.new(0)
  local frame = task.enter { nursery = children, cancelled = false }
  children.outer = frame
  children.free = {}
  children.frame = frame
  local self = setmetatable({ nursery = children }, Scope)
  return end_scope(self, frame, xpcall(fn, note_trace, self))
end

return scope
