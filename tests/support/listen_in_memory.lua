local core = require "tidegate.core"

--- Listens in memory, on port 80 of a host.
---@return tidegate.Stream[] # those that have come
---@return fun() # closes them and ends the listening
return function(host)
  local streams = {}
  local listener = core.listen_stream_in_memory(host, 80, function(stream)
    streams[#streams + 1] = stream
  end)
  return streams, function()
    core.close_stream_listener(listener)
    for _, stream in ipairs(streams) do
      stream:close()
    end
  end
end
