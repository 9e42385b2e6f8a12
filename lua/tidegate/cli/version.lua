-- tidegate version: one line.
local core = require "tidegate.core"

return function()
  io.stdout:write("tidegate ", core.version, " (", jit.version, ")\n")
  return 0
end
