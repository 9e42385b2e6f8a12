-- Blocking calls: functions of Lua modules that run in a thread while the loop goes on.
--
-- What goes in and what comes out is copied (plain.lua says what can be); blocking_thread.lua is the other side.
-- A call whose task is cancelled is taken off the queue; one that runs already goes on, since nothing can stop a
-- thread, and its result is dropped.
local blocking_watch = require "tidegate.blocking_watch"
local check = require "tidegate.check"
local core = require "tidegate.core"
local errors = require "tidegate.errors"
local plain = require "tidegate.plain"
local task = require "tidegate.task"

local blocking = {}

local function no_seed()
  return false -- each thread has one of its own, from the system
end

local next_seed = no_seed

--- Takes a source of seeds for math.random in the threads, one for each call, for tests that can be repeated.
---@param fn fun(): number
function blocking.set_seeds(fn)
  next_seed = fn
end

local PLAIN = "nil, booleans, numbers, strings and tables of those"

local function check_call(module, name, ...)
  if type(module) ~= "string" or type(name) ~= "string" then
    check.refuse("tg.blocking takes the name of a module, the name of a function in it, and the arguments",
      type(module) ~= "string" and module or name)
  end
  local number, path, fault = plain.fault(...)
  if number then
    core.raise(("tg.blocking: argument %d%s is %s; only plain data can be handed to a thread: %s"):format(
      number, path, fault, PLAIN))
  end
end

local function refuse(why)
  if why ~= "busy" then
    error(errors.new { kind = "memory", status = 503, message = "tg.blocking: " .. why }, 0)
  end
  local limits = core.blocking_statistics()
  error(errors.new {
    kind = "busy",
    status = 503,
    detail = "too many blocking calls are under way",
    message = ("tg.blocking: %d calls are running and %d are waiting, which is the limit"):format(
      limits.threads_max, limits.queue_max),
  }, 0)
end

local function end_call(outcome, ...)
  if outcome == "returned" then
    return ...
  end
  local err, trace = ...
  if outcome == "refused" then
    core.raise("tg.blocking: " .. err)
  end
  return task.raise_again(err, trace, "\nin a thread, waited for by")
end

local function receive(bytes, why)
  if not bytes then
    refuse(why)
  end
  return plain.decode(bytes)
end

--- Calls a function of a module in a thread, and waits for it while other tasks go on. The thread has a Lua state of
--- its own, where the module is loaded once; nothing of the gateway is there, and nothing in it can wait.
---
--- Raises what the function raises. Raises an error of kind "busy" (503) where `blocking_threads_max` calls run and
--- `blocking_queue_max` wait.
---@async
---@param module string its name, as for `require`
---@param name string the function's name in the table that the module returns
---@param ... any its arguments: plain data, which is copied
---@return any ... what it returns: plain data
function blocking.call(module, name, ...)
  check_call(module, name, ...)
  local bytes = plain.encode(package.path, package.cpath, next_seed(), module, name, ...)
  task.check_can_wait "tg.blocking"
  local number = blocking_watch.begin(module, name)
  return end_call(receive(task.results(blocking_watch.ended(number, core.blocking(bytes, number)))))
end

--- Sets the limits, before the first call.
---@param values table the settings
function blocking.configure(values)
  core.set_blocking_limits(values.blocking_threads_max, values.blocking_queue_max)
end

return blocking
