-- The log: one line a message on standard error, as text or as JSON. A message and its fields are bounded, what could
-- pass for a line or control a terminal is escaped, and no call raises for what it is given.
local core = require "tidegate.core"
local log_fields = require "tidegate.log_fields"
local request_id = require "tidegate.request_id"
local text = require "tidegate.text"

-- A value as text, also where its own __tostring fails; a table as JSON.
local function shown(value)
  return log_fields.own_text(value) or type(value) == "table" and log_fields.text(value) or text.shown(value)
end

local log = {}

local ranks = { debug = 1, info = 2, warn = 3, error = 4 }
local threshold = ranks.info
local is_json = false
local kept -- a test's list of what is logged

local RESERVED = { time = true, level = true, message = true, request = true }
local KEPT_MAX = 10000

--- Sets the least level that is written.
---@param level "debug"|"info"|"warn"|"error"
function log.set_level(level)
  threshold = ranks[level]
    or core.raise(("there is no log level %q; the levels are debug, info, warn and error"):format(tostring(level)))
end

--- Sets how lines are written.
---@param format "text"|"json"
function log.set_format(format)
  if format ~= "text" and format ~= "json" then
    core.raise(("there is no log format %q; the formats are text and json"):format(tostring(format)))
  end
  is_json = format == "json"
  core.log_format(format)
end


---@class tidegate.LogEntry
---@field level "debug"|"info"|"warn"|"error"
---@field message string
---@field fields table<string, any> what was given; {} without
---@field time number as tg.time()
---@field request string? the id of the request that has logged it

local function keep(level, message, fields, request)
  if #kept < KEPT_MAX then
    kept[#kept + 1] = {
      level = level, message = message, fields = log_fields.copy(fields or {}), time = core.time(), request = request,
    }
  end
end

--- For tests: what is logged from here on stands in the list, too; lines of C's own as soon as the test has waited.
---@param list tidegate.LogEntry[]
function log._keep(list)
  kept = list
  core.on_log_line(keep)
end

-- The members of a line in JSON behind the message.
local function json_members(fields, request)
  return (request and ',"request":' .. core.json_shown(request, 256) or "")
    .. (fields and log_fields.render(fields, RESERVED) or "")
end

local function emit(level, message, fields)
  local request = (is_json or kept) and request_id.running() or nil
  if kept then
    keep(level, message, fields, request)
  end
  if is_json then
    core.log(level, message, json_members(fields, request))
  elseif fields then
    core.log(level, message, log_fields.render(fields))
  else
    core.log(level, message)
  end
end

--- A line of the gateway's own, which says in words what JSON has in fields.
---@param level "debug"|"info"|"warn"|"error"
---@param whole string the message as text
---@param message string? … and beside the fields; the same where it is nil
---@param fields table? `request` among them is the id of the one that it is about
function log._own(level, whole, message, fields)
  if ranks[level] < threshold then
    return
  elseif not is_json and not kept then
    return core.log(level, whole)
  end
  fields = fields and log_fields.copy(fields) or {}
  local request = fields.request or request_id.running()
  fields.request = nil
  if kept then
    keep(level, message or whole, fields, request)
  end
  if is_json then
    core.log(level, message or whole, json_members(fields, request))
  else
    core.log(level, whole)
  end
end

-- The arguments of a format, where a number that %s writes is a text with all its digits.
local function with_every_digit(format, ...)
  local arguments, index = { ... }, 0
  for directive in format:gsub("%%%%", ""):gmatch "%%[^%a%%]*(%a)" do
    index = index + 1
    if directive == "s" then
      arguments[index] = shown(arguments[index])
    end
  end
  return unpack(arguments, 1, select("#", ...))
end

-- Where the arguments do not fit their format, both are written, and why: a line of the log is no reason to fail.
local function formatted(message, ...)
  local ok, line = pcall(string.format, message, with_every_digit(message, ...))
  if ok then
    return line
  end
  local why = tostring(line):gsub("^.*: ", "")
  local given = {}
  for index = 1, select("#", ...) do
    given[index] = shown((select(index, ...)))
  end
  return ("%s [%s; it was given %s]"):format(message, why, table.concat(given, ", "))
end

-- Is it a table of fields, and no object that has a text of its own, like an error?
local function are_fields(value)
  return type(value) == "table" and log_fields.own_text(value) == nil
end

local function write(level, message, ...)
  if ranks[level] < threshold then
    return
  end
  local count = select("#", ...)
  message = shown(message)
  if count == 1 and are_fields((...)) then
    return emit(level, message, (...))
  elseif count > 0 then
    message = formatted(message, ...)
  end
  emit(level, message)
end

--- Writes a message. With a table behind it, it has fields: log.info("paid", { order = 7 }). With other arguments it
--- is a format of string.format: log.info("paid %d", 7).
---@param message any
---@param ... any fields, or arguments
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
