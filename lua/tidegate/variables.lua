-- The variables of the environment that scripts read, so that one that nobody reads can be told from theirs.
local variables = {}

local NAMES_MAX = 1000

local read, count = {}, 0

--- A script has asked for it.
---@param name string
function variables.note(name)
  if not read[name] and count < NAMES_MAX then
    read[name], count = true, count + 1
  end
end

---@param name string
---@return boolean
function variables.is_read(name)
  return read[name] or false
end

return variables
