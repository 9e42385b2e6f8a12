-- TCP connections for scripts.
local stream = require "tidegate.stream"

local tcp = {}

--- Connects.
---@async
---@param host string a name or an address
---@param port integer
---@return tidegate.Stream # close it when you are done; the garbage collector does it late
function tcp.connect(host, port)
  return stream.connect(host, port, ("%s:%d"):format(host, port))
end

return tcp
