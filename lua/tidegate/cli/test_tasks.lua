-- busted's tests as tasks: each `it` with its before_each and after_each on one virtual clock, closed in from the world
-- outside, and failed where it leaves something behind, waits in vain, or polls for ever.
local core = require "tidegate.core"
local defer = require "tidegate.defer"
local errors = require "tidegate.errors"
local gather = require "tidegate.gather"
local leftovers = require "tidegate.cli.leftovers"
local log = require "tidegate.log"
local seed = require "tidegate.cli.seed"
local task = require "tidegate.task"
local testing = require "tidegate.testing"
local testing_failures = require "tidegate.testing_failures"

local test_tasks = {}

---@class tidegate.TestRun
---@field is_realtime boolean for all tests: the real clock, and the world outside
---@field reaches_network boolean
---@field seed integer
---@field virtual_seconds_max number
---@field hopeless string? why the run had to be stopped
---@field task lightuserdata? of what runs now
---@field before table? what was there before the test
---@field is_virtual boolean?
---@field stuck tidegate.Cancelled? what the test was ended with that could not end by itself
---@field has_passed boolean? the test, with all that is behind it

-- Is a test, or a block around it, tagged so?
local function has_tag(busted, element, tag)
  while element do
    if tostring(element.name or ""):find(tag, 1, true) then
      return true
    end
    element = busted.context.parent(element)
  end
  return false
end

-- --- what ends a test that would not end by itself ---

local BEATS_SECONDS_MIN = 3600 -- of the test's time; a connection may have timers of its own for a while

-- Has the test waited, ever since it was looked at last, for what nobody has brought, while others ran again and again?
local function is_among_beats(running)
  local since = running.looked_at
  if core.now() - since < BEATS_SECONDS_MIN then
    return false
  end
  running.looked_at = core.now()
  return leftovers.wait_in_vain(running.task, leftovers.tasks(running.before, running.task), since)
end

local function describe(tasks)
  return table.concat(leftovers.describe(tasks), "; ") .. leftovers.describe_circle(tasks)
end

