-- tidegate test: busted inside the loop. The whole run is a task and each `it` one of its own, so specs may sleep,
-- fetch and gather as routes do.
local core = require "tidegate.core"
require "tidegate"
local task = require "tidegate.task"

local ABOUT = [[
Usage: tidegate test [busted options] [files or folders]
Runs busted specs inside the loop, from tests/ where nothing is named. Every option is busted's own:
]]

-- busted ends the process through os.exit; here that ends the run's task, so that everything is closed in order.
local function stop_instead_of_exit(status)
  error({ exit_status = status == true and 0 or tonumber(status) or 1 }, 0)
end

-- Runs each `it` as a child task of the run.
local function spawn_tests()
  local new_busted = require "busted.core"
  package.loaded["busted.core"] = function()
    local busted = new_busted()
    local safe = busted.safe
    function busted.safe(descriptor, run, element)
      if descriptor ~= "it" then
        return safe(descriptor, run, element)
      end
      return task.gather({ function()
        return safe(descriptor, run, element)
      end })[1]
    end
    return busted
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
  if args[1] == "--help" then
    io.stdout:write(ABOUT)
  end
  local named = false
  for _, arg in ipairs(args) do
    named = named or arg:sub(1, 1) ~= "-"
  end
  if not named then
    args[#args + 1] = "tests"
  end
  arg = args -- luacheck: ignore (busted reads the global)
  arg[0] = "tidegate test" -- luacheck: ignore
  os.exit = stop_instead_of_exit -- luacheck: ignore
  spawn_tests()
  local status = 1
  core.on_signal(function()
    core.stop()
  end)
  core.spawn(function()
    status = run_busted()
    core.stop()
  end)
  core.run()
  return status
end
