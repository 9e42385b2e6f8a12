-- tidegate check: loads everything and reports, without serving.
local loader = require "tidegate.loader"
local options = require "tidegate.cli.options"
local output = require "tidegate.cli.output"
local settings = require "tidegate.cli.settings"

local extra = { { name = "show_config", flag = true, help = "print every setting and where it came from" } }

local function show(values, sources)
  for _, setting in ipairs(settings.list) do
    local value = values[setting.name]
    local text = type(value) == "table" and table.concat(value, ", ") or tostring(value)
    output.line("%-18s %-28s %s", setting.name, text, sources[setting.name])
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
  local count = #loaded:routes()
  output.line("%d route%s in %s: fine", count, count == 1 and "" or "s", values.routes)
  return 0
end
