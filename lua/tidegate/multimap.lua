-- Names with values, where a name may come several times: headers, queries, forms.
--
-- The table itself holds one value for each name, so it can be indexed and iterated like any other; all() gives every
-- value. A name that is also a method's ("all") is only reached with all(), so that no client can hide a method.
local multimap = {}

local methods = {}
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
    if methods[name] then
      remember(map, name, value)
    elseif rawget(map, name) == nil then
      rawset(map, name, value)
    else
      local list = remember(map, name, value)
      if name ~= "set-cookie" then
        rawset(map, name, table.concat(list, name == "cookie" and "; " or ", "))
      end
    end
  end
  return map
end

-- What a Connection field cannot take away: a sender could otherwise make the next server see another message.
local KEPT = { host = true, ["content-length"] = true, cookie = true, authorization = true }

-- What belongs to one connection and not to the message: what Connection names (RFC 9110 section 7.6.1). The fields
-- that always do are left out by the core.
local function drop_hop_by_hop(plain)
  local named = plain.connection
  for name in (type(named) == "table" and table.concat(named, ",") or named or ""):gmatch "[^,%s]+" do
    name = name:lower()
    if not KEPT[name] and name:sub(1, 12) ~= "x-forwarded-" then
      plain[name] = nil
    end
  end
  return plain
end

--- The fields of a map as a plain table {name = value or {value, …}}, which sends each field as it came: to be handed
--- on, so without those that its Connection field names.
function multimap.to_lines(map)
  local plain = {}
  for name, value in pairs(map) do
    plain[name] = value
  end
  for name, list in pairs(lists[map] or {}) do
    plain[name] = list
  end
  return drop_hop_by_hop(plain)
end

---@return boolean # was it made by multimap.fields?
function multimap.is_fields(map)
  return getmetatable(map) == Fields
end

return multimap
