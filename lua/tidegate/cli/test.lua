-- tidegate test: busted inside the loop. The whole run is a task and each `it` one of its own, so specs may sleep,
-- fetch and gather as routes do.
local core = require "tidegate.core"
require "tidegate"
local output = require "tidegate.cli.output"
local seed = require "tidegate.cli.seed"
local test_tasks = require "tidegate.cli.test_tasks"
local testing_failures = require "tidegate.testing_failures"

local VIRTUAL_SECONDS_MAX = 3600 -- of a test that polls; the clock must have jumped a hundred thousand times, too

local ABOUT = [[
Usage: tidegate test [busted options] [files or folders]
Runs busted specs inside the loop, from tests/ where nothing is named. Time is virtual: it jumps when nothing can run.
A test with the tag #realtime in its name, and every test with --realtime, has the real clock. Nothing outside the
process can be reached, but for tests with #realtime or #network in their names, and for all with --network or
--realtime. The order in which ready tasks run is random; --seed=N repeats one. A test that has taken more than
--virtual-seconds-max=N of its virtual time (3600), and still polls, fails. Every other option is busted's own:

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

-- Takes --name=VALUE or --name VALUE off the arguments, where it is a number over 0.
local function take_number(args, name, default)
  for index, arg in ipairs(args) do
    local value = arg:sub(1, #name + 1) == name .. "=" and arg:sub(#name + 2) or nil
    if value or arg == name then
      value = table.remove(args, index) == name and table.remove(args, index) or value
      local number = tonumber(value)
      if not number or number <= 0 or number ~= number then
        error({ usage = ("%s takes a number over 0, not %s"):format(name, value or "nothing") }, 0)
      end
      return number
    end
  end
  return default
end

-- The wall clock of a test is that of its virtual clock.
local function follow_the_clock()
  local system_time, system_date = os.time, os.date
  os.time = function(...) -- luacheck: ignore
    if select("#", ...) > 0 and (...) ~= nil then
      return system_time(...)
    end
    return math.floor(core.time())
  end
  os.date = function(format, time) -- luacheck: ignore
    return system_date(format or "%c", time or math.floor(core.time()))
  end
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

-- What has failed behind the last test, as a task that a setup has started, has none to fail.
local function check_last_failures(status)
  local fault = testing_failures.fault(testing_failures.take())
  if not fault then
    return status
  end
  output.complain("tidegate test", "after the last test: " .. tostring(fault))
  return 1
end

local function has_busted()
  local found = package.searchpath and package.searchpath("busted.runner", package.path)
  return found ~= nil
end

local DEPTH_MAX = 30 -- of folders in folders, of which links make a circle

-- Is there a spec in a folder, or below it?
local function has_spec(folder, depth)
  for _, name in ipairs(depth < DEPTH_MAX and core.list_folder(folder) or {}) do
    if name:find "_spec%.lua$" or name:sub(1, 1) ~= "." and has_spec(folder .. "/" .. name, depth + 1) then
      return true
    end
  end
  return false
end

local WHAT_RUNS = "`tidegate test` runs the files below the folder tests whose names end in _spec.lua, or the files "
  .. "and folders that you name; `tidegate new DIR` makes a folder with a first test"

-- Is there anything to run where nobody has said what?
local function check_folder(args)
  for _, each in ipairs(args) do
    if each:sub(1, 1) ~= "-" or each:find "^%-%-helper" or each:find "^%-f" or each:find "^%-%-config"
      or each:find "^%-p" or each:find "^%-%-pattern" then
      return -- a file, a folder, or what an option takes; or a configuration of busted's that may say so
    end
  end
  local names, why = core.list_folder "tests"
  if not names and not core.list_folder "." then
    error("this folder cannot be read: " .. why, 0)
  elseif core.read_file ".busted" then
    return
  elseif not names then
    error("there is no folder tests here. " .. WHAT_RUNS, 0)
  elseif not has_spec("tests", 1) then
    error("the folder tests holds no file whose name ends in _spec.lua. " .. WHAT_RUNS, 0)
  end
end

local function read_run(args)
  local is_realtime = take_flag(args, "--realtime")
  return {
    is_realtime = is_realtime,
    reaches_network = take_flag(args, "--network") or is_realtime,
    virtual_seconds_max = take_number(args, "--virtual-seconds-max", VIRTUAL_SECONDS_MAX),
    seed = seed.of(args),
  }
end

return function(args)
  if not has_busted() then
    error("busted is not installed; on Debian: apt install lua-busted", 0)
  end
  if contains(args, "--help") or contains(args, "-h") then
    print_help()
    return 0
  end
  local running = read_run(args)
  check_folder(args)
  arg = args -- luacheck: ignore (busted reads the global)
  arg[0] = "tidegate test" -- luacheck: ignore
  os.exit = stop_instead_of_exit -- luacheck: ignore
  follow_the_clock()
  local chosen = running.seed
  io.stdout:write(("the order of ready tasks has the seed %d; --seed=%d repeats it\n"):format(chosen, chosen))
  seed.start(chosen)
  default_to_tests(args)
  test_tasks.start(running)
  local status
  core.on_signal(function(name)
    if name ~= "SIGUSR1" then
      core.stop()
    end
  end)
  core.spawn(function()
    status = run_busted()
    core.settle()
    status = check_last_failures(status)
    core.stop()
  end)
  core.run()
  if not status then
    error(running.hopeless or "the tests were stopped, or wait for something that cannot happen", 0)
  end
  return status
end
