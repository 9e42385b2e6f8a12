-- tidegate version: one line.
local core = require "tidegate.core"

local HELP = [[
Usage: tidegate version
Prints the version of tidegate and of its LuaJIT.
]]

return function(args)
  if args[1] == "--help" or args[1] == "-h" then
    io.stdout:write(HELP)
    return 0
  elseif args[1] then
    error({ usage = ("there is no option %s; `tidegate version` has none"):format(args[1]) }, 0)
  end
  io.stdout:write("tidegate ", core.version, " (", jit.version, ")\n")
  return 0
end
