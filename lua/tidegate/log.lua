-- The log: one line a message on standard error, control characters escaped.
local core = require "tidegate.core"

local log = {}

local ranks = { debug = 1, info = 2, warn = 3, error = 4 }
local threshold = ranks.info

--- Sets the least level that is written.
---@param level "debug"|"info"|"warn"|"error"
function log.set_level(level)
  threshold = ranks[level]
    or core.raise(("no log level %q; there are debug, info, warn and error"):format(tostring(level)))
end

local function write(level, message, ...)
  if ranks[level] < threshold then
    return
  end
  message = tostring(message)
  if select("#", ...) > 0 then
    local ok, text = pcall(string.format, message, ...)
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
