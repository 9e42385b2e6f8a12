-- Recursion through C until Lua's stack is full. The captures at each level, which a function with "..." keeps, fill
-- that before the stack of C is so deep, 64 MB, that AddressSanitizer loses track of it. exhaustion_spec goes as deep
-- as can be, in a gateway without sanitizer.
local PATTERN = ("()"):rep(30) .. "(.)"

local recursion = {}

--- Recurses through string.gsub; raises.
function recursion.through_c(...) -- luacheck: ignore 212
  return (("x"):gsub(PATTERN, recursion.through_c))
end

return recursion
