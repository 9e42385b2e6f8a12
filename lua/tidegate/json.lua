-- JSON over lua-cjson, and what lua-cjson cannot say: an empty array, an empty object, and bytes that are JSON already.
--
-- Known limits of lua-cjson: numbers keep 14 digits; `[]` decodes to an empty table, which encodes as `{}`; keys of
-- objects come back as strings. It decodes a little more than RFC 8259 has: raw control characters in strings, `1.`,
-- `-.1`, and 1e400 as infinity.
--
-- Objects are written with their keys in order, so that equal values make equal texts, in every process.
local cjson = require("cjson").new()
local core = require "tidegate.core"
local errors = require "tidegate.errors"
local unhidden = require("tidegate.multimap").unhidden

local json = {}

cjson.decode_invalid_numbers(false)
cjson.encode_invalid_numbers(false)
cjson.encode_keep_buffer(true)
local encode_plain, decode_plain = cjson.encode, cjson.decode
local pcall, type, getmetatable, setmetatable, concat = pcall, type, getmetatable, setmetatable, table.concat
local find = string.find
local next, sort, tostring = next, table.sort, tostring

local DEPTH_MAX = 1000

--- What JSON's null decodes to and encodes from.
json.null = cjson.null

local Array = { __name = "tidegate.json.array" }
local Object = { __name = "tidegate.json.object" }
local has_marks = false -- has anybody marked a table? lua-cjson does not see the marks

--- Marks a list, so that it encodes as an array even when it is empty.
---@param list? table
---@return table # the same table
function json.array(list)
  has_marks = true
  return setmetatable(list or {}, Array)
end

--- Marks a table, so that it encodes as an object even when its keys are 1, 2, 3.
---@param fields? table
---@return table # the same table
function json.object(fields)
  has_marks = true
  return setmetatable(fields or {}, Object)
end

--- JSON text that goes into the answer as it is. A function is the one kind of value that lua-cjson refuses and that
--- cannot be mistaken for data.
local raws = setmetatable({}, { __mode = "k" })

---@param bytes string valid JSON; nobody checks it
---@return function # opaque: put it where a value goes
function json.raw(bytes)
  if type(bytes) ~= "string" then
    core.raise("json.raw takes a string of JSON")
  end
  local function raw()
    return bytes
  end
  raws[raw] = bytes
  return raw
end

local function fail(path, message)
  local where = #path > 0 and " at " .. concat(path, ".") or ""
  error(errors.new { kind = "json", message = "cannot encode as JSON" .. where .. ": " .. message }, 0)
end

-- The number of a list's items; nil when the table is no list.
local function list_length(value)
  local count, greatest = 0, 0
  for key in pairs(value) do
    if type(key) ~= "number" or key < 1 or key % 1 ~= 0 then
      return nil
    end
    count = count + 1
    if key > greatest then
      greatest = key
    end
  end
  if greatest > count * 2 + 10 then
    return nil
  end
  return greatest
end

local function is_before(a, b)
  return tostring(a) < tostring(b)
end

-- The keys of an object, in the order in which they are written: the same in every process, which the order of a Lua
-- table is not.
local function ordered_keys(value, first)
  local keys, count, are_strings = { first }, 1, type(first) == "string"
  local key = next(value, first)
  while key ~= nil do
    count = count + 1
    keys[count] = key
    are_strings = are_strings and type(key) == "string"
    key = next(value, key)
  end
  if not are_strings then
    sort(keys, is_before)
  elseif count == 2 then
    if keys[2] < keys[1] then
      keys[1], keys[2] = keys[2], keys[1]
    end
  elseif count > 2 then
    sort(keys)
  end
  return keys, count
end

local KEYS_MAX = 1000
local key_texts, key_count = {}, 0 -- [key] = '"key":', for the few keys that come again and again

local function key_text(key)
  local text = key_texts[key]
  if text then
    return text
  end
  if type(key) ~= "string" and type(key) ~= "number" then
    error "no key of an object"
  end
  text = encode_plain(tostring(key)) .. ":"
  if key_count < KEYS_MAX then
    key_texts[key], key_count = text, key_count + 1
  end
  return text
end

-- The quick writer: raises anything where something cannot be written; then the careful one below says what.
local put

local function put_list(value, length, out, count, depth)
  out[count + 1] = "["
  count = count + 1
  for index = 1, length do
    if index > 1 then
      count = count + 1
      out[count] = ","
    end
    count = put(value[index], out, count, depth)
  end
  out[count + 1] = "]"
  return count + 1
end

local function put_object(value, first, out, count, depth)
  local keys, length = ordered_keys(value, first)
  for index = 1, length do
    local key = keys[index]
    out[count + 1] = index == 1 and "{" or ","
    out[count + 2] = key_text(key)
    count = put(value[key], out, count + 2, depth)
  end
  out[count + 1] = "}"
  return count + 1
