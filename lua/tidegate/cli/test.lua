-- tidegate test: busted inside the loop. The whole run is a task and each `it` one of its own, so specs may sleep,
-- fetch and gather as routes do.
local core = require "tidegate.core"
require "tidegate"
local errors = require "tidegate.errors"
local gather = require "tidegate.gather"
local leftovers = require "tidegate.cli.leftovers"
local log = require "tidegate.log"
local output = require "tidegate.cli.output"
local seed = require "tidegate.cli.seed"
local task = require "tidegate.task"
local testing = require "tidegate.testing"

local ABOUT = [[
Usage: tidegate test [busted options] [files or folders]
Runs busted specs inside the loop, from tests/ where nothing is named. Time is virtual: it jumps when nothing can run.
A test with the tag #realtime in its name, and every test with --realtime, has the real clock. The order in which ready
tasks run is random; --seed=N repeats one. Every other option is busted's own:

]]

-- busted ends the process through os.exit; here that ends the run's task, so that everything is closed in order. Its
-- status is the number of failures, of which the system would keep 8 bits.
local function stop_instead_of_exit(status)
  error({ exit_status = (status == true or status == 0) and 0 or 1 }, 0)
end

local function contains(list, item)
  for _, each in ipairs(list) do
    if each == item then
      return true
    end
  end
  return false
end

-- Where nobody names a folder, busted takes spec/, and says so as if it had been named.
local function default_to_tests(args)
  local new_cli = require "busted.modules.cli"
  package.loaded["busted.modules.cli"] = function(options)
    local cli = new_cli(options)
    local parse = cli.parse
    function cli:parse(...)
      local parsed, message = parse(self, ...)
      if parsed and parsed.ROOT[1] == "spec" and not contains(args, "spec") then
        parsed.ROOT = { "tests" }
      end
      return parsed, message
    end
    return cli
  end
end

-- busted hands out its help as the text of an error.
local function print_help()
  local cli = require "busted.modules.cli" {}
  cli:set_name "tidegate test"
  local _, text = cli:parse { "--help" }
  text = tostring(text):gsub("^.-OPTIONS: *\n", ""):gsub("; re%-run with %-%-help for usage%.$", "\n")
  io.stdout:write(ABOUT, text)
end

-- Is a test, or a block around it, tagged #realtime?
local function is_realtime(busted, element)
  while element do
    if tostring(element.name or ""):find("#realtime", 1, true) then
      return true
    end
    element = busted.context.parent(element)
  end
  return false
end

-- The function that runs an `it`, closes what it has opened, and fails it where it leaves something.
local function contained(run, element, running)
  return function(...)
    run(...)
    local fault = testing.close()
    if fault then
      error(fault.value, 0)
    end
    local found = leftovers.find(running.before, running.is_virtual) -- linear: no pattern
    if #found > 0 then
      local place = element.trace and element.trace.short_src .. ":" .. element.trace.currentline .. ": " or ""
      error(place .. "the test leaves behind: " .. table.concat(found, "; "), 0)
    end
  end
end

-- The fault of an upstream of a test that has failed anyway, maybe for that reason.
local function report_fault(fault)
  if fault then
    log.error("an answer function of t.upstream failed: %s", errors.text(fault.value))
  end
end

local BEATS_SECONDS_MIN = 3600 -- of the test's time; a connection may have timers of its own for a while

