-- Iterating over the maps that keep what they hold out of sight (multimap.lua): LuaJIT's own pairs and next look only
-- at a table's slots, and know no metamethod. Every other table is iterated as ever.
-- luacheck: ignore 121
local raw_pairs, raw_next = pairs, next
local getmetatable = getmetatable

local iteration = {}

-- [metatable] = the next of its tables
local nexts = {}

local function own_next(table)
  local metatable = getmetatable(table)
  return metatable and nexts[metatable]
end

function pairs(table)
  local own = own_next(table)
  if own then
    return own, table, nil
  end
  return raw_pairs(table)
end

function next(table, key)
  local own = own_next(table)
  if own then
    return own(table, key)
  end
  return raw_next(table, key)
end

--- Says how the tables of a metatable are iterated.
---@param metatable table
---@param next_of fun(table: table, key: any): any, any as next
function iteration.register(metatable, next_of)
  nexts[metatable] = next_of
end

return iteration
