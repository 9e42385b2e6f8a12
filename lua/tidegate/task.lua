-- Tasks: coroutines that the loop resumes, what they wait for, and how a cancellation reaches them.
--
-- A cancellation reaches a task at its next wait, and at every one after that, until the scope that was cancelled has
-- ended. A task has a stack of cancel scopes (scope.lua opens and closes them); below them all stands whoever may
-- cancel the task as a whole: the scope that spawned it, or the client of its request.
local check = require "tidegate.check"
local core = require "tidegate.core"
local log = require "tidegate.log"
local places = require "tidegate.places"
local new_table = require "table.new"
local LIST = require("tidegate.plain").marks.list -- what JSON writes as a list, an empty one too

local current, ended = core.current, core.ended
local error, setmetatable, getmetatable = error, setmetatable, getmetatable

local task = {}

local NOTHING = {}

-- [task] = {value, trace} of the child whose failure is on its way through that task, or was caught there.
local passing = {}
-- [task] = the innermost cancel scope that the task is in: {task, outer, cancelled, shield, deadline}
local innermost = {}
-- [task][scope] = true: the scopes of coroutines that have yielded inside them. Weak, for a task that lives long and
-- drops one coroutine after the other: what a scope still holds, a timer or children, keeps it here.
local suspended = {}
local weak = { __mode = "k" }
-- [task] = the value with which the task was cancelled as a whole; false where there is room for one
local cancelled = {}
-- [task] = the scope that spawned it
local home = {}
-- [task] = functions to call when it has ended
local at_end = {}

-- What every coroutine of a task runs: one function after the other, so that a coroutine is used many times.
local function run(fn, ...)
  fn(...)
  return run(ended())
end

core.set_body(run)

-- A scope that a coroutine of a task has left open, when that task ends: what it holds is let go.
local function abandon(scope)
  if scope.timer then
    core.stop_deadline(scope.timer)
    scope.timer = nil
  end
  if scope.nursery then
    scope.nursery:abort(task.sure_cancellation "its scope was abandoned")
    scope.nursery:move(nil)
  end
end

-- Lets go of what a task that has ended still holds.
core.on_forget(function(gone)
  local left, functions = suspended[gone], at_end[gone]
  at_end[gone] = nil
  passing[gone], innermost[gone], cancelled[gone], suspended[gone] = nil, nil, nil, nil
  for scope in pairs(left or NOTHING) do
    abandon(scope)
  end
  for _, fn in ipairs(functions or NOTHING) do
    local ok, err = pcall(fn)
    if not ok then -- the others are called all the same
      log.error("releasing what a task held failed: %s", err)
    end
  end
end)