-- Has the test waited, ever since it was looked at last, for what nobody has brought, while others ran again and again?
local function is_among_beats(running)
  local since = running.looked_at
  if core.now() - since < BEATS_SECONDS_MIN then
    return false
  end
  running.looked_at = core.now()
  return leftovers.wait_in_vain(running.task, leftovers.tasks(running.before), since)
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
  end
  local ready = {}
  for _, of in ipairs(tasks) do
    if core.task_info(of).state == "ready" then
      ready[#ready + 1] = of
    end
  end
  return "no time can pass in the test, for something has run a million times without waiting for any: "
    .. table.concat(leftovers.describe(#ready > 0 and ready or tasks), "; ")
end

-- Cancels the test and, where that has not helped because of a shield, each of its tasks. One that goes on in spite of
-- it cannot be ended at all: nor can the run then.
local function end_test(running, tasks, why)
  running.attempts = running.attempts + 1
  if running.attempts == 1 then
    running.stuck = task.cancellation(why_stuck(tasks, why))
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

-- Every task of a test waits, and nothing will ever wake one; or one of them runs for ever.
local function end_stuck(running)
  core.on_stuck(function(why)
    if why == "beats" and not (running.task and (running.attempts > 0 or is_among_beats(running))) then
      return
    elseif running.task then
      local tasks = { running.task, unpack(leftovers.tasks(running.before)) }
      end_test(running, tasks, why)
    elseif why == "spins" then
      running.hopeless = "what a test has left behind goes on when it is cancelled: "
        .. table.concat(leftovers.describe(leftovers.tasks(running.before)), "; ")
      core.stop()
    end
  end)
end

-- The name of a test with those of its blocks and its file.
local function full_name(busted, element)
  local parent = busted.context.parent(element)
  local name = tostring(element.name or "")
  return parent and full_name(busted, parent) .. " " .. name or name
end

-- Runs each `it` as a child task of the run.
local function spawn_tests(running, all_realtime, chosen)
  end_stuck(running)
  local new_busted = require "busted.core"
  package.loaded["busted.core"] = function()
    local busted = new_busted()
    local safe, rewrite = busted.safe, busted.rewriteMessage
    function busted.rewriteMessage(...) -- what a test has got from somewhere does not control the terminal
      local message = rewrite(...)
      return type(message) == "string" and core.printable(message) or message
    end
    function busted.safe(descriptor, run, element)
      if descriptor ~= "it" or run ~= element.run then
        return safe(descriptor, run, element)
      end
      running.is_virtual = not (all_realtime or is_realtime(busted, element))
      core.set_virtual(running.is_virtual)
      seed.start_test(chosen, full_name(busted, element))
      local status = gather.gather({ function()
        running.task, running.before, running.attempts = core.current(), leftovers.note(), 0
        running.looked_at = core.now()
        return safe(descriptor, contained(run, element, running), element)
      end })[1]
      running.task = nil
      report_fault(testing.close())
      leftovers.clear(running.before, running.is_virtual)
      core.set_virtual(false)
      return status
    end
    return busted
  end
end

-- Takes an option of ours off the arguments; busted knows none of them.
local function take_flag(args, name)
  for index = #args, 1, -1 do
    if args[index] == name then
      table.remove(args, index)
      return true
    end
  end
  return false
end

-- What the runner's end means: it raises the status that it would exit with, or nothing where all went well.
local function run_busted()
  local ok, err = xpcall(function()
    require "busted.runner" { standalone = false }
  end, function(err)
    return type(err) == "table" and err or debug.traceback(tostring(err), 2)
  end)
  if ok then
    return 0
  elseif type(err) == "table" then
    return err.exit_status
  elseif err:match("^nil") then
    return 1 -- busted's way to exit with a failure
  end
  output.complain("tidegate test", err)
  return 1
end

local function has_busted()
  local found = package.searchpath and package.searchpath("busted.runner", package.path)
  return found ~= nil
end

return function(args)
  if not has_busted() then
    error("busted is not installed; on Debian: apt install lua-busted", 0)
  end
  if contains(args, "--help") or contains(args, "-h") then
    print_help()
    return 0
  end
  arg = args -- luacheck: ignore (busted reads the global)
  arg[0] = "tidegate test" -- luacheck: ignore
  os.exit = stop_instead_of_exit -- luacheck: ignore
  local all_realtime = take_flag(args, "--realtime")
  local chosen = seed.of(args)
  io.stdout:write(("the order of ready tasks has the seed %d; --seed=%d repeats it\n"):format(chosen, chosen))
  seed.start(chosen)
  default_to_tests(args)
  local running = {} -- of the test that runs: task; before: what was there; stuck: why it was cancelled; …
  spawn_tests(running, all_realtime, chosen)
  local status
  core.on_signal(function(name)
    if name ~= "SIGUSR1" then
      core.stop()
    end
  end)
  core.spawn(function()
    status = run_busted()
    core.stop()
  end)
  core.run()
  if not status then
    error(running.hopeless or "the tests were ended, or wait for something that nothing can bring", 0)
  end
  return status
end
