-- TCP connections for scripts.
local check = require "tidegate.check"
local core = require "tidegate.core"
local stream = require "tidegate.stream"

local tcp = {}

--- Connects.
---@async
---@param host string a name or an address
---@param port integer
---@return tidegate.Stream # close it when you are done; the garbage collector does it late
function tcp.connect(host, port)
  if type(host) ~= "string" or host == "" then
    check.refuse("tg.tcp.connect takes a host and a port", host)
  elseif host:find "[%z/]" then
    core.raise(("tg.tcp.connect: %q is not the name or the address of a host"):format(host))
  elseif type(port) ~= "number" or port < 1 or port > 65535 or port % 1 ~= 0 then
    check.refuse("tg.tcp.connect: a port must be a whole number from 1 to 65535", port)
  end
  return stream.connect(host, port, ("%s:%d"):format(host, port))
end

return tcp
