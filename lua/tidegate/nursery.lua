-- A nursery: the child tasks of a scope, and the one task that waits until all of them have ended.
--
-- Nothing outlives it. The first failure of a child cancels its siblings, and is raised by join() once they have ended.
-- What a failure or a success means beyond that is the policy's business (gather.lua).
local core = require "tidegate.core"
local lost = require "tidegate.lost"
local places = require "tidegate.places"
local task = require "tidegate.task"
local unheard = require "tidegate.unheard"
local new_table = require "table.new"

local spawn_for, current, park, wake = core.spawn_for, core.current, core.park, core.wake
local pcall, rawequal, xpcall, setmetatable, type = pcall, rawequal, xpcall, setmetatable, type
local note_trace, take_trace, home, reserve = task.note_trace, task.trace, task.home, task.reserve

---@class tidegate.Nursery
---@field task lightuserdata? the one that waits; nil where that has ended before it did (see task.lua, abandon)
---@field outer table? the cancel scope around it
---@field children (lightuserdata|false)[] false where one has ended
---@field count integer children that have not ended
---@field free integer[]? places whose child has ended, in a scope that may have children without end
---@field waits table<lightuserdata, integer>|false of the children, when they were cancelled; in tests
---@field frame table? the cancel scope of the waiting task's own code
---@field results table<any, any>
local Nursery = { __name = "tidegate.Nursery" }
Nursery.__index = Nursery

local nursery = {}

local ABANDONED = "in a scope for which nobody waits any more"

--- A nursery of the running task.
---@param size integer how many children it will have, as far as one knows
function nursery.new(size)
  local children, results = new_table(size, 0), new_table(size, 0)
  return setmetatable({
    task = current(),
    outer = task.innermost(),
    children = children,
    results = results,
    count = 0,
    waiting = false,
    cancelled = false,
    waits = false,
    failed = false,
    failure = false,
    trace = false,
  }, Nursery)
end

--- Makes another task the one that waits, or none.
---@param of lightuserdata?
function Nursery:move(of)
  if of == nil and self.failed then
    lost.report(self.task, "error", ABANDONED, self.failure, self.trace)
  end
  self.task = of
  for _, child in ipairs(self.children) do
    if child then
      core.set_parent(child, of)
    end
  end
end

local HEARS_NOW = -1

-- How often each child that is ready has waited: it hears of a cancellation when it waits once more, and one that waits
-- hears of it now. What they raise from then on is of their clean-up.
local function waits_of(children)
  local waits = {}
  for _, child in ipairs(children) do
    local info = child and core.task_info(child)
    if info then
      waits[child] = info.state == "waits" and HEARS_NOW or info.waits
    end
  end
  return waits
end

--- Is it a failure of its own that the running task has, and not one of its clean-up? For tests; false where none runs.
---@return boolean
function Nursery:is_own_failure()
  local waits = self.waits and self.waits[current()]
  return waits and waits == core.task_info(current()).waits or false
end

--- Cancels every child that has not ended.
---@param value tidegate.Cancelled
function Nursery:cancel(value)
  if self.cancelled then
    return
  end
  self.cancelled = value
  self.waits = unheard.is_on and waits_of(self.children)
  for _, child in ipairs(self.children) do
    if child then
      value.children = value.children + 1
      task.cancel(child, value)
    end
  end
end

--- Cancels every child, and what the waiting task does in the nursery's own cancel scope, where it has one.
---@param value tidegate.Cancelled
function Nursery:abort(value)
  local frame = self.frame
  if frame and not frame.cancelled then
    frame.cancelled = value
    task.update(frame.task)
  end
  self:cancel(value)
end

-- Is this the failure that is raised anyway, as one task has it from another for which it has waited by a handle? Two
-- texts may be the same and not be of one failure: then the tracebacks tell.
local function is_same(self, value, trace)
  if not rawequal(value, self.failure) then
    return false
  elseif type(value) == "table" then
    return true
  end
  local own = trace:match "^(.*)\nwaited for by"
  return own ~= nil and self.trace:find(own .. "\nspawned at ", 1, true) == 1
