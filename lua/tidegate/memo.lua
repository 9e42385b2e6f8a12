-- Remembering what was made of texts, in bounded room. The texts may come from outside, so that it is bytes that are
-- counted: long ones are not remembered at all, and when the room is full all is forgotten and begins anew.
local type = type

local memo = {}

local ENTRY_BYTES = 64 -- a slot of the table and the head of a string

--- Returns a function that answers as `make` does, and remembers what it has answered.
---@param make fun(key: string|number): any never nil
---@param key_bytes_max integer longer keys are not remembered
---@param bytes_max integer of all keys and of what is made of them
---@param weight integer how many bytes are kept for each byte of a key, about
---@return fun(key: string|number): any
function memo.new(make, key_bytes_max, bytes_max, weight)
  local known, bytes = {}, 0
  return function(key)
    local value = known[key]
    if value ~= nil then
      return value
    end
    value = make(key)
    local size = type(key) == "string" and #key or 8
    if size <= key_bytes_max then
      bytes = bytes + ENTRY_BYTES + size * weight
      if bytes > bytes_max then
        known, bytes = {}, ENTRY_BYTES + size * weight
      end
      known[key] = value
    end
    return value
  end
end

return memo
