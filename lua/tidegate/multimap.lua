-- Names with values, where a name may come several times: headers, queries, forms.
--
-- The table itself holds one value for each name, so it can be indexed and iterated like any other; all() gives every
-- value. A name that is also a method's ("all") is only reached with all(), so that no client can hide a method.
local multimap = {}

local methods = {}
local NONE = {}
-- [map] = {name = {value, …}} for the names that come twice or are hidden
local lists = setmetatable({}, { __mode = "k" })

--- Every value of a name, in order; an empty list when there is none.
---@param name string
---@return string[]
function methods:all(name)
  local fold = getmetatable(self).fold
  name = fold and fold(name) or name
  local list = lists[self] and lists[self][name]
  if list then
    return { unpack(list) }
  end
  return { rawget(self, name) }
end

-- Queries and forms: the first value of a name is the one in the table.
local Pairs = { __index = methods, __name = "tidegate.Pairs" }

-- Header fields: names in lower case, looked up without regard to case; several are joined as a list (RFC 9110
-- section 5.3), but for Set-Cookie, which is no list.
local Fields = { __name = "tidegate.Fields", fold = string.lower }
function Fields.__index(self, name)
  if type(name) ~= "string" then
    return nil
  end
  return methods[name] or rawget(self, name:lower())
end

local function remember(map, name, value)
  local of_map = lists[map]
  if not of_map then
    of_map = {}
    lists[map] = of_map
  end
  local list = of_map[name]
  if not list then
    list = { rawget(map, name) }
    of_map[name] = list
  end
  list[#list + 1] = value
  return list
end

--- A map of a query or a form from {key, value, key, value, …}.
function multimap.pairs(flat)
  local map = setmetatable({}, Pairs)
  for index = 1, #flat, 2 do
    local name, value = flat[index], flat[index + 1]
    if methods[name] or rawget(map, name) ~= nil then
      remember(map, name, value)
    else
      map[name] = value
    end
  end
  return map
end

--- A map of header fields from {name, value, name, value, …}.
function multimap.fields(flat)
  local map = setmetatable({}, Fields)
  for index = 1, #flat, 2 do
    local name, value = flat[index]:lower(), flat[index + 1]
    if methods[name] or rawget(map, name) ~= nil then
      remember(map, name, value)
    else
      rawset(map, name, value)
    end
  end
  for name, list in pairs(lists[map] or NONE) do -- once each: a join for every field would take quadratic time
    if not methods[name] and name ~= "set-cookie" then
      rawset(map, name, table.concat(list, name == "cookie" and "; " or ", "))
    end
  end
  return map
end

--- The fields of a map as a plain table {name = value or {value, …}}, which sends each field as it came.
function multimap.to_lines(map)
  local plain = {}
  for name, value in pairs(map) do
    plain[name] = value
  end
  for name, list in pairs(lists[map] or NONE) do
    plain[name] = list
  end
  return plain
end

-- Headers that are made here: spelled as they were first written, found and changed without regard to case.
local Headers = { __name = "tidegate.Headers" }

--- The key under which a name stands in a table of headers, in any case; nil where it does not.
---@param map table<string, string|string[]>
---@return string?
local function spelling(map, name)
  local lower = type(name) == "string" and name:lower()
  for key in pairs(map) do
    if type(key) == "string" and key:lower() == lower then
      return key
    end
  end
end

multimap.spelling = spelling

function Headers.__index(self, name)
  local key = spelling(self, name)
  return key and rawget(self, key)
end

function Headers.__newindex(self, name, value)
  rawset(self, spelling(self, name) or name, value)
end

--- A copy of headers that may be changed: one field never comes to stand there in two spellings.
---@param headers? table<string, string|string[]> a plain table
function multimap.headers(headers)
  local copy = {}
  for name, value in pairs(headers or NONE) do
    copy[name] = value
  end
  return setmetatable(copy, Headers)
end

---@return boolean # was it made by multimap.fields?
function multimap.is_fields(map)
  return getmetatable(map) == Fields
end

return multimap