end

--- Notes a failure; the first one is what join() raises.
function Nursery:fail(value, trace)
  if not self.failed then
    self.failed, self.failure, self.trace = true, value, trace
    self:abort(task.sure_cancellation "a sibling failed")
    if not self.task then
      lost.report(current(), "error", ABANDONED, value, trace)
    end
  elseif not is_same(self, value, trace) then
    lost.report(self.task or current(), "error", "beside another, whose error is raised", value, trace,
      self:is_own_failure())
  end
end

--- The first failure is not raised: the waiting task itself is cancelled.
---@param interrupted tidegate.Cancelled
function Nursery:report_lost(interrupted)
  if self.failed then
    lost.report(self.task, "error", ("as it was cancelled (%s)"):format(interrupted.reason), self.failure, self.trace)
  end
end

-- What a child's end means for the others.
local function settle(self, child, place, key, ok, value)
  local free = self.free
  if free then
    free[#free + 1] = place
  end
  if ok then
    if key ~= nil then
      self.results[key] = value
    end
  else
    local trace = take_trace()
    if not task.was_cancelled(child, value) then
      self:fail(value, trace)
    end
  end
end

-- Whoever waits hears of every end, also where there is no memory for what it means.
function Nursery:child_ended(child, place, key, ok, value)
  self.children[place] = false
  self.count = self.count - 1
  home[child] = nil
  local settled, err = pcall(settle, self, child, place, key, ok, value)
  if not settled and not self.failed then
    self.failed, self.failure, self.trace = true, err, ""
  end
  if self.count == 0 and self.waiting then
    wake(self.task, self.ticket)
  end
end

local function run_child(self, place, key, fn, argument)
  local ok, value = xpcall(fn, note_trace, argument)
  self:child_ended(self.children[place], place, key, ok, value)
end

places.own(run_child, function(level)
  local self = places.variable(level, "self")
  local around = self.task and core.task_info(self.task).place
  return places.of(places.variable(level, "fn"), "a child task")
    or around and places.variable(level, "key") ~= nil and around .. " (a child task)" or nil
end)

--- Starts a child; the first result of fn(argument) goes to results[key].
---@return integer # its place in `children`
function Nursery:spawn(key, fn, argument)
  local free = self.free
  local place = free and table.remove(free) or #self.children + 1
  self.children[place] = false -- there is room for it: from here on a child cannot be lost
  local child = spawn_for(self.task or current(), run_child, self, place, key, fn, argument)
  self.children[place] = child
  self.count = self.count + 1
  home[child] = self
  reserve(child)
  return place
end

--- Calls a function that starts children; where it fails, those that it has started are cancelled and waited for.
function Nursery:start(fn, ...)
  local ok, err = xpcall(fn, note_trace, ...)
  if not ok then
    self:fail(err, take_trace())
  end
end

--- Waits until every child has ended. A cancellation of the waiting task cancels them first. Where there never was a
--- child the others run once, so that a loop around it holds up nobody, and can be cancelled.
---@param name string the function that waits
---@return tidegate.Cancelled? # the cancellation that came meanwhile
function Nursery:wait(name)
  local interrupted = #self.children == 0 and core.checkpoint(name) or nil
  while self.count > 0 do
    self.waiting, self.ticket = true, core.ticket()
    local err
    if interrupted == nil then
      err = park(name)
    else
      err = core.park_shielded(name)
    end
    self.waiting = false
    if err ~= nil then
      interrupted = err
      self:cancel(err)
    end
  end
  return interrupted
end

--- Raises the first failure, with the traceback of its child.
function Nursery:raise()
  task.raise_again(self.failure, self.trace, "\nwaited for by")
end

--- Waits, and raises the cancellation that came meanwhile, or else the first failure.
---@return table<any, any> # the results
function Nursery:join(name)
  local interrupted = self:wait(name)
  if interrupted ~= nil then
    self:report_lost(interrupted)
    error(interrupted, 0)
  elseif self.failed then
    self:raise()
  end
  return self.results
end

return nursery
