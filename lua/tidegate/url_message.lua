-- What is wrong with a URL, for people.
local check = require "tidegate.check"
local core = require "tidegate.core"

local SHOWN_BYTES_MAX = 300

local url_message = {}

--- A URL for a message: the end of a long one is left out.
---@param text any
---@return string
function url_message.shown(text)
  text = tostring(text)
  return #text > SHOWN_BYTES_MAX and text:sub(1, SHOWN_BYTES_MAX) .. "…" or text
end

--- Raises an error of kind "value" for a text, with the place of the user's code that called.
---@param text any what should have been a URL
---@param message string "has …"
function url_message.fail(text, message)
  if type(text) ~= "string" then
    core.raise(("a URL must be a string, not %s"):format(check.shown(text)))
  end
  core.raise_value(("the URL %q %s"):format(url_message.shown(text), message), text)
end

return url_message
