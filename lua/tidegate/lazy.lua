-- Objects whose fields are read when they are asked for, and kept.
local rawset = rawset

local lazy = {}

--- An __index metamethod: methods as they are; other fields by their reader, once.
---@param methods table<string, function>
---@param readers table<string, fun(self: table): any>
---@return fun(self: table, key: any): any
function lazy.index(methods, readers)
  return function(self, key)
    local method = methods[key]
    if method then
      return method
    end
    local read = readers[key]
    if not read then
      return nil
    end
    local value = read(self)
    rawset(self, key, value)
    return value
  end
end

return lazy
