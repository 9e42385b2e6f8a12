-- tg.base64 and tg.hex: bytes as text (RFC 4648), strictly: what decodes has one text only, so that no two texts of a
-- token or a signature mean the same.
local check = require "tidegate.check"
local core = require "tidegate.core"
local errors = require "tidegate.errors"

local encoding = { base64 = {}, hex = {} }
local base64, hex = encoding.base64, encoding.hex

local function check_text(name, value)
  if type(value) ~= "string" then
    check.refuse(name .. " takes a string", value)
  end
  return value
end

local function decoded(what, text, bytes, wrong, at)
  if bytes then
    return bytes
  end
  error(errors.new { kind = "encoding", message = ("not %s: %s, at byte %d"):format(what, wrong, at), value = text }, 0)
end

--- Bytes as base64 with "+", "/" and padding (section 4).
---@param bytes string
---@return string
function base64.encode(bytes)
  return core.base64_encode(check_text("tg.base64.encode", bytes), false)
end

--- What base64 with "+", "/" and padding stands for. Raises an error of kind "encoding" for everything else.
---@param text string
---@return string
function base64.decode(text)
  return decoded("base64", text, core.base64_decode(check_text("tg.base64.decode", text), false))
end

--- Bytes as base64 with "-" and "_" and without padding (section 5), as JSON Web Tokens have it.
---@param bytes string
---@return string
function base64.encode_url(bytes)
  return core.base64_encode(check_text("tg.base64.encode_url", bytes), true)
end

--- What base64 with "-" and "_" and without padding stands for. Raises an error of kind "encoding" for everything else.
---@param text string
---@return string
function base64.decode_url(text)
  return decoded("base64url", text, core.base64_decode(check_text("tg.base64.decode_url", text), true))
end

--- Bytes as lower-case hexadecimal digits (section 8).
---@param bytes string
---@return string
function hex.encode(bytes)
  return core.hex_encode(check_text("tg.hex.encode", bytes))
end

--- What hexadecimal digits, of either case, stand for. Raises an error of kind "encoding" for everything else.
---@param text string
---@return string
function hex.decode(text)
  return decoded("hexadecimal", text, core.hex_decode(check_text("tg.hex.decode", text)))
end

return encoding
