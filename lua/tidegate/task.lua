-- Tasks: coroutines that the loop resumes, what they wait for, and how a cancellation reaches them.
--
-- A cancellation reaches a task at its next wait, and at every one after that, until the scope that was cancelled has
-- ended. A task has a stack of cancel scopes (scope.lua opens and closes them); below them all stands whoever may
-- cancel the task as a whole: the scope that spawned it, or the client of its request.
local core = require "tidegate.core"
local new_table = require "table.new"

local current, ended = core.current, core.ended
local error, setmetatable, getmetatable = error, setmetatable, getmetatable

local task = {}

-- [task] = {value, trace} of the child whose failure is on its way through that task, or was caught there.
local passing = {}
-- [task] = the innermost cancel scope that the task is in: {task, outer, cancelled, shield, deadline}
local innermost = {}
-- [task] = the value with which the task was cancelled as a whole
local cancelled = {}
-- [task] = the scope that spawned it
local home = {}

-- What every coroutine of a task runs: one function after the other, so that a coroutine is used many times.
local function run(fn, ...)
  fn(...)
  return run(ended())
end
core.set_body(run)

-- Scopes that a task's own coroutines have left open, because nobody resumed them to their end.
local function abandon(scope)
  while scope do
    if scope.timer then
      core.stop_deadline(scope.timer)
      scope.timer = nil
    end
    if scope.nursery then
      scope.nursery:cancel(task.cancellation("its scope was abandoned"))
    end
    scope = scope.outer
  end
end

core.on_forget(function(gone)
  local left = innermost[gone]
  passing[gone], innermost[gone], cancelled[gone] = nil, nil, nil
  abandon(left)
end)

--- The value that a cancelled task's waits raise.
---@class tidegate.Cancelled
---@field kind "cancelled"
---@field reason string why: "the client is gone", "a sibling failed", "the deadline passed", "shutdown", …
---@field children integer how many child tasks it was handed on to
local Cancelled = { __name = "tidegate.Cancelled" }
Cancelled.__index = Cancelled
function Cancelled.__tostring(self)
  return "cancelled: " .. self.reason
end

---@param reason string
---@return tidegate.Cancelled
function task.cancellation(reason)
  return setmetatable({ kind = "cancelled", reason = reason, children = 0 }, Cancelled)
end

---@param value any an error value
---@return boolean # is it a cancellation?
function task.is_cancellation(value)
  return getmetatable(value) == Cancelled
end

-- The value that the task's waits must raise now: that of the outermost scope that is cancelled, as far as no shield
-- stands between it and the task.
local function effective(of)
  local value
  local scope = innermost[of]
  while scope do
    value = scope.cancelled or value
    if scope.shield then
      return value
    end
    scope = scope.outer
  end
  return cancelled[of] or value
end

--- Makes the task's waits raise what its scopes say, or nothing.
local function update(of)
  core.cancel(of, effective(of))
end
task.update = update

--- Cancels a task as a whole.
---@param of lightuserdata
---@param value tidegate.Cancelled
function task.cancel(of, value)
  if cancelled[of] == nil then
    cancelled[of] = value
    core.note(of)
    update(of)
  end
end

--- Is this error the value with which the task was cancelled as a whole, so that its end is no failure?
function task.was_cancelled(of, value)
  return value ~= nil and cancelled[of] == value
end

--- Opens a cancel scope on the running task: what it does until task.leave(scope) belongs to it.
function task.enter(scope)
  local of = current()
  scope.task, scope.outer = of, innermost[of]
  innermost[of] = scope
  if not core.is_task_thread() then
    core.note(of) -- inside a coroutine of the user's, which may never come to the scope's end
  end
  return scope
end

local function unlink(inner, scope)
  while inner and inner.outer ~= scope do
    inner = inner.outer
  end
  if inner then
    inner.outer = scope.outer
  end
end

--- Closes a cancel scope of its task.
function task.leave(scope)
  local of = scope.task
  if innermost[of] == scope then
    innermost[of] = scope.outer
  else
    unlink(innermost[of], scope) -- a coroutine of the user's ends its scopes in an order of its own
  end
  if scope.cancelled or scope.shield then
    update(of)
  end
end

--- The scope that is around what the running task does now.
function task.innermost()
  return innermost[current()]
end

--- [task] = the scope that spawned it; nursery.lua keeps it.
task.home = home

--- The earliest deadline around a task, through the tasks that wait for it.
---@param of? lightuserdata the running one where it is left out
---@return number? # on the clock of tg.now()
function task.deadline(of)
  of = of or current()
  local earliest = math.huge
  local scope = innermost[of]
  while of do
    while scope do
      earliest = math.min(earliest, scope.deadline or math.huge)
      scope = scope.outer
    end
    local parent = home[of]
    of, scope = parent and parent.task, parent
  end
  return earliest < math.huge and earliest or nil
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

-- Is this line of a traceback of no use to who wrote the route: a place in Tidegate's own modules, a call by C code?
local function is_inner(line)
  return line:find("^\ttidegate[%w_.]*:") or line:find("^\t%[C%]: in function '[xp]*call'")
    or line:find("^\t%[C%]: in function 'error'")
end

-- A traceback of the user's own code; where none of it is the user's, `otherwise`, or everything.
local function user_traceback(otherwise)
  local whole = debug.traceback("", 3)
  local lines = {}
  for line in whole:gmatch("[^\n]+") do
    if not is_inner(line) then
      lines[#lines + 1] = line
    end
  end
  return #lines > 1 and "\n" .. table.concat(lines, "\n") or otherwise or whole
end

--- An error handler for xpcall that notes a traceback; task.trace() gives it. The error value stays what it is.
function task.note_trace(value)
  local inner = passing[current()]
  last_trace = nil -- taking one may fail, where the stack is full
  if inner then
    passing[current()] = nil -- it stands for one error only
  end
  if inner and inner.value == value then
    local outer = user_traceback("")
    last_trace = inner.trace .. inner.joint .. outer
  else
    last_trace = user_traceback()
  end
  return value
end

--- Takes the traceback of the error that the last xpcall with note_trace returned.
---@return string # "" where there was no room to take one: the stack was full
function task.trace()
  local trace = last_trace
  last_trace = nil
  return trace or ""
end

--- Raises an error that was caught below, so that its traceback goes on from there.
---@param value any the error
---@param trace string its traceback so far
---@param joint string what stands between that and the traceback from here
function task.raise_again(value, trace, joint)
  local of = current()
  passing[of] = { value = value, trace = trace, joint = joint }
  core.note(of)
  error(value, 0)
end

--- Raises, and says why, where nothing can wait; before any child is there to be left behind.
function task.check_can_wait(name)
  if not core.can_wait() then
    core.park(name)
  end
end

--- The numbers from `first` to `last`, both included.
---@param first number
---@param last number
---@param step? number 1 when it is left out
---@return number[]
function task.range(first, last, step)
  step = step or 1
  if type(first) ~= "number" or type(last) ~= "number" or type(step) ~= "number" or step == 0 then
    core.raise("tg.range takes the first and the last number, and a step that is not 0")
  end
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

local SHUTDOWN_SECONDS_MAX = 2

--- Cancels every task and runs the loop until they have ended, for two seconds at most, which shielded clean-up has:
--- the last thing that a process does.
---@return integer # tasks that did not end
function task.shutdown()
  local value = task.cancellation("shutdown")
  for _, each in ipairs(core.tasks()) do
    task.cancel(each, value)
  end
  return core.finish_tasks(SHUTDOWN_SECONDS_MAX)
end

return task
