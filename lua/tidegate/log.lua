-- The log: one line a message on standard error, control characters escaped, of 8 KiB at most.
local core = require "tidegate.core"

local shown = require("tidegate.text").shown

local log = {}

local ranks = { debug = 1, info = 2, warn = 3, error = 4 }
local threshold = ranks.info

--- Sets the least level that is written.
---@param level "debug"|"info"|"warn"|"error"
function log.set_level(level)
  threshold = ranks[level]
    or core.raise(("no log level %q; there are debug, info, warn and error"):format(tostring(level)))
end

-- The arguments of a format, where a number that %s writes is a text with all its digits.
local function with_every_digit(format, ...)
  local arguments, index = { ... }, 0
  for directive in format:gsub("%%%%", ""):gmatch "%%[^%a%%]*(%a)" do
    index = index + 1
    if directive == "s" and type(arguments[index]) == "number" then
      arguments[index] = shown(arguments[index])
    end
  end
  return unpack(arguments, 1, select("#", ...))
end

local function write(level, message, ...)
  if ranks[level] < threshold then
    return
  end
  message = shown(message)
  if select("#", ...) > 0 then
    local ok, text = pcall(string.format, message, with_every_digit(message, ...))
    if not ok then
      core.raise(("tg.log: %s in the format %q"):format(tostring(text):gsub("^.*: ", ""), message))
    end
    message = text
  end
  core.log(level, message)
end

--- Writes a message; with further arguments it is a format of string.format.
function log.debug(message, ...)
  write("debug", message, ...)
end

function log.info(message, ...)
  write("info", message, ...)
end

function log.warn(message, ...)
  write("warn", message, ...)
end

function log.error(message, ...)
  write("error", message, ...)
end

return log
