-- Values of scripts as text on the wire: in queries, forms, paths, cookies, bodies. LuaJIT's tostring keeps fourteen
-- digits of a number, which makes another number of an identifier or a price; here it stays the same.
local cjson = require "cjson"
local core = require "tidegate.core"

local number_text = core.number_text
local type, tostring = type, tostring

local text = {}

local WHOLE_MAX = 1e14 -- up to here tostring writes a whole number's every digit

--- The text of a number. Raises for NaN and the infinities, which nobody could read.
---@param value number
---@param place string what the value is for, as in "query page"
---@return string
function text.number(value, place)
  if value % 1 == 0 and value < WHOLE_MAX and value > -WHOLE_MAX then
    return tostring(value)
  elseif value - value ~= 0 then
    core.raise_value(("%s: %s is not a number that can be sent"):format(place, tostring(value)), value)
  end
  return number_text(value)
end

local number = text.number

--- The text of a string, a number or a boolean. Raises for everything else: a table's address means nothing to anybody.
---@param value string|number|boolean
---@param place string what the value is for, as in "cookie id"
---@param wanted? string what may stand there, for the message
---@return string
function text.of(value, place, wanted)
  local kind = type(value)
  if kind == "string" then
    return value
  elseif kind == "number" then
    return number(value, place)
  elseif kind == "boolean" then
    return tostring(value)
  end
  return core.raise(("%s: a value must be %s, not %s"):format(place, wanted or "a string, a number or a boolean",
    kind == "nil" and "nil" or value == cjson.null and "null" or "a " .. kind))
end

--- A value as people read it in a log: as text.of, and never an error.
---@return string
function text.shown(value)
  if type(value) == "number" and value - value == 0 then
    return number(value, "")
  end
  return tostring(value)
end

local SHORT_BYTES_MAX = 1024

--- What comes from outside (a path, an error's text), short enough for a line of the log: of more than 1 KiB it is the
--- beginning, and how long the whole is.
---@param whole string
---@return string
function text.short(whole)
  return #whole <= SHORT_BYTES_MAX and whole or core.printable(whole, SHORT_BYTES_MAX)
end

return text