-- Why a test cannot go on: nothing can wake its tasks, or nothing does in the time that others take again and again, or
-- something never waits for time to pass.
local function why_stuck(tasks, why)
  if why == "still" then
    return "nothing can wake the test: " .. describe(tasks)
  elseif why == "beats" then
    return "nothing wakes the test, while others run again and again: " .. describe(tasks)
  elseif why == "polls" then
    return "the test polls, and does not end: " .. table.concat(leftovers.describe(tasks, "polls"), "; ")
      .. " (tidegate test --virtual-seconds-max=N gives a test more time)"
  end
  local ready = {}
  for _, of in ipairs(tasks) do
    if core.task_info(of).state == "ready" then
      ready[#ready + 1] = of
    end
  end
  return "no time can pass in the test: something has run a million times without letting any pass: "
    .. table.concat(leftovers.describe(#ready > 0 and ready or tasks), "; ")
end

-- "file:line: " of a test.
local function place_of(element)
  local trace = element and element.trace
  return trace and ("%s:%d: "):format(trace.short_src, trace.currentline) or ""
end

-- Cancels the test and, where that has not helped because of a shield, each of its tasks. One that goes on in spite of
-- it cannot be ended at all: nor can the run then.
local function end_test(running, tasks, why)
  running.attempts = running.attempts + 1
  if running.attempts == 1 then
    running.stuck = task.cancellation(place_of(running.element) .. why_stuck(tasks, why))
    task.cancel(running.task, running.stuck)
  elseif why ~= "still" and running.attempts > 2 then
    running.hopeless = running.stuck.reason .. " (and it goes on when it is cancelled)"
    return core.stop()
  end
  local goes_on = running.attempts == 1 and core.task_info(running.task).state ~= "waits"
  for _, of in ipairs(goes_on and {} or tasks) do
    core.cancel(of, running.stuck)
  end
end

local POLLS_MIN = 10000 -- of a task, in a hundred thousand jumps of the clock: others may cause most of them

-- Has a task of the test waited again and again since this was last asked?
local function is_polling(running)
  local before, now, found = running.waits, {}, false
  for _, of in ipairs { running.task, unpack(leftovers.tasks(running.before, running.task)) } do
    local number, waits = core.task_number(of), core.task_info(of).waits
    now[number] = waits
    found = found or leftovers.is_below(of, running.task) and waits - (before[number] or waits) >= POLLS_MIN
  end
  running.waits = now
  return found
end

-- The clock has jumped a hundred thousand times more. Is that in vain, or too much?
local function why_beats(running)
  if not running.task then
    return nil
  elseif running.attempts > 0 or is_among_beats(running) then
    return "beats"
  elseif is_polling(running) and core.now() - running.started > running.virtual_seconds_max then
    return "polls"
  end
end

-- Every task of a test waits, and nothing will ever wake one; or one of them runs for ever.
local function end_stuck(running)
  core.on_stuck(function(why)
    why = why ~= "beats" and why or why_beats(running)
    if not why then
      return
    elseif running.task then
      end_test(running, { running.task, unpack(leftovers.tasks(running.before, running.task)) }, why)
    elseif why == "spins" then
      running.hopeless = "what a test has left behind goes on when it is cancelled: "
        .. table.concat(leftovers.describe(leftovers.tasks(running.before, running.task)), "; ")
      core.stop()
    end
  end)
end

-- --- a test ---

-- The name of a test with those of its blocks and its file.
local function full_name(busted, element)
  local parent = busted.context.parent(element)
  local name = tostring(element.name or "")
  return parent and full_name(busted, parent) .. " " .. name or name
end

-- A fault of what the test has opened: of an upstream, of a task that nobody waits for, or that it has called somebody
-- outside. Once the test has failed anyway it is for the log.
local function close_all()
  local fault = testing.close()
  local host, port = core.refused()
  if not fault and host then
    local address = port == 0 and "unix:" .. host or ("%s:%d"):format(host, port)
    fault = { value = ("the test called %s, for which it has no t.upstream; nothing outside its process can be reached "
      .. "(t.network(), #network in its name or tidegate test --network allow it)"):format(address) }
  end
  return fault
end

-- Raises what fails a test, with its place where it has none of its own.
local function fail_test(element, value)
  local has_place = type(value) ~= "string" or value:find "^[^\n]-:%d+: "
  error(has_place and value or place_of(element) .. value, 0)
end

-- Raises what has failed where nobody hears of it; not what that was ended for which could not end by itself.
local function fail_for_unheard(running, element)
  local fault = testing_failures.fault(testing_failures.take())
  if fault and not running.stuck then
    fail_test(element, fault)
  end
end

-- Fails a test for what it has left, or has got wrong unseen. What it has left may fail as it is closed.
local function look_behind(running, element)
  local fault = close_all()
  if fault then
    fail_test(element, fault.value)
  end
  local found = leftovers.look(running.before, running.is_virtual)
  fail_for_unheard(running, element)
  if #found > 0 then
    fail_test(element, "the test leaves behind: " .. table.concat(found, "; "))
  end
end

-- A setup and a teardown, with the tasks that they start and that fail at once; others fail the test that runs then.
local function heard(running, run, element)
  return function(...)
    run(...)
    core.settle()
    fail_for_unheard(running, element)
  end
end

-- Runs something of a test as a child task of the run, so that what waits in vain can be cancelled alone.
local function in_task(running, fn, ...)
  local arguments, count = { ... }, select("#", ...)
  return unpack(gather.gather({ function()
    running.task, running.attempts = core.current(), 0
    running.looked_at = core.now()
    defer.own(running.task)
    local results = { fn(unpack(arguments, 1, count)) }
    defer.run(running.task, false)
    running.task = nil
    return results
  end })[1])
end

local parts = { it = true, before_each = true, after_each = true, finally = true }

-- What a test has got from somewhere does not control the terminal.
local function escape_messages(busted)
  local rewrite = busted.rewriteMessage
  function busted.rewriteMessage(...)
    local message = rewrite(...)
    return type(message) == "string" and core.printable(message) or message
  end
end

-- busted.safe runs each part of a test, and each setup.
local function contain_parts(busted, running)
  local safe = busted.safe
  function busted.safe(descriptor, run, element)
    local is_setup = descriptor:find "setup$" or descriptor:find "teardown$"
    if is_setup then
      testing._set_phase(descriptor:find "setup$" and "a setup" or "a teardown")
      local results = { safe(descriptor, heard(running, run, element), element) }
      if not results[1]:success() then
        pcall(core.settle)
        testing_failures.take() -- of what has failed already; the log has them
      end
      testing._set_phase(nil)
      return unpack(results)
    elseif running.element and parts[descriptor] then
      return in_task(running, safe, descriptor, run, element)
    end
    return safe(descriptor, run, element)
  end
end

-- busted says that a test has ended before its after_each have run; here it is said when all is looked at.
local function hold_back_the_end(busted, running)
  local publish = busted.safe_publish
  function busted.safe_publish(descriptor, channel, element, ...)
    if running.element and channel[1] == "test" and channel[2] == "end" then
      running.ending = { publish, descriptor, channel, element, ... }
      return true
    end
    return publish(descriptor, channel, element, ...)
  end
end

local function tell_the_end(busted, running, element)
  local ending = running.ending
  if not ending then -- a before_each has failed, and the test was not run
    return
  end
  local publish, descriptor, channel, of, parent, before = unpack(ending, 1, 6)
  local status = busted.safe("it", function()
    if running.stuck and before == "success" then -- it has caught what ended it
      error(running.stuck.reason, 0)
    end
    look_behind(running, element)
  end, element)
  if not status:success() and (before == "success" or before == "pending") then
    before = status:get() -- busted counts a failed assertion by it, and an error by itself
  end
  running.has_passed = before == "success"
  running.element = nil
  publish(descriptor, channel, of, parent, before)
end

local function begin(busted, running, element)
  local is_realtime = running.is_realtime or has_tag(busted, element, "#realtime")
  running.is_virtual = not is_realtime
  core.set_virtual(running.is_virtual)
  core.isolate(not (running.reaches_network or is_realtime or has_tag(busted, element, "#network")))
  testing._begin()
  seed.start_test(running.seed, full_name(busted, element))
  running.before, running.element, running.ending, running.has_passed = leftovers.note(), element, nil, false
  running.started, running.attempts, running.waits, running.stuck = core.now(), 0, {}, nil
end

local function finish(running)
  running.task, running.element, running.stuck = nil, nil, nil
  local fault = close_all()
  if fault then
    log.error("the test has failed for another reason; beside it: %s", errors.text(fault.value))
  end
  leftovers.clear(running.before, running.is_virtual)
  if not running.has_passed then
    testing_failures.take() -- of what it has left behind; the log has them
  end
  core.isolate(not running.reaches_network)
  core.set_virtual(false)
end

--- Makes busted run its tests so. Call it before busted is required.
---@param running tidegate.TestRun
function test_tasks.start(running)
  core.isolate(not running.reaches_network) -- a setup reaches nobody either
  end_stuck(running)
  testing_failures.start()
  local new_busted = require "busted.core"
  package.loaded["busted.core"] = function()
    local busted = new_busted()
    escape_messages(busted)
    contain_parts(busted, running)
    hold_back_the_end(busted, running)
    local register = busted.register
    function busted.register(descriptor, executor, attributes)
      if descriptor ~= "it" or type(executor) ~= "function" then
        return register(descriptor, executor, attributes)
      end
      return register(descriptor, function(element)
        begin(busted, running, element)
        executor(element)
        tell_the_end(busted, running, element)
        finish(running)
      end, attributes)
    end
    return busted
  end
end

return test_tasks
