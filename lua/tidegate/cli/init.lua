-- The command line: `tidegate [command] [options]`.
local core = require "tidegate.core"
local errors = require "tidegate.errors"
local nearest = require "tidegate.nearest"
local output = require "tidegate.cli.output"

local commands = {
  run = "serve the routes of a folder (the default command)",
  new = "make a folder with a route, its test and its settings",
  test = "run busted specs inside the loop: each `it` may sleep and fetch",
  routes = "list what is mounted",
  check = "load everything and report, without serving",
  tasks = "print the tasks of a running gateway as a tree",
  version = "print the version",
}
local order = { "run", "new", "test", "routes", "check", "tasks", "version" }

local MEANT = {
  init = "new", create = "new", serve = "run", start = "run", server = "run", dev = "run --dev", ps = "tasks",
  lint = "check",
}

local function usage()
  local lines = { "Usage: tidegate [command] [options]", "" }
  for _, name in ipairs(order) do
    lines[#lines + 1] = ("  %-9s %s"):format(name, commands[name])
  end
  lines[#lines + 1] = "\n`tidegate COMMAND --help` lists a command's options.\n"
  return table.concat(lines, "\n")
end

local function complain(message)
  output.complain("tidegate", tostring(message))
end

-- What standard output did not take is not lost in silence. That
-- nobody reads on (`tidegate routes | head`) is no fault.
local function finish(status)
  local why = output.finish()
  if not why or why == "Broken pipe" then
    return status
  end
  complain("standard output: " .. why)
  return status == 0 and 1 or status
end

-- Splits the arguments into the command and what follows it.
local function split(args)
  local name = args[1]
  if name == nil or name:sub(1, 1) == "-" and name ~= "--help" and name ~= "-h" and name ~= "--version" then
    return "run", { unpack(args) }
  end
  return name, { unpack(args, 2) }
end

-- What the user is told of an error: where in a file of theirs it is; a traceback only where the fault is ours.
local function explain(err)
  if type(err) == "table" and err.usage then
    return err
  elseif errors.is_error(err) and err.said then -- its message has a place
    return tostring(err)
  elseif type(err) ~= "string" then
    local _, message = pcall(core.raise, tostring(err))
    return message
  elseif not err:match("^tidegate[%w.]*:%d") then
    return err
  end
  return debug.traceback("an error of tidegate's own: " .. err, 2)
end

--- Runs the program.
---@param args string[] the arguments; args[0] is the program
---@return integer # the exit status
return function(args)
  local name, rest = split(args)
  if name == "--help" or name == "-h" or name == "help" then
    io.stdout:write(usage())
    return 0
  end
  name = name == "--version" and "version" or name
  if not commands[name] then
    local near = MEANT[name] or nearest.of(name, order)
    complain(("there is no command %q%s (`tidegate --help` lists them)"):format(name,
      near and ("; did you mean `tidegate %s`?"):format(near) or ""))
    return 2
  end
  local ok, status = xpcall(require("tidegate.cli." .. name), explain, rest)
  if ok then
    return finish(status or 0)
  end
  complain(type(status) == "table" and status.usage or status)
  return type(status) == "table" and 2 or 1
end