--- Calls a function when a task has ended, to let go of what the garbage collector is too slow for. It must not wait,
--- nor raise.
---@param of lightuserdata
---@param fn fun()
function task.at_end(of, fn)
  local functions = at_end[of] or {}
  at_end[of] = functions
  functions[#functions + 1] = fn
  core.note(of)
end

--- The value that a cancelled task's waits raise.
---@class tidegate.Cancelled
---@field kind "cancelled"
---@field reason string why: "the client is gone", "a sibling failed", "the deadline passed", "shutdown", …
---@field children integer how many child tasks it was handed on to
---@field traced_in lightuserdata? the task whose traceback is wanted
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

local TRIES_MAX = 100

--- The same where siblings must hear of it, whether or not there is memory: collects garbage and tries again.
---@param reason string
---@return tidegate.Cancelled
function task.sure_cancellation(reason)
  local ok, value = pcall(task.cancellation, reason)
  local tries = 1
  while not ok and value == "not enough memory" and tries < TRIES_MAX do
    collectgarbage()
    ok, value = pcall(task.cancellation, reason)
    tries = tries + 1
  end
  return ok and value or error(value, 0)
end

---@param value any an error value
---@return boolean # is it a cancellation?
function task.is_cancellation(value)
  return getmetatable(value) == Cancelled
end

-- The value that the task's waits within a scope must raise now: that of the outermost scope that is cancelled, as far
-- as no shield stands between.
local function effective(of, scope)
  local value
  while scope do
    value = scope.cancelled or value
    if scope.shield then
      return value
    end
    scope = scope.outer
  end
  return cancelled[of] or value
end

-- A task whose own code is shielded hears of nothing; the children that it has started outside that shield do.
local function cancel_outside_shield(of)
  local scope, is_outside = innermost[of], false
  while scope do
    local value = is_outside and scope.nursery and effective(of, scope)
    if value then
      scope.nursery:cancel(value)
    end
    is_outside = is_outside or scope.shield
    scope = scope.outer
  end
end

--- Makes the task's waits raise what its scopes say, or nothing.
local function update(of)
  core.cancel(of, effective(of, innermost[of]))
  cancel_outside_shield(of)
end
task.update = update

--- Makes room for the cancellation of a new task as a whole, which then cannot fail.
function task.reserve(of)
  cancelled[of] = false
end

--- Cancels a task as a whole. Asks for memory only for a task that task.reserve does not know.
---@param of lightuserdata
---@param value tidegate.Cancelled
function task.cancel(of, value)
  if not cancelled[of] then
    cancelled[of] = value
    core.note(of)
    update(of)
  end
end

--- Is this error the value with which the task was cancelled as a whole, so that its end is no failure?
function task.was_cancelled(of, value)
  return value and cancelled[of] == value or false
end

--- What reading from or writing to a client that is gone raises, also where a shield keeps the cancellation off.
---@param of lightuserdata the task of its request
---@return tidegate.Cancelled
function task.gone(of)
  return cancelled[of] or task.cancellation "the client is gone"
end

--- Opens a cancel scope on the running task: what it does until task.leave(scope) belongs to it.
function task.enter(scope)
  local of = current()
  scope.task, scope.outer = of, innermost[of]
  innermost[of] = scope
  return scope
end

--- Closes the innermost cancel scope of its task.
function task.leave(scope)
  local of = scope.task
  innermost[of] = scope.outer
  if scope.cancelled or scope.shield then
    update(of)
  end
end

--- The scope that is around what the running task does now.
function task.innermost()
  return innermost[current()]
end

-- --- scopes that a coroutine of the user's has open while it is suspended; they bind what it does, and nobody else ---

--- Takes the scopes within `around` off the running task, whose coroutine has yielded inside them.
---@param around table? the innermost scope when that coroutine was resumed
---@return table # the innermost of them, for task.take_up
function task.set_aside(around)
  local of = current()
  local inner = innermost[of]
  local list = suspended[of] or setmetatable({}, weak)
  suspended[of] = list
  local scope = inner
  list[scope] = true
  while scope.outer ~= around do
    scope = scope.outer
    list[scope] = true
  end
  scope.outer = nil
  innermost[of] = around
  core.note(of)
  update(of)
  return inner
end

-- Makes the running task that of a scope, whose own task may have ended and let its timer go.
local function adopt(scope, of)
  local list = suspended[scope.task]
  if list then
    list[scope] = nil
  end
  scope.task = of
  if scope.nursery then
    scope.nursery:move(of)
  end
  if scope.deadline and not scope.timer and not scope.cancelled then
    scope.timer = core.deadline(scope.deadline - core.now(), scope)
  end
end

--- Is the running task a child of one of these scopes? Then they would wait for it, and it for them.
function task.is_below(inner)
  local nurseries = {}
  while inner do
    if inner.nursery then
      nurseries[inner.nursery] = true
    end
    inner = inner.outer
  end
  local parent = next(nurseries) and home[current()]
  while parent do
    if nurseries[parent] then
      return true
    end
    parent = home[parent.task]
  end
  return false
end

--- Puts them around what the running task does now, which need not be the one that they were taken off.
function task.take_up(inner)
  local of = current()
  local scope = inner
  adopt(scope, of)
  while scope.outer do
    scope = scope.outer
    adopt(scope, of)
  end
  scope.outer = innermost[of]
  innermost[of] = inner
  core.note(of)
  update(of)
end

--- [task] = the scope that spawned it; nursery.lua keeps it.
task.home = home

--- [task] = the one whose end it waits for by a handle; scope.lua keeps it.
task.awaited = {}

--- The task that waits for this one; nil for one of no scope.
function task.parent(of)
  local scope = home[of]
  return scope and scope.task or core.task_info(of).parent
end

--- The earliest deadline around a task, through the tasks that wait for it, and up to the first shield.
---@param of? lightuserdata the running one where it is left out
---@return number? # on the clock of tg.now()
function task.deadline(of)
  of = of or current()
  local earliest = math.huge
  local scope, shielded = innermost[of], false
  while of and not shielded do
    while scope and not shielded do
      earliest = math.min(earliest, scope.deadline or math.huge)
      scope, shielded = scope.outer, scope.shield
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
    or line:find("^\t%[C%]: in function 'error'") or line:find("^\t%[C%]: in function 'raise'")
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
  if #lines > 1 then
    return "\n" .. table.concat(lines, "\n")
  end
  local place = otherwise == nil and places.find() -- linear: no pattern
  return place and "\nstack traceback:\n\t" .. place or otherwise or whole
end

local TRACE_BYTES_MAX = 16384

-- The traceback so far, and that from here behind it. A recursion through scopes brings thousands of them, which nobody
-- reads, and each would be copied into the next.
local function lengthen(inner)
  if inner.joint == false or #inner.trace > TRACE_BYTES_MAX then
    return inner.trace
  end
  local outer = user_traceback("")
  local joint = inner.joint
  if outer == "" and joint:find " by$" then
    joint = "" -- who waits has left no line of its own: it did so in a tail call
  end
  local trace = inner.trace .. joint .. outer
  return #trace > TRACE_BYTES_MAX and trace .. "\nand so on" or trace
end

-- Is an error the one that is on its way? Whoever has caught it, as a middleware has, may have put a place before it.
local function is_passing(inner, value)
  local was = inner.value
  return rawequal(was, value) or inner.joint == false and type(was) == "string" and type(value) == "string"
    and value:sub(-#was) == was
end

--- An error handler for xpcall that notes a traceback; task.trace() gives it. The error value stays what it is. Nobody
--- reads where a cancellation came, but for a deadline in the task that set it, which makes an error of it.
function task.note_trace(value)
  local inner = passing[current()]
  last_trace = nil -- taking one may fail, where the stack is full
  if inner then
    passing[current()] = nil -- it stands for one error only
  end
  if getmetatable(value) == Cancelled and value.traced_in ~= current() then
    return value
  end
  if inner and is_passing(inner, value) then
    last_trace = lengthen(inner)
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
---@param joint string|false what stands between that and the traceback from here; false: that has all of it already
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

--- Raises where the running task is the other one, or is spawned within it: neither would ever end.
---@param of lightuserdata the one that it would wait for
function task.check_not_within(of, name)
  local around = current()
  while around and around ~= of do
    local scope = home[around]
    around = scope and scope.task
  end
  if around then
    core.raise(name .. ": a task cannot wait for itself, nor for one whose scopes it is in; it would never end")
  end
end

local RANGE_COUNT_MAX = 1e7

-- How many numbers tg.range makes of what it is given.
local function range_count(first, last, step)
  local is_fine = type(first) == "number" and type(last) == "number" and type(step) == "number" and step ~= 0
  local count = is_fine and math.max(0, math.floor((last - first) / step) + 1)
  if not is_fine then
    check.refuse("tg.range takes the first and the last number, and a step that is not 0",
      type(first) ~= "number" and first or type(last) ~= "number" and last or step)
  elseif count ~= count or count > RANGE_COUNT_MAX then
    core.raise(("tg.range makes at most %d numbers, and from %s to %s by %s there are more"):format(RANGE_COUNT_MAX,
      check.shown(first), check.shown(last), check.shown(step)))
  end
  return count
end

--- The numbers from `first` to `last`, both included: ten million at most.
---@param first number
---@param last number
---@param step? number 1 when it is left out
---@return number[]
function task.range(first, last, step)
  step = step == nil and 1 or step
  local list, count = new_table(range_count(first, last, step), 0), 0
  for number = first, last, step do
    count = count + 1
    list[count] = number
  end
  setmetatable(list, LIST)
  return list
end

--- Waits.
---@async
---@param seconds number 0 or more; 0 lets the others run once
function task.sleep(seconds)
  if type(seconds) ~= "number" or not (seconds >= 0 and seconds <= 1e9) then
    check.refuse("tg.sleep takes a number of seconds from 0 to 1e9", seconds)
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
