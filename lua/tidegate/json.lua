-- JSON (RFC 8259): what is decoded encodes to the same document again, and what cannot be JSON is refused. The work is
-- done in C: bind/json_decode.c reads with yyjson, bind/json_encode.c writes.
--
-- Every decoded table has a metatable that says whether it is a list or an object, so that it stays one however it is
-- changed. A table that has none is a list where its keys are 1 to n without a gap, and an object otherwise; keys that
-- are numbers become text there. Tables are read without their metamethods; maps of multimap.lua are what they show.
-- Members are written in the order of the bytes of their names, so that equal values make equal texts, everywhere.
local check = require "tidegate.check"
local core = require "tidegate.core"
local errors = require "tidegate.errors"
local multimap = require "tidegate.multimap"
local marks = require("tidegate.plain").marks

local error, setmetatable, type = error, setmetatable, type

local json = {}

local Raw = { __name = "tidegate.json.raw" }
local encode, try_decode, respond =
  core.json_functions(marks.list, marks.object, Raw, multimap.HELD, "values", "__name")

--- What JSON's null decodes to and encodes from. It is lua-cjson's, too.
json.null = require("cjson").null

--- The sentence of try_decode for a text that is empty or blank.
json.EMPTY = select(2, try_decode "")

local function check_table(name, value)
  if value ~= nil and type(value) ~= "table" then
    check.refuse(("json.%s takes a table"):format(name), value)
  end
  return value or {}
end

--- Marks a list, so that it encodes as an array even when it is empty or has gaps, which become null.
---@param list? table
---@return table # the same table
function json.array(list)
  return setmetatable(check_table("array", list), marks.list)
end

--- Marks a table, so that it encodes as an object even when its keys are 1, 2, 3.
---@param fields? table
---@return table # the same table
function json.object(fields)
  return setmetatable(check_table("object", fields), marks.object)
end

--- JSON text that goes into the answer as it is.
---@param bytes string valid JSON; nobody checks it
---@return table # opaque: put it where a value goes
function json.raw(bytes)
  if type(bytes) ~= "string" then
    check.refuse("json.raw takes a string of JSON", bytes)
  end
  return setmetatable({ bytes }, Raw)
end

--- Raises an error of kind "json".
---@param wrong string " at a.b.3: it is a function"
---@param value any what could not be encoded
function json._refuse(wrong, value)
  error(errors.new { kind = "json", message = "cannot encode as JSON" .. wrong, unwritten = value }, 0)
end

--- Encodes a value. Raises an error of kind "json" that names the place of what cannot be encoded.
---@param value any
---@return string
function json.encode(value)
  local text, wrong = encode(value)
  return text or json._refuse(wrong, value)
end

--- Encodes a value as the answer of an exchange, and sends that where it is small: its text is no string then.
---@param exchange userdata
---@param value any
---@param below integer bytes that are too many
---@return true|string|nil # true where it is sent; otherwise the text, or nil
---@return string? # and what is wrong with the value, for json._refuse
json._respond = respond

--- Decodes a text without raising.
---@param text string
---@return boolean ok
---@return any # the value; or a sentence that says where the text is wrong
json.try_decode = try_decode

--- Decodes a text. Raises an error of kind "json" that says where it is wrong.
---@param text string
---@return any
function json.decode(text)
  local ok, value = try_decode(text)
  if not ok then
    error(errors.new { kind = "json", message = "not JSON: " .. value, value = text }, 0)
  end
  return value
end

return json
