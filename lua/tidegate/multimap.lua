-- Names with values that came from outside, where a name may come several times: headers, queries, forms, cookies.
--
-- Such a map is indexed, changed and iterated like a table, and has nothing else: no method, so that no name that a
-- client chose is ever taken for one of ours. A name has one value there; multimap.values gives every one. Whatever is
-- handed on is what the map holds then: each field and each pair as it came, and where a script has set a name, that
-- alone.
--
-- To know what a script has set, and be it to the very value that was there, a map keeps what it holds out of its own
-- slots, so that every change comes by. Only a query (or form) without repeated names, of which nothing can be hidden,
-- is a plain table.
local check = require "tidegate.check"
local core = require "tidegate.core"
local iteration = require "tidegate.iteration"
local LIST = require("tidegate.plain").marks.list

local getmetatable, setmetatable, type, rawget = getmetatable, setmetatable, type, rawget
local next, pairs, lower, concat = next, pairs, string.lower, table.concat

local multimap = {}

-- The slot in which a map keeps what it holds. It is no text, so that an encoder written in C, which sees nothing but
-- slots, raises an error rather than to lose something; that of tg.json looks for it.
local HELD = setmetatable({}, { __name = "tidegate.multimap.HELD" })
multimap.HELD = HELD
local NONE = {}

---@class tidegate.Held
---@field values table<string, any> what the map shows
---@field lists table<string, string[]> every value of the names that came several times and were not set since
---@field set table<string, true> names that a script has set or removed
---@field order string[]? {name, value, …} of a query, as it came
---@field ended table<string, true>? of fields: those that end here, by the message's own Connection
---@field origin tidegate.Request|tidegate.ClientResponse|nil of fields: the message that they came with

-- Queries and forms: the first value of a name is the one that is shown.
local Pairs = { __name = "tidegate.Pairs" } -- without repeated names
local HeldPairs = { __name = "tidegate.Pairs" }
-- [map of Pairs with several names] = as tidegate.Held.order
local orders = setmetatable({}, { __mode = "k" })

-- Header fields: names in lower case, found without regard to case; several are joined as a list (RFC 9110 section
-- 5.3), but for Set-Cookie, which is no list.
local Fields = { __name = "tidegate.Fields" }

-- Headers that are made here, for an answer: a plain table, spelt as they were first written, found and changed without
-- regard to case.
local Headers = { __name = "tidegate.Headers" }

local function held_next(map, key)
  return next(rawget(map, HELD).values, key)
end

iteration.register(HeldPairs, held_next)
iteration.register(Fields, held_next)

