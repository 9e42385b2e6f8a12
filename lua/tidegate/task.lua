-- Tasks and scopes: structured concurrency over the core's park and wake.
--
-- A task is a coroutine that the loop resumes. A scope is a set of child tasks and the one task that waits for all of
-- them; nothing outlives its scope. The first failure of a child cancels its siblings, and is raised where the scope
-- was opened once all of them have ended. A cancellation reaches a task at its next wait, and at every one after that.
local core = require "tidegate.core"
local new_table = require "table.new"

local spawn, current, park, wake, ended = core.spawn, core.current, core.park, core.wake, core.ended
local error, xpcall, setmetatable, getmetatable = error, xpcall, setmetatable, getmetatable

local task = {}

-- [task] = {value, trace} of the child whose failure is on its way through that task, or was caught there.
local passing = {}

-- What every coroutine of a task runs: one function after the other, so that a coroutine is used many times.
local function run(fn, ...)
  fn(...)
  if next(passing) ~= nil then
    passing[current()] = nil
  end
  return run(ended())
end
core.set_body(run)

--- The value that a cancelled task's waits raise.
---@class tidegate.Cancelled
---@field kind "cancelled"
---@field reason string why: "the client is gone", "a sibling failed", "shutdown"
local Cancelled = { __name = "tidegate.Cancelled" }
Cancelled.__index = Cancelled
function Cancelled.__tostring(self)
  return "cancelled: " .. self.reason
end

---@param reason string
---@return tidegate.Cancelled
function task.cancellation(reason)
  return setmetatable({ kind = "cancelled", reason = reason }, Cancelled)
end

---@param value any an error value
---@return boolean # is it a cancellation?
function task.is_cancellation(value)
  return getmetatable(value) == Cancelled
end

--- Raises the error of a wait, or returns its results. Every function that waits ends in this.
function task.results(err, ...)
  if err ~= nil then
    error(err, 0)
  end
  return ...
end
local results = task.results

-- Where the last error was raised: set by the handler, read right behind xpcall, with no wait between.
local last_trace

--- An error handler for xpcall that notes a traceback; task.trace() gives it. The error value stays what it is.
function task.note_trace(value)
  local from_child = passing[current()]
  last_trace = debug.traceback("", 2)
  if from_child and from_child.value == value then
    last_trace = from_child.trace .. "\nwaited for by" .. last_trace
  end
  return value
end
local note_trace = task.note_trace

--- Takes the traceback of the error that the last xpcall with note_trace returned.
---@return string # "" where there was no room to take one: the stack was full
function task.trace()
  local trace = last_trace
  last_trace = nil
  return trace or ""
end
local take_trace = task.trace

local Scope = {}
Scope.__index = Scope

-- A scope whose results will be a list of `size`, as far as one knows.
local function new_scope(size)
  local children, values = new_table(size, 0), new_table(size, 0)
  return setmetatable({ task = current(), children = children, count = 0, results = values, waiting = false }, Scope)
end

--- Cancels every child that has not ended.
function Scope:cancel(value)
  if self.cancelled then
    return
  end
  self.cancelled = true
  for _, child in ipairs(self.children) do
    if child then
      core.cancel(child, value)
    end
  end
end

function Scope:child_ended(place, key, ok, value)
  self.children[place] = false
  self.count = self.count - 1
  if ok then
    self.results[key] = value
  elseif not self.failed then
    self.failed, self.failure, self.trace = true, value, take_trace()
    self:cancel(task.cancellation("a sibling failed"))
  end
  if self.count == 0 and self.waiting then
    wake(self.task, self.ticket)
  end
end

local function run_child(scope, place, key, fn, argument)
  local ok, value = xpcall(fn, note_trace, argument)
  scope:child_ended(place, key, ok, value)
end

function Scope:spawn(key, fn, argument)
  local place = #self.children + 1
  self.children[place] = spawn(run_child, self, place, key, fn, argument)
  self.count = self.count + 1
end

--- Waits until every child has ended. A cancellation of the waiting task cancels them first.
function Scope:join(name)
  local interrupted
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
  if interrupted ~= nil then
    error(interrupted, 0)
  end
  if self.failed then
    passing[self.task] = { value = self.failure, trace = self.trace }
    error(self.failure, 0)
  end
  return self.results
end

-- Raises, and says why, where nothing can wait; before any child is there to be left behind.
local function check_can_wait(name)
  if not core.can_wait() then
    park(name)
  end
end

--- Calls each function in a task of its own and waits for all of them.
--- The first that fails cancels the others; its error is raised here.
---@async
---@param functions table<any, fun(): any>
---@return table<any, any> # the first result of each, under the same key
function task.gather(functions)
  check_can_wait("tg.gather")
  local scope = new_scope(#functions)
  for key, fn in pairs(functions) do
    if type(fn) ~= "function" then
      core.raise(("tg.gather: the value at %s is a %s, not a function"):format(tostring(key), type(fn)))
    end
  end
  for key, fn in pairs(functions) do
    scope:spawn(key, fn)
  end
  return scope:join("tg.gather")
end

--- Calls `fn` with each item, all at once, and waits for all. The first that fails cancels the others; its error is
--- raised here.
---@async
---@generic T, R
---@param items T[]
---@param fn fun(item: T): R
---@return R[] # in the order of the items
function task.map(items, fn)
  check_can_wait("tg.map")
  if type(items) ~= "table" or type(fn) ~= "function" then
    core.raise("tg.map takes a list and a function")
  end
  local scope = new_scope(#items)
  for index = 1, #items do
    scope:spawn(index, fn, items[index])
  end
  return scope:join("tg.map")
end

--- The numbers from `first` to `last`, both included.
---@param first number
---@param last number
---@param step? number 1 when it is left out
---@return number[]
function task.range(first, last, step)
  step = step or 1
  local list, count = new_table(math.max(0, math.floor((last - first) / step) + 1), 0), 0
  for number = first, last, step do
    count = count + 1
    list[count] = number
  end
  return list
end

--- Waits.
---@async
---@param seconds number 0 or more; 0 lets the others run once
function task.sleep(seconds)
  if type(seconds) ~= "number" or not (seconds >= 0 and seconds <= 1e9) then
    core.raise("tg.sleep takes a number of seconds from 0 to 1e9")
  end
  return results(core.sleep(seconds))
end

local SHUTDOWN_TURNS_MAX = 1000

--- Cancels every task and runs the loop until they have ended: the last thing that a process does.
---@return integer # tasks that did not end, because they go on waiting in spite of it
function task.shutdown()
  local value = task.cancellation("shutdown")
  for _, each in ipairs(core.tasks()) do
    core.cancel(each, value)
  end
  return core.finish_tasks(SHUTDOWN_TURNS_MAX)
end

return task
