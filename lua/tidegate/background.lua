-- Background tasks: work that outlives the request that starts it, under the worker's own scope.
--
-- A failure goes to the log. At the end of the process they are given time to end, and then are cancelled.
local check = require "tidegate.check"
local core = require "tidegate.core"
local defer = require "tidegate.defer"
local errors = require "tidegate.errors"
local places = require "tidegate.places"
local reports = require "tidegate.reports"
local task = require "tidegate.task"
local unheard = require "tidegate.unheard"

local background = {}

local TASKS_MAX = 1000

local count = 0 -- tasks that have not ended
local held = 0 -- requests that are over, and do what was deferred
local periodic = {} -- [what app:every has registered, {seconds, fn, jitter, place, task, running}] = true
local stopping = false
local waiter -- {task, ticket} of who drains

local function wake_drain()
  if count + held == 0 and waiter then
    core.wake(waiter.task, waiter.ticket)
  end
end

local function ended()
  count = count - 1
  wake_drain()
end

--- Has the drain wait for the running request too, whose connection may be closed by now, until background.release().
function background.hold()
  held = held + 1
end

function background.release()
  held = held - 1
  wake_drain()
end

local function describe_cancellation(place, err)
  local text = ("the background task of %s was %s"):format(place, tostring(err))
  return text, text, text, { place = place }
end

local function describe_failure(place, err, trace)
  local text = ("the background task of %s failed: %s"):format(place, errors.text(err))
  return text .. trace, text, text, { place = place, traceback = reports.trace_field(trace) }
end

local function report(place, err, trace)
  if task.is_cancellation(err) then
    reports.write("info", "background " .. place .. " cancelled", describe_cancellation, place, err)
  else
    local key = "background " .. place .. " " .. reports.place_of(err, trace)
    unheard.tell("the background task of " .. place, err, trace)
    reports.write("error", key, describe_failure, place, err, trace)
  end
end

local function run(place, fn, arguments, argument_count)
  defer.own(core.current())
  local ok, err = xpcall(fn, task.note_trace, unpack(arguments, 1, argument_count))
  if not ok then
    pcall(report, place, err, task.trace()) -- without memory nothing is said, but it has ended all the same
  end
  defer.run(core.current(), false)
  ended()
end

places.own(run, function(level)
  return places.variable(level, "place") .. " (a background task)"
end)

local function start(place, fn, ...)
  local of = core.spawn_root(run, place, fn, { ... }, select("#", ...))
  count = count + 1
  return of
end

--- Runs a function in a task of its own that outlives the request. Its failure goes to the log. A request object that
--- it keeps says that the request has ended; hand over what it needs instead.
---@param fn function
---@param ... any its arguments
function background.spawn(fn, ...)
  if type(fn) ~= "function" then
    check.refuse("tg.background takes a function", fn)
  elseif stopping then
    error(errors.new { kind = "busy", status = 503, message = "tg.background: the gateway is stopping" }, 0)
  elseif count >= TASKS_MAX then
    error(errors.new {
      kind = "busy",
      status = 503,
      detail = "too many background tasks are running",
      message = ("tg.background: %d tasks are running already, which is the limit"):format(TASKS_MAX),
    }, 0)
  end
  start(core.place(), fn, ...)
end

-- --- tasks that come again ---

-- From 0 to 1, and in no two processes the same, as math.random() would be: gateways that start together must not beat
-- in step.
local function random()
  local high, low = core.random_bytes(2):byte(1, 2)
  return (high * 256 + low) / 65535
end

--- Takes another source of numbers from 0 to 1, for tests that can be repeated.
---@param fn fun(): number
function background.set_random(fn)
  random = fn
end

-- A pause of the given length, shorter or longer by a random part of it.
local function pause(each)
  return each.seconds * (1 + each.jitter * (2 * random() - 1))
end

local function run_once(each)
  each.running = true
  local ok, err = xpcall(each.fn, task.note_trace)
  each.running = false
  if not ok then
    pcall(report, each.place, err, task.trace()) -- without memory nothing is said, and its next turn comes all the same
  end
  defer.run(core.current(), false)
  defer.own(core.current()) -- its next turn
  if not ok and task.was_cancelled(core.current(), err) then
    error(err, 0)
  end
end

places.own(run_once, function(level)
  return places.variable(level, "each").place .. " (app:every)"
end)

local function repeat_forever(each)
  while not stopping do
    task.sleep(pause(each))
    if not stopping then
      run_once(each)
    end
  end
end

-- Ends with a cancellation; one that comes in a pause cuts nothing short, and is not worth a line in the log.
local function run_periodic(each)
  local ok, err = pcall(repeat_forever, each)
  periodic[each] = nil
  if not ok and not task.was_cancelled(core.current(), err) then
    error(err, 0)
  end
end

--- Starts what app:every has registered: {seconds, fn, jitter, place} each.
---@param list table[]
function background.start(list)
  for _, each in ipairs(list) do
    each.task = start(each.place, run_periodic, each)
    periodic[each] = true
  end
end

--- Cancels what background.start has started.
---@param list table[]
---@param reason string
function background.cancel(list, reason)
  for _, each in ipairs(list) do
    if periodic[each] then
      task.cancel(each.task, task.cancellation(reason))
    end
  end
end

-- --- the end ---

--- Waits until every background task has ended; what sleeps until its next turn ends at once. The caller sets the
--- limit.
---@async
function background.drain()
  stopping = true
  for each in pairs(periodic) do
    if not each.running then
      task.cancel(each.task, task.cancellation("shutdown"))
    end
  end
  while count + held > 0 do
    waiter = { task = core.current(), ticket = core.ticket() }
    local err = core.park("draining background tasks")
    waiter = nil
    task.results(err)
  end
end

--- {running, max, periodic}
function background.statistics()
  local waiting = 0
  for _ in pairs(periodic) do
    waiting = waiting + 1
  end
  return { running = count, max = TASKS_MAX, periodic = waiting }
end

return background