end

local function put_table(value, out, count, depth)
  local mark = has_marks and getmetatable(value)
  local first = next(value)
  if first == nil then
    out[count + 1] = mark == Array and "[]" or "{}"
    return count + 1
  elseif mark == Array or (type(first) == "number" and mark ~= Object) then
    local length = list_length(value)
    if length then
      return put_list(value, length, out, count, depth)
    elseif mark == Array then
      error "no list"
    end
  end
  if type(first) == "string" and next(value, first) == nil and type(value[first]) == "string" then
    out[count + 1], out[count + 2] = "{", key_text(first)
    out[count + 3], out[count + 4] = encode_plain(value[first]), "}"
    return count + 4
  end
  return put_object(value, first, out, count, depth)
end

function put(value, out, count, depth)
  if type(value) == "table" then
    if depth > DEPTH_MAX then
      error "too deep"
    end
    return put_table(value, out, count, depth + 1)
  end
  out[count + 1] = raws[value] or encode_plain(value)
  return count + 1
end

local write

local function write_list(value, length, out, path)
  out[#out + 1] = "["
  for index = 1, length do
    if index > 1 then
      out[#out + 1] = ","
    end
    path[#path + 1] = tostring(index)
    write(value[index], out, path)
    path[#path] = nil
  end
  out[#out + 1] = "]"
end

local function write_object(value, out, path)
  out[#out + 1] = "{"
  for index, key in ipairs(next(value) ~= nil and ordered_keys(value, (next(value))) or {}) do
    if type(key) ~= "string" and type(key) ~= "number" then
      fail(path, "a key is a " .. type(key))
    end
    out[#out + 1] = (index == 1 and "" or ",") .. encode_plain(tostring(key)) .. ":"
    path[#path + 1] = tostring(key)
    write(value[key], out, path)
    path[#path] = nil
  end
  out[#out + 1] = "}"
end

local function write_table(value, out, path)
  if #path > DEPTH_MAX then
    fail({}, "it is nested deeper than " .. DEPTH_MAX .. " levels, or contains itself")
  end
  local mark = getmetatable(value)
  local length = mark ~= Object and list_length(value) or nil
  if mark == Array and not length then
    fail(path, "it is marked as an array and has keys that are no positions")
  end
  if length and (length > 0 or mark == Array) then
    write_list(value, length, out, path)
  else
    write_object(value, out, path)
  end
end

function write(value, out, path)
  local kind = type(value)
  if kind == "table" then
    write_table(value, out, path)
  elseif kind == "function" and raws[value] then
    out[#out + 1] = raws[value]
  elseif kind == "function" or kind == "thread" or (kind == "userdata" and value ~= json.null) then
    fail(path, "it is a " .. kind)
  else
    local ok, text = pcall(encode_plain, value)
    if not ok then
      fail(path, tostring(text))
    end
    out[#out + 1] = text
  end
end

-- The text of the smallest object, {name = "text"}, which has no order; nil for other values.
local function pair_text(value)
  if has_marks or type(value) ~= "table" then
    return nil
  end
  local key, item = next(value)
  if type(key) == "string" and type(item) == "string" and next(value, key) == nil then
    return "{" .. key_text(key) .. encode_plain(item) .. "}"
  end
  return nil
end

local PIECES_MAX = 1000
local pieces = {} -- of the text being written; used again, since nothing waits between

local function join(count)
  local text = count == 1 and pieces[1] or concat(pieces, "", 1, count)
  if count > PIECES_MAX then
    pieces = {}
  end
  return text
end

--- Encodes a value. Raises an error of kind "json" that names the place of what cannot be encoded.
---@param value any
---@return string
function json.encode(value)
  local pair = pair_text(value)
  if pair then
    return pair
  end
  local ok, count = pcall(put, value, pieces, 0, 0)
  if ok then
    return join(count)
  end
  local shown = unhidden(value)
  if shown then
    return json.encode(shown)
  end
  local out = {}
  write(value, out, {})
  return concat(out)
end

--- Decodes a text without raising.
---@param text string
---@return boolean ok
---@return any # the value; or a sentence that says where the text is wrong
function json.try_decode(text)
  if type(text) == "string" and find(text, "\0", 1, true) then
    return false, "a NUL byte" -- lua-cjson takes it for the end
  end
  return pcall(decode_plain, text)
end

--- Decodes a text (RFC 8259). Raises an error of kind "json" that says where it is wrong.
---@param text string
---@return any
function json.decode(text)
  local ok, value = json.try_decode(text)
  if not ok then
    error(errors.new { kind = "json", message = "not JSON: " .. tostring(value) }, 0)
  end
  return value
end

return json
