-- tidegate routes: lists what is mounted.
local loader = require "tidegate.loader"
local options = require "tidegate.cli.options"
local output = require "tidegate.cli.output"
local settings = require "tidegate.cli.settings"

return function(args)
  local flags = options.parse("routes", "Lists the routes of a folder.", args)
  if not flags then
    return 0
  end
  local loaded = loader.load(settings.resolve(flags).routes)
  for _, route in ipairs(loaded:routes()) do
    output.line("%-8s %-40s %s", route.method, route.pattern, route.place)
  end
  return 0
end
