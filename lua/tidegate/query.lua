-- Queries and forms of calls: a table as "a=1&b=2", with the keys in order, so that the same table always makes the
-- same text. Everything that the table holds is there, or an error is raised.
local core = require "tidegate.core"
local memo = require "tidegate.memo"
local multimap = require "tidegate.multimap"
local text = require "tidegate.text"

local encode, text_of, number_text = core.percent_encode, text.of, text.number
local getmetatable, next, pairs, type = getmetatable, next, pairs, type

local query = {}

local VALUES = "a string, a number, a boolean or a list of them"
local WHOLE_MAX = 1e14 -- up to here a whole number's text is digits, of which none need be encoded

-- "name=", encoded; remembered for the few names that come again and again.
local encoded_name = memo.new(function(name)
  return encode(name) .. "="
end, 64, 64 * 1024, 5)

local function append_pair(parts, what, name, value)
  local place = what .. " " .. name
  parts[#parts + 1] = encoded_name(name) .. encode(text_of(value, place, VALUES))
end

-- Every value of a list, which has no holes and nothing else in it.
local function append_list(parts, what, name, list)
  local count = 0
  for _ in pairs(list) do
    count = count + 1
  end
  for index = 1, count do
    if list[index] == nil then
      core.raise(("%s %s: a value must be %s, and this table is not a list or has holes"):format(what, name, VALUES))
    end
    append_pair(parts, what, name, list[index])
  end
end

-- The names as they are sent, in order, and the key of each.
local function names_of(values, what)
  local names, keys = {}, {}
  for key in pairs(values) do
    local kind = type(key)
    if kind ~= "string" and kind ~= "number" then
      core.raise(("%s: a key must be a string or a number, not a %s"):format(what, kind))
    end
    local name = kind == "number" and number_text(key, what .. ": a key") or key
    if keys[name] ~= nil then
      core.raise(("%s: the number %s and the string %q are two keys, and would be sent as one"):format(what, name,
        name))
    end
    names[#names + 1], keys[name] = name, key
  end
  table.sort(names)
  return names, keys
end

-- The pairs of a query or form that is handed on, as they came.
local function append_flat(parts, what, flat)
  for index = 1, #flat, 2 do
    local name, value = flat[index], flat[index + 1]
    if type(name) ~= "string" then
      name = names_of({ [name] = value }, what)[1]
    end
    if type(value) == "table" then
      append_list(parts, what, name, value)
    else
      append_pair(parts, what, name, value)
    end
  end
end

--- The text of a table of keys and values.
---@param values table<string|number, string|number|boolean|(string|number|boolean)[]> or a query or form of a request,
---  of which every pair is there
---@param what string "query" or "form", for messages
---@return string # percent-encoded; "" where there is no pair
function query.text(values, what)
  local key, value = next(values)
  local kind, plain = type(value), getmetatable(values) == nil
  if plain and (kind == "string" or kind == "number") and next(values, key) == nil then -- the usual one pair
    local key_kind = type(key)
    if kind == "number" and value % 1 == 0 and value >= 0 and value < WHOLE_MAX and key_kind == "string" then
      return encoded_name(key) .. value
    elseif kind == "string" and key_kind == "string" then
      return encoded_name(key) .. encode(value)
    end
  end
  local parts = {}
  if multimap.is_pairs(values) then
    append_flat(parts, what, multimap.flat(values))
    return table.concat(parts, "&")
  end
  local names, keys = names_of(values, what)
  for _, name in ipairs(names) do
    value = values[keys[name]]
    if type(value) == "table" then
      append_list(parts, what, name, value)
    else
      append_pair(parts, what, name, value)
    end
  end
  return table.concat(parts, "&")
end

return query
