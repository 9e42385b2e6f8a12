-- tidegate test: busted inside the loop. The whole run is a task and each `it` one of its own, so specs may sleep,
-- fetch and gather as routes do.
local core = require "tidegate.core"
require "tidegate"
local gather = require "tidegate.gather"

local ABOUT = [[
Usage: tidegate test [busted options] [files or folders]
Runs busted specs inside the loop, from tests/ where nothing is named. Every option is busted's own:

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
      return gather.gather({ function()
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
  if contains(args, "--help") or contains(args, "-h") then
    print_help()
    return 0
  end
  arg = args -- luacheck: ignore (busted reads the global)
  arg[0] = "tidegate test" -- luacheck: ignore
  os.exit = stop_instead_of_exit -- luacheck: ignore
  default_to_tests(args)
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
