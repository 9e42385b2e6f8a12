-- Long options of a command: --name VALUE, --name=VALUE, --flag.
local nearest = require "tidegate.nearest"
local settings = require "tidegate.cli.settings"

local options = {}

local function usage_error(message)
  error({ usage = message }, 0)
end

-- [option's name with dashes] = {key, flag, many, value, help}, of the settings and of the command.
local function table_of(extra)
  local known, order = {}, {}
  local function add(option)
    known[option.name:gsub("_", "-")] = option
    order[#order + 1] = option
  end
  for _, option in ipairs(extra) do
    add(option)
  end
  add { name = "config", value = "FILE", help = "the configuration file; tidegate.conf.lua where there is one" }
  for _, setting in ipairs(settings.list) do
    add(setting)
  end
  return known, order
end

local function shown(value)
  return type(value) == "table" and table.concat(value, ", ") or tostring(value)
end

local function left_of(option)
  return "--" .. option.name:gsub("_", "-") .. (option.value and " " .. option.value or "")
end

local function print_help(command, about, order)
  local width = 0
  for _, option in ipairs(order) do
    width = math.max(width, #left_of(option))
  end
  io.stdout:write(("Usage: tidegate %s [options]\n%s\n\n"):format(command, about))
  for _, option in ipairs(order) do
    local default = option.default and shown(option.default) or ""
    default = default ~= "" and (" [%s]"):format(default) or ""
    io.stdout:write(("  %-" .. width .. "s  %s%s\n"):format(left_of(option), option.help, default))
  end
  io.stdout:write("\nEach setting may also come from TIDEGATE_NAME_IN_CAPITALS, or from the configuration file; ",
    "a flag wins.\n")
end

-- What is wrong with an argument, and what was probably meant: "; did you mean --listen?"
local function hint(arg, value, order)
  local name = arg:match "^%-%-?([^=]+)"
  if not name then
    return ", and no argument but options"
  end
  local how = settings.meant(name, value)
  if how then
    return "; " .. how
  end
  local names = {}
  for index, option in ipairs(order) do
    names[index] = option.name:gsub("_", "-")
  end
  local near = nearest.of(name, names)
  return near and ("; did you mean --%s?"):format(near) or ""
end

local function store(flags, option, value)
  if option.many then
    flags[option.name] = flags[option.name] or {}
    table.insert(flags[option.name], value)
  elseif flags[option.name] ~= nil then
    usage_error(("--%s is given twice, and takes one value"):format(option.name:gsub("_", "-")))
  else
    flags[option.name] = value
  end
end

--- Reads the options of a command. Prints the help and returns nil where that was asked for.
---@param command string
---@param about string what the command does, for the help
---@param args string[]
---@param extra? table[] options of the command's own
---@return table<string, any>? flags by name
function options.parse(command, about, args, extra)
  local known, order = table_of(extra or {})
  local flags, index = {}, 1
  while index <= #args do
    local arg = args[index]
    if arg == "--help" or arg == "-h" then
      print_help(command, about, order)
      return nil
    end
    local name, value = arg:match("^%-%-([^=]+)(.*)$")
    value = value and value:sub(2)
    local option = name and known[name]
    if not option then
      local given = arg:match "=(.*)$" or args[index + 1]
      usage_error(("there is no option %s%s (`tidegate %s --help` lists them)"):format(arg, hint(arg, given, order),
        command))
    end
    local has_value = arg:find("=", 1, true) ~= nil
    if option.flag then
      value = not has_value and true or value
    elseif not has_value then
      index = index + 1
      value = args[index]
      if value and value:sub(1, 2) == "--" then
        value = nil -- the next option; a value that begins so is given with "="
      end
    end
    if value == nil or value == "" and not option.read then
      usage_error(("--%s needs a value: --%s %s"):format(name, name, option.value))
    end
    store(flags, option, value)
    index = index + 1
  end
  return flags
end

return options
