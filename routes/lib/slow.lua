-- Code that blocks, which routes/blocking.lua has called in threads. It is plain Lua: nothing of the gateway is there.
local bit = require "bit"

local slow = {}

--- Reads a whole file.
---@param path string
---@return string
function slow.read(path)
  local file, why = io.open(path, "rb")
  if not file then
    error(why, 0)
  end
  local text = file:read("*a")
  file:close()
  return text
end

--- A hash that takes long on purpose: FNV-1a over the text, again and again. (For passwords, use one that was made for
--- them.)
---@param text string at least a byte
---@param rounds integer
---@return string # 8 hexadecimal digits
function slow.hash(text, rounds)
  local hash = bit.tobit(0x811c9dc5)
  for round = 0, rounds - 1 do
    hash = bit.bxor(hash, text:byte(round % #text + 1))
    hash = bit.tobit(hash + bit.lshift(hash, 1) + bit.lshift(hash, 4) + bit.lshift(hash, 7) + bit.lshift(hash, 8)
      + bit.lshift(hash, 24)) -- times 16777619
  end
  return bit.tohex(hash)
end

return slow
