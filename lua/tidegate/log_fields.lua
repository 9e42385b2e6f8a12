-- The fields of a message of the log as text: `order=7 user="a b"`, or members of a JSON object.
--
-- Nothing here raises: what cannot be carried (a function, a table that holds itself) is named in its place, what may
-- be a secret is left out by its name, and what is long is cut. Names are in order.
local cjson = require "cjson"
local core = require "tidegate.core"
local text = require "tidegate.text"
require "tidegate.iteration" -- whose pairs sees into a request's maps

-- pairs, by another name: LuaJIT makes another loop of it. One that says `pairs` may never end in a finalizer once it
-- was compiled, with the LuaJIT of Debian 12, and finalizers write to the log.
local each_of = pairs
local tostring, type, concat = tostring, type, table.concat

local log_fields = {}

local COUNT_MAX = 50 -- of fields, and of what a table among them holds
local DEPTH_MAX = 5
local NAME_BYTES_MAX, VALUE_BYTES_MAX, BYTES_MAX = 100, 2048, 8192
local REDACTED = "(redacted)"

local SECRETS = { "password", "passwd", "passphrase", "secret", "authorization", "cookie", "apikey", "credential",
  "privatekey" }

--- Is it the name of what nobody should read in a log? X-Api-Key, api_key and apiKey are the same name.
---@param name any
---@return boolean
function log_fields.is_secret(name)
  if type(name) ~= "string" then
    return false
  end
  local plain = name:sub(1, NAME_BYTES_MAX):gsub("[^%a]", ""):lower()
  for _, word in ipairs(SECRETS) do
    if plain:find(word, 1, true) then
      return true
    end
  end
  return plain:sub(-5) == "token" or plain:sub(-6) == "tokens"
end

local function quoted(value)
  return core.json_shown(value, VALUE_BYTES_MAX)
end

--- The text that a value has of its own; nil where it has none.
---@param value any
---@return string?
function log_fields.own_text(value)
  local metatable = debug.getmetatable(value)
  if type(metatable) == "table" and rawget(metatable, "__tostring") then
    local ok, shown = pcall(tostring, value)
    return ok and type(shown) == "string" and shown or "(a value whose __tostring fails)"
  end
end

local function is_before(a, b)
  return a.name < b.name
end

-- The members of a table in the order of their names, at most COUNT_MAX; and whether there are more.
local function members_of(values)
  local members = {}
  for key, value in each_of(values) do
    if #members == COUNT_MAX then
      table.sort(members, is_before)
      return members, true
    end
    members[#members + 1] = {
      name = type(key) == "string" and key or log_fields.own_text(key) or text.shown(key),
      value = log_fields.is_secret(key) and REDACTED or value,
    }
  end
  table.sort(members, is_before)
  return members, false
end

local json_of

local function list_of(values, depth, seen)
  local items = {}
  for index = 1, math.min(#values, COUNT_MAX) do
    items[index] = json_of(values[index], depth, seen)
  end
  if #values > COUNT_MAX then
    items[#items + 1] = quoted(("… (%d items)"):format(#values))
  end
  return "[" .. concat(items, ",") .. "]"
end

local function object_of(values, depth, seen)
  local members, has_more = members_of(values)
  local items = {}
  for index, member in ipairs(members) do
    items[index] = core.json_shown(member.name, NAME_BYTES_MAX) .. ":" .. json_of(member.value, depth, seen)
  end
  if has_more then
    items[#items + 1] = '"…":"more"'
  end
  return "{" .. concat(items, ",") .. "}"
end

local function table_of(value, depth, seen)
  if seen[value] then
    return quoted "(a table that holds itself)"
  elseif depth >= DEPTH_MAX then
    return quoted "(a table, too deep)"
  end
  seen[value] = true
  local is_list = #value > 0 and next(value, #value) == nil
  local shown = (is_list and list_of or object_of)(value, depth + 1, seen)
  seen[value] = nil
  return shown
end

-- A value as JSON, whatever it is.
function json_of(value, depth, seen)
  local kind = type(value)
  if kind == "string" then
    return quoted(value)
  elseif kind == "number" then
    return value - value == 0 and text.shown(value) or quoted(tostring(value))
  elseif kind == "boolean" then
    return tostring(value)
  elseif value == nil or value == cjson.null then
    return "null"
  end
  local own = log_fields.own_text(value)
  if own then
    return quoted(own)
  end
  return kind == "table" and table_of(value, depth, seen) or quoted(("(a %s)"):format(kind))
end

-- As words, where nothing in them ends a word.
local function plain_or(word, json)
  return word ~= "" and #word <= VALUE_BYTES_MAX and not word:find "[^%w_./:@+%%-]" and word or json
end

local function as_word(name, value)
  local json = json_of(value, 0, {})
  local word = type(value) == "string" and plain_or(value, json)
    or type(value) == "table" and json:byte() ~= 34 and core.json_shown(json, VALUE_BYTES_MAX) or json
  return " " .. plain_or(name, core.json_shown(name, NAME_BYTES_MAX)) .. "=" .. word
end

-- A name that no member of the line's own has.
local function free_name(name, fields, reserved)
  local behind = name:sub(1, 6) == "field_" and name:sub(7)
  if reserved[name] or behind and reserved[behind] and fields[behind] ~= nil then
    return "field_" .. name
  end
  return name
end

local function as_member(name, value)
  return "," .. core.json_shown(name, NAME_BYTES_MAX) .. ":" .. json_of(value, 0, {})
end

local function render(fields, reserved)
  local members, has_more = members_of(fields)
  local shown, size = {}, 0
  for _, member in ipairs(members) do
    local one = reserved and as_member(free_name(member.name, fields, reserved), member.value)
      or as_word(member.name, member.value)
    if size + #one > BYTES_MAX then
      has_more = true
    else
      shown[#shown + 1], size = one, size + #one
    end
  end
  if has_more then
    shown[#shown + 1] = reserved and ',"…":"more"' or " …"
  end
  return concat(shown)
end

--- The fields behind a message; never an error.
---@param fields table
---@param reserved table<string, true>? for JSON: the names that the line has already
---@return string # " order=7", or ',"order":7'
function log_fields.render(fields, reserved)
  local ok, shown = pcall(render, fields, reserved)
  if ok then
    return shown
  end
  return reserved and ',"fields":"(they cannot be shown)"' or " fields=(they cannot be shown)"
end

--- A table as JSON, cut where it is long: for a message that is one. Never an error.
---@param value table
---@return string
function log_fields.text(value)
  local ok, shown = pcall(json_of, value, 0, {})
  return ok and core.printable(shown, BYTES_MAX) or "(a table that cannot be shown)"
end

--- A copy of the fields, as a test sees them: what may be a secret is not in it.
---@param fields table
---@return table
function log_fields.copy(fields)
  local copy = {}
  for name, value in each_of(fields) do
    copy[name] = log_fields.is_secret(name) and REDACTED or value
  end
  return copy
end

return log_fields
