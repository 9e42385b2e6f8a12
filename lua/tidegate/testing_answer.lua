-- t.answer: what an upstream of a test answers, where that is more than a text or a table.
--
-- A plain table is always JSON, so {status = "active"} is a body like any other; status, headers and failures are said
-- by t.answer alone.
local check = require "tidegate.check"
local core = require "tidegate.core"
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

--- What can go wrong with an upstream.
testing_answer.failures = {
  refused = "nobody listens",
  reset = "closes the connection before it answers",
  silence = "never answers",
  garbage = "answers with bytes that are not HTTP",
}

local function is_positive(value)
  return type(value) == "number" and value >= 0 and value < math.huge
end

local function is_whole(value)
  return is_positive(value) and value % 1 == 0
end

-- What every upstream, and every answer of one, may say of how it behaves.
local behaviours = {
  latency = { is_positive, "a number of seconds" },
  failure = {
    function(value)
      return testing_answer.failures[value] ~= nil
    end, '"refused", "reset", "silence" or "garbage"',
  },
  truncate_at = { is_whole, "a number of bytes" },
  drip = {
    function(value)
      return type(value) == "table" and (value.bytes == nil or is_whole(value.bytes) and value.bytes > 0)
        and (value.seconds == nil or is_positive(value.seconds))
    end, "{bytes = how many at a time, seconds = the pause between}",
  },
}

local function check_one(name, field, value, wanted)
  if not wanted[1](value) then
    check.refuse(("%s: %s must be %s"):format(name, field, wanted[2]), value)
  end
end

--- Checks what fields say of behaviour. Raises at the caller's place.
---@param name string of the function, for the message
function testing_answer.check_behaviour(name, fields)
  for field, wanted in pairs(behaviours) do
    if fields[field] ~= nil then
      check_one(name, field, fields[field], wanted)
    end
  end
end

local known = check.options_of("t.answer", {
  { "status", function(value)
    return is_whole(value) and value >= 100 and value <= 599
  end, "a whole number from 100 to 599" },
  { "headers", "table", "a table" },
  { "body", "any" },
  { "latency", "any" }, { "failure", "any" }, { "truncate_at", "any" }, { "drip", "any" },
}, { code = "status", delay = "latency", json = "body", text = "body" }, "field")

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
  testing_answer.check_behaviour("t.answer", fields)
  if fields.failure == "refused" then
    core.raise 't.answer: an upstream that has got a request has not refused it; say failure = "refused" in t.upstream'
  end
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