-- The first value of each name of {name, value, …}, and every value of those that come again.
local function collect(flat, is_folded)
  local values, lists = {}, {}
  for index = 1, #flat, 2 do
    local name, value = flat[index], flat[index + 1]
    if is_folded then
      name = lower(name)
    end
    local list = lists[name]
    if list then
      list[#list + 1] = value
    elseif values[name] ~= nil then
      lists[name] = { values[name], value }
    else
      values[name] = value
    end
  end
  return values, lists
end

local function keep(metatable, values, lists)
  local held = { values = values, lists = lists, set = {} }
  return setmetatable({ [HELD] = held }, metatable), held
end

-- --- queries and forms

function HeldPairs.__index(self, name)
  return rawget(self, HELD).values[name]
end

function HeldPairs.__newindex(self, name, value)
  local held = rawget(self, HELD)
  held.values[name], held.lists[name], held.set[name] = value, nil, true
end

--- A map of a query or a form from {key, value, key, value, …}.
function multimap.pairs(flat)
  local values, lists = collect(flat, false)
  if next(lists) == nil then
    if #flat > 2 then
      orders[values] = flat
    end
    return setmetatable(values, Pairs)
  end
  local map, held = keep(HeldPairs, values, lists)
  held.order = flat
  return map
end

---@return boolean # was it made by multimap.pairs?
function multimap.is_pairs(map)
  local metatable = getmetatable(map)
  return metatable == Pairs or metatable == HeldPairs
end

local function is_before(a, b)
  return tostring(a) < tostring(b)
end

-- The names that are not in the order in which a map's came.
local function added_names(values, seen)
  local added = {}
  for name in next, values do
    if not seen[name] then
      added[#added + 1] = name
    end
  end
  table.sort(added, is_before)
  return added
end

--- Every pair of a query or a form as it stands now, as {key, value, key, value, …}: those that came, in the order in
--- which they came, with what was set in the first one's place; then what was added. What was set may be a list.
---@param map table what multimap.pairs has made
---@return any[]
function multimap.flat(map)
  local held = rawget(map, HELD)
  local values, lists = held and held.values or map, held and held.lists or NONE
  local order, flat, seen = held and held.order or orders[map] or NONE, {}, {}
  for index = 1, #order, 2 do
    local name = order[index]
    if lists[name] then
      flat[#flat + 1], flat[#flat + 2] = name, order[index + 1]
    elseif not seen[name] and values[name] ~= nil then
      flat[#flat + 1], flat[#flat + 2] = name, values[name]
    end
    seen[name] = true
  end
  for _, name in ipairs(added_names(values, seen)) do
    flat[#flat + 1], flat[#flat + 2] = name, values[name]
  end
  return flat
end

-- --- fields

function Fields.__index(self, name)
  local values = rawget(self, HELD).values
  local value = values[name]
  if value == nil and type(name) == "string" then
    value = values[lower(name)]
  end
  return value
end

local VALUES = "a string, a number or a list of them"

local function check_item(name, value, where)
  if type(value) ~= "string" and type(value) ~= "number" then
    check.refuse(("%sheader %s: a value must be %s"):format(where, name, VALUES), value)
  end
end

--- Raises where a header's name or value is of a wrong type.
---@param name any
---@param value any
---@param where string? what the message begins with, as "tg.abort: "
function multimap.check_field(name, value, where)
  where = where or ""
  if type(name) ~= "string" then
    check.refuse(where .. "a header's name must be a string", name)
  elseif type(value) == "table" then
    for _, item in pairs(value) do
      check_item(name, item, where)
    end
  elseif value ~= nil then
    check_item(name, value, where)
  end
end

local check_field = multimap.check_field

function Fields.__newindex(self, name, value)
  check_field(name, value)
  local held = rawget(self, HELD)
  name = lower(name)
  held.values[name], held.lists[name], held.set[name] = value, nil, true
end

--- A map of header fields from {name, value, name, value, …}, and what is known of them.
---@param flat string[]
---@param origin? tidegate.Request|tidegate.ClientResponse the message that they came with
---@return table map
---@return tidegate.Held
function multimap.fields(flat, origin)
  local values, lists = collect(flat, true)
  for name, list in next, lists do -- once each: a join for every field would take quadratic time
    if name ~= "set-cookie" then
      values[name] = concat(list, name == "cookie" and "; " or ", ")
    end
  end
  local map, held = keep(Fields, values, lists)
  held.ended, held.origin = values.connection and core.connection_names(flat) or nil, origin
  return map, held
end

---@return boolean # was it made by multimap.fields?
function multimap.is_fields(map)
  return getmetatable(map) == Fields
end

--- The fields of a map as a plain table {name = value or {value, …}}, which sends each field as it came; and what is
--- known of them. The lists are the map's own.
---@return table<string, string|string[]>
---@return tidegate.Held
function multimap.to_lines(map)
  local held, plain = rawget(map, HELD), {}
  for name, value in next, held.values do
    plain[name] = held.lists[name] or value
  end
  return plain, held
end

-- --- headers that are made here

--- The key under which a name stands in a table of headers, in any case; nil where it does not.
---@param map table<string, string|string[]>
---@return string?
local function spelling(map, name)
  local wanted = type(name) == "string" and lower(name)
  for key in pairs(map) do
    if type(key) == "string" and lower(key) == wanted then
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
  check_field(name, value)
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

-- --- any of them

-- Is it a map of ours, or a table that may be headers? An object with fields that it makes up is none.
local function is_map(map)
  local metatable = type(map) == "table" and getmetatable(map)
  return type(map) == "table"
    and (rawget(map, HELD) ~= nil or metatable == Headers or type(metatable) ~= "table" or metatable.__index == nil)
end

local function check_map(map, name)
  if not is_map(map) then
    check.refuse(name .. " takes a map like request.query or request.headers", map)
  end
end

local function value_in(map, name)
  local held = rawget(map, HELD)
  if held then
    name = getmetatable(map) == Fields and lower(name) or name
    return held.lists[name] or held.values[name]
  end
  local value = rawget(map, name)
  if value == nil and getmetatable(map) ~= Pairs then
    local key = spelling(map, name)
    value = key and rawget(map, key)
  end
  return value
end

--- Every value of a name, in order: of a query, a form, cookies, or headers, those in any case. Of a plain table of
--- headers too.
---@param map table
---@param name string
---@return string[] # a new list; empty when there is none
function multimap.values(map, name)
  check_map(map, "tg.values")
  if type(name) ~= "string" then
    check.refuse("tg.values: a name must be a string", name)
  end
  local value = value_in(map, name)
  local list = type(value) == "table" and { unpack(value) } or { value }
  setmetatable(list, LIST) -- JSON's [] where it is empty
  return list
end

local function copy_of(from)
  local to = {}
  for key, value in next, from do
    to[key] = value
  end
  return to
end

local function copy_map(map)
  local metatable = getmetatable(map)
  if multimap.is_pairs(map) then
    return multimap.pairs(multimap.flat(map))
  elseif metatable ~= Fields then
    return multimap.headers(map)
  end
  local from = rawget(map, HELD)
  local copy, held = keep(Fields, copy_of(from.values), copy_of(from.lists))
  held.set, held.ended, held.origin = copy_of(from.set), from.ended, from.origin
  return copy
end

-- The changes as they are applied; a name in two spellings would be set to one of its values, and nobody could say
-- which.
local function check_changes(changes, are_fields)
  if type(changes) ~= "table" then
    check.refuse("tg.with takes a map and a table of changes", changes)
  end
  local seen = {}
  for name, value in pairs(changes) do
    local key = are_fields and type(name) == "string" and lower(name) or name
    if seen[key] then
      core.raise(("tg.with: header %s is given in two spellings"):format(name))
    elseif value == true then
      core.raise(("tg.with: %s is true; it takes a value, or false to remove the name"):format(tostring(name)))
    end
    seen[key] = true
  end
end

--- A copy of headers, or of a query or form, with names set or, by false, removed. It is handed on as what it is a copy
--- of: of a request's headers only what may go on goes on.
---@param map table
---@param changes table<string, string|number|(string|number)[]|false>
---@return table
function multimap.with(map, changes)
  check_map(map, "tg.with")
  check_changes(changes, not multimap.is_pairs(map))
  local copy = copy_map(map)
  for name, value in pairs(multimap.is_fields(changes) and multimap.to_lines(changes) or changes) do
    copy[name] = value or nil
  end
  return copy
end

return multimap
