-- tidegate test: busted inside the loop. The whole run is a task and each `it` one of its own, so specs may sleep,
-- fetch and gather as routes do.
local core = require "tidegate.core"
require "tidegate"
local errors = require "tidegate.errors"
local gather = require "tidegate.gather"
local log = require "tidegate.log"
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

-- One line on what a task is doing that should have ended.
local function describe_task(of)
  local about = core.task_info(of)
  return ("a task waits in %s at %s"):format(about.waits_on or "no wait", about.place or "?")
end

local SETTLE_TURNS_MAX = 50

local function tasks_since(before)
  local list = {}
  for _, of in ipairs(core.tasks()) do
    if not before.tasks[of] then
      list[#list + 1] = of
    end
  end
  return list
end

local function describe_tasks(list)
  local lines = {}
  for index, of in ipairs(list) do
    lines[index] = describe_task(of)
  end
  return lines
end

-- What a test has left behind: tasks and streams that nothing has ended within a few turns.
local function leftovers(before)
  local found
  for _ = 1, SETTLE_TURNS_MAX do
    found = describe_tasks(tasks_since(before))
    local streams = core.stream_count() - before.streams
    if streams > 0 then
      found[#found + 1] = ("%d open stream%s"):format(streams, streams == 1 and "" or "s")
    end
    if #found == 0 then
      break
    end
    core.sleep(0)
  end
  return found
end

local function what_is_there()
  local there = { tasks = {}, streams = core.stream_count() }
  for _, of in ipairs(core.tasks()) do
    there.tasks[of] = true
  end
  return there
end

-- The function that runs an `it`, closes what it has opened, and fails it where it leaves something.
local function contained(run, element, before)
  return function(...)
    run(...)
    local fault = testing.close()
    if fault then
      error(fault.value, 0)
    end
    local found = leftovers(before)
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

-- Every task of a test waits, and nothing will ever wake one: the test is cancelled and, where that does not reach them
-- because of a shield, each of its tasks.
local function end_stuck(running)
  core.on_stuck(function()
    if not running.task then
      return
    end
    local waiting = tasks_since(running.before)
    table.insert(waiting, 1, running.task)
    if not running.stuck then
      running.stuck = task.cancellation("nothing can wake the test: " .. table.concat(describe_tasks(waiting), "; "))
      task.cancel(running.task, running.stuck)
    end
    local goes_on = core.task_info(running.task).state ~= "waits"
    for _, of in ipairs(goes_on and {} or waiting) do
      core.cancel(of, running.stuck)
    end
  end)
end

-- Runs each `it` as a child task of the run.
local function spawn_tests(all_realtime)
  local running = {} -- task: that of the test that runs; before: what was there; stuck: why it was cancelled
  end_stuck(running)
  local new_busted = require "busted.core"
  package.loaded["busted.core"] = function()
    local busted = new_busted()
    local safe = busted.safe
    function busted.safe(descriptor, run, element)
      if descriptor ~= "it" or run ~= element.run then
        return safe(descriptor, run, element)
      end
      core.set_virtual(not (all_realtime or is_realtime(busted, element)))
      local status = gather.gather({ function()
        running.task, running.before, running.stuck = core.current(), what_is_there(), nil
        return safe(descriptor, contained(run, element, running.before), element)
      end })[1]
      running.task = nil
      report_fault(testing.close())
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

-- The seed of the ready queue's order: busted's own --seed, or a new one.
local function seed_of(args)
  for index, each in ipairs(args) do
    local text = each:match("^%-%-seed=(%d+)$") or (each == "--seed" and args[index + 1])
    if tonumber(text) then
      return tonumber(text)
    end
  end
  local a, b, c = core.random_bytes(3):byte(1, 3)
  return a * 65536 + b * 256 + c + 1
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
  io.stderr:write("tidegate test: ", err, "\n")
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
  local seed = seed_of(args)
  io.stdout:write(("the order of ready tasks has the seed %d; --seed=%d repeats it\n"):format(seed, seed))
  core.shuffle(seed)
  default_to_tests(args)
  spawn_tests(all_realtime)
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
    error("the tests were ended, or wait for something that nothing can bring", 0)
  end
  return status
end
