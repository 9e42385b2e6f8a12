-- What a request is called in the log: the id that a trusted proxy has given it, or one that is made of its number.
local core = require "tidegate.core"

local request_id = {}

--- What those of this process begin with.
request_id.prefix = core.random_bytes(4):gsub(".", function(byte)
  return ("%02x"):format(byte:byte())
end)

--- The id of a request: one that a trusted proxy has given, or one of its number.
---@param given string|integer
---@return string
function request_id.of(given)
  return type(given) == "string" and given or ("%s-%06x"):format(request_id.prefix, given)
end

--- The id of the request that the running task works for; nil for none.
---@return string?
function request_id.running()
  local exchange = core.running_exchange()
  return exchange and request_id.of(core.request_id(exchange))
end

return request_id
