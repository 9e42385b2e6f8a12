-- Bodies in chunks, taken apart.
local chunked = {}

--- The body of a chunked message, and whether it is whole.
---@param text string what follows the head
---@return string body
---@return boolean is_whole
function chunked.decode(text)
  local pieces, at = {}, 1
  while true do
    local size, behind = text:match("^(%x+)\r\n()", at)
    size = size and tonumber(size, 16)
    if not size then
      return table.concat(pieces), false
    elseif size == 0 then
      return table.concat(pieces), true
    end
    pieces[#pieces + 1] = text:sub(behind, behind + size - 1)
    at = behind + size + 2
  end
end

return chunked
