-- t.answer: what an upstream of a test answers, where that is more than a text or a table.
--
-- A plain table is always JSON, so {status = "active"} is a body like any other; status, headers and failures are said
-- by t.answer alone.
local check = require "tidegate.check"
local json = require "tidegate.json"

local testing_answer = {}

---@class tidegate.TestAnswer
---@field status integer
---@field headers table<string, string|number|(string|number)[]>
---@field body string
---@field latency number? seconds before it
---@field failure "reset"|"silence"|"garbage"|nil
---@field truncate_at integer? bytes of the body, behind which the connection ends
---@field drip {bytes: integer?, seconds: number?}?
local Answer = { __name = "tidegate.TestAnswer" }
Answer.__index = Answer

-- "refused": nobody listens; "reset" closes the connection before it answers, "silence" never answers, "garbage" sends
-- bytes that are not HTTP.
local failures = { refused = true, reset = true, silence = true, garbage = true }

local is_time = check.number(0)

local function is_whole(value)
  return is_time(value) and value % 1 == 0
end

local function is_drip(value)
  return type(value) == "table" and (value.bytes == nil or is_whole(value.bytes) and value.bytes > 0)
    and (value.seconds == nil or is_time(value.seconds))
end

--- The fields of a function, and behind them what every upstream, and every answer of one, may say of how it behaves.
---@param name string of the function
---@param entries table[] as check.options_of takes them
---@param also table<string, string>
---@param failing table<string, true>? the failures that it may have; every one where it is left out
---@param listed string? these, for the message
---@return tidegate.Options
function testing_answer.options_of(name, entries, also, failing, listed)
  failing, listed = failing or failures, listed or '"refused", "reset", "silence" or "garbage"'
  entries[#entries + 1] = { "latency", is_time, "a number of seconds" }
  entries[#entries + 1] = { "failure", function(value)
    return failing[value]
  end, listed }
  entries[#entries + 1] = { "truncate_at", is_whole, "a number of bytes" }
  entries[#entries + 1] = { "drip", is_drip, "{bytes = how many at a time, seconds = the pause between}" }
  return check.options_of(name, entries, also, "field")
end

local OF_AN_ANSWER = { reset = true, silence = true, garbage = true }
local WHICH = '"reset", "silence" or "garbage" ("refused" is for t.upstream: an upstream that answers has not refused)'

local known = testing_answer.options_of("t.answer", {
  { "status", function(value)
    return is_whole(value) and value >= 100 and value <= 599
  end, "a whole number from 100 to 599" },
  { "headers", "table", "a table" },
  { "body", "any" },
}, { code = "status", delay = "latency", json = "body", text = "body" }, OF_AN_ANSWER, WHICH)

local function text_of(body)
  if type(body) == "string" then
    return body
  end
  return json.encode(body)
end

-- The headers, with a Content-Type for a body that was no text.
local function headers_of(fields)
  local headers, has_type = {}, false
  for name, value in pairs(fields.headers or {}) do
    headers[name] = value
    has_type = has_type or tostring(name):lower() == "content-type"
  end
  if not has_type and fields.body ~= nil then
    headers["Content-Type"] = type(fields.body) == "string" and "text/plain; charset=utf-8" or "application/json"
  end
  return headers
end

--- An answer in full: {status, headers, body, latency, failure, truncate_at, drip}. A body that is no string is sent as
--- JSON; a header's value may be a list.
---@param fields table
---@return tidegate.TestAnswer
function testing_answer.new(fields)
  if type(fields) ~= "table" then
    check.refuse("t.answer takes a table of status, headers and body", fields)
  end
  check.options(known, fields)
  return setmetatable({
    status = fields.status or 200,
    headers = headers_of(fields),
    body = fields.body == nil and "" or text_of(fields.body),
    latency = fields.latency,
    failure = fields.failure,
    truncate_at = fields.truncate_at,
    drip = fields.drip,
  }, Answer)
end

--- What a route of an upstream gives, as an answer: a table or any other value is JSON, a string is text.
---@param value any
---@return tidegate.TestAnswer
function testing_answer.of(value)
  if getmetatable(value) == Answer then
    return value
  end
  return testing_answer.new { body = value }
end

return testing_answer
