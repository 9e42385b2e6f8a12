-- Errors as values, and what becomes of them: one place turns any error into a response.
local core = require "tidegate.core"
local task = require "tidegate.task"
local short = require("tidegate.text").short

local errors = {}

--- An error with a kind that code can test and a message that people can read.
---@class tidegate.Error
---@field kind string "abort", "json", "status", "value" for what cannot be carried, or why a call failed: "connect",
--- "closed", "protocol", "too_large", "timeout", "busy", "memory"
---@field message string
---@field cause any what it was made of
---@field status integer? the status that an uncaught one is answered with
---@field detail string? what its answer says of it
---@field headers table<string, string|string[]>? of its answer
---@field fields table<string, any>? further members of its problem
---@field value any? what could not be read or carried; blame.lua says whether the client has sent it
---@field unwritten any? what could not be written as JSON, with something in it that is wrong
---@field said string? the message without a place
---@field is_clients boolean? then the answer is 400, and it is no fault of the route's
local Error = { __name = "tidegate.Error" }
Error.__index = Error
function Error.__tostring(self)
  return self.message
end

---@param fields table kind, message, …
---@return tidegate.Error
function errors.new(fields)
  return setmetatable(fields, Error)
end

---@param value any
---@return boolean
function errors.is_error(value)
  return getmetatable(value) == Error
end

core.on_value_error(function(message, said, value)
  error(errors.new { kind = "value", message = message, said = said, value = value }, 0)
end)

--- Ends the request with a status and a problem+json body (RFC 9457). It takes what it is given; tg.abort (abort.lua)
--- checks it first.
---@param status integer 400 to 599
---@param detail? string for the client
---@param headers? table<string, string|string[]>
---@param fields? table<string, any> further members of the problem
function errors.abort(status, detail, headers, fields)
  local message = ("%d %s%s"):format(status, core.status_reason(status), detail and ": " .. tostring(detail) or "")
  error(errors.new {
    kind = "abort", status = status, detail = detail, headers = headers, fields = fields, message = message,
  }, 0)
end

-- What LuaJIT raises instead of a stack overflow where the handler, which takes the traceback, overflows as well.
local NO_ROOM = "error in error handling"

-- The usual fields of a table that somebody raised; the others are left out, for the text goes to the log.
local function table_text(value)
  local fields = {}
  for _, name in ipairs { "message", "kind", "code", "status", "reason" } do
    local field = rawget(value, name)
    if type(field) == "string" or type(field) == "number" then
      fields[#fields + 1] = ("%s = %s"):format(name, field)
    end
  end
  return #fields > 0 and "a table, " .. table.concat(fields, ", ") or "a table without a message"
end

local function text_of(value)
  if value == NO_ROOM then
    return "stack overflow, and no room for a traceback"
  end
  local metatable = debug.getmetatable(value)
  if type(value) == "table" and not (metatable and rawget(metatable, "__tostring")) then
    return table_text(value)
  end
  local ok, text = pcall(tostring, value)
  return ok and type(text) == "string" and text or "an error whose __tostring fails"
end

--- An error as text for the log, short enough for it, also where its own __tostring fails.
---@param value any
---@return string
function errors.text(value)
  return short(text_of(value))
end

--- What an error is answered with.
---@param value any the error
---@return integer status
---@return string? detail
---@return boolean is_fault does it belong into the log, with its traceback?
function errors.describe(value)
  if task.is_cancellation(value) then
    return 503, value.reason == "shutdown" and "the gateway is shutting down" or nil, false
  elseif not errors.is_error(value) then
    return 500, nil, true
  end
  if value.kind == "abort" or value.is_clients then
    return value.status, value.detail, false
  end
  return value.status or 500, value.detail, true
end

return errors
