-- Bodies in chunks, taken apart.
local chunked = {}

--- The body of a chunked message, as far as it is there. Fails where it is no chunked body.
---@param text string
---@param at? integer where the body begins; behind a head
---@return string body
---@return boolean is_whole
---@return integer? behind where what follows it begins, where it is whole
function chunked.decode(text, at)
  local pieces = {}
  at = at or 1
  while true do
    local size, first = text:match("^(%x+)\r\n()", at)
    if not size then
      return table.concat(pieces), false
    end
    size = tonumber(size, 16)
    pieces[#pieces + 1] = text:sub(first, first + size - 1)
    at = first + size + 2
    if at > #text + 1 then
      return table.concat(pieces), false
    end
    assert(text:sub(at - 2, at - 1) == "\r\n", "a chunk does not end in a line end")
    if size == 0 then
      return table.concat(pieces), true, at
    end
  end
end

return chunked
