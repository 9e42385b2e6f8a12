-- tidegate check: loads everything and reports, without serving.
local loader = require "tidegate.loader"
local options = require "tidegate.cli.options"
local output = require "tidegate.cli.output"
local settings = require "tidegate.cli.settings"

local extra = { { name = "show_config", flag = true, help = "print every setting and where it came from" } }

local function text_of(value)
  return type(value) == "table" and table.concat(value, ", ") or tostring(value)
end

-- In columns, of which the first two are as wide as what is in them.
local function show(values, sources)
  local name_width, value_width = 0, 0
  for _, setting in ipairs(settings.list) do
    name_width = math.max(name_width, #setting.name)
    value_width = math.max(value_width, #text_of(values[setting.name]))
  end
  local format = ("%%-%ds  %%-%ds  %%s"):format(name_width, math.min(value_width, 60))
  for _, setting in ipairs(settings.list) do
    output.line(format, setting.name, text_of(values[setting.name]), sources[setting.name])
  end
end

return function(args)
  local flags = options.parse("check", "Loads configuration and routes, and reports.", args, extra)
  if not flags then
    return 0
  end
  local values, sources = settings.resolve(flags)
  if flags.show_config then
    show(values, sources)
  end
  local loaded = loader.load(values.routes)
  loaded:mount()
  for _, each in ipairs(settings.unknown_variables()) do
    output.complain("tidegate", (each.level == "warn" and "warning: " or "note: ") .. each.text)
  end
  local count = #loaded:routes()
  output.line("%d route%s in %s: fine", count, count == 1 and "" or "s", values.routes)
  return 0
end
