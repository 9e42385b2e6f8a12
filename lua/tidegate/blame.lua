-- Whose is a value that could not be carried or read? The client's, where it has sent it: then the answer is 400. One
-- of the script's own, of a file or of an upstream stays a fault of the route, answered with 500.
--
-- It looks through what the client has sent only when something has failed, and then at a bounded part of it.
local core = require "tidegate.core"
local errors = require "tidegate.errors"
local json = require "tidegate.json"

local blame = {}

local VALUES_MAX = 10000 -- of what the client has sent
local SEARCHED_BYTES_MAX = 16384 -- of a text that may be made of several
local PARTS_MAX = 1000 -- that are looked for in it

-- What may be the cause that a text cannot stand somewhere: controls, or else what no URL and no name has. A slash or
-- a colon is none: a path that a client has asked for is a part of many a text.
local function oddity_of(value)
  return type(value) == "string" and (value:find "%c" and "%c" or '[ "<>\\^`{|}%%\128-\255]') or nil
end

-- What is to be found.
local Search = {}
Search.__index = Search

local function is_utf8(text)
  return core.utf8_repaired(text) == text
end

-- Is it a number in a text, of those that nobody can send?
local function is_odd_number(text)
  local number = type(text) == "string" and #text < 400 and tonumber(text)
  return number and number - number ~= 0 or false
end

-- Is this, which the client has sent, what has failed, or the odd part of it?
local function is_part_of(self, text)
  local value = self.value
  if text == value then
    return true
  elseif type(value) ~= "string" or #value > SEARCHED_BYTES_MAX or #text >= #value or self.parts >= PARTS_MAX then
    return false
  elseif not text:find(self.odd) then -- linear: one class, without a repetition
    return false
  end
  self.parts = self.parts + 1
  self.is_in_more = value:find(text, 1, true) ~= nil
  return self.is_in_more
end

function Search:check(text)
  self.left = self.left - 1
  if type(text) ~= "string" or self.left < 0 then
    return
  elseif self.is_for == "UTF-8" then
    self.found = self.found or not is_utf8(text)
  elseif self.is_for == "number" then
    self.found = self.found or is_odd_number(text)
  else
    self.found = self.found or is_part_of(self, text)
  end
end

function Search:check_list(list)
  for _, text in ipairs(list or {}) do
    self:check(text)
  end
end

function Search:check_json(value)
  if self.left < 0 or self.found then
    return
  elseif type(value) ~= "table" then
    return self:check(type(value) == "number" and tostring(value) or value)
  end
  for key, each in next, value do
    self:check(key)
    self:check_json(each)
  end
end

local function flat_pairs(text)
  return text and core.parse_pairs(text, VALUES_MAX)
end

-- The body, as far as the script has taken it whole.
local function check_body(search, request)
  local body = rawget(request, "_decoded") or rawget(request, "_body")
  if not body then
    return
  end
  search:check(body)
  search:check_list(flat_pairs(body))
  local ok, value = json.try_decode(body)
  if ok then
    search:check_json(value)
  end
end

local function check_request(search, request)
  local exchange = request._exchange
  for _, text in next, rawget(request, "params") or {} do
    search:check(text)
  end
  search:check(request.path)
  search:check(core.request_target(exchange))
  search:check_list(flat_pairs(core.request_query(exchange)))
  search:check_list(core.request_fields(exchange))
  for _, text in next, request.cookies do
    search:check(text)
  end
  check_body(search, request)
end

-- What an error is about: its value; or, of a larger one that is no JSON, what is wrong in it.
local function sought(err)
  if err.value ~= nil then
    return type(err.value) == "number" and "number" or "value"
  elseif err.kind == "json" and err.wrong then
    return err.wrong:find("UTF-8", 1, true) and "UTF-8" or err.wrong:find "NaN" and "number"
      or err.wrong:find "infinite" and "number" or nil
  end
end

local DETAILS = {
  ["UTF-8"] = "a text that was sent is not UTF-8",
  number = "a number that was sent is not a finite one",
}

local IN_A_URL = "a value that was sent cannot stand in a URL"

--- Gives an error the status 400 where the client of a request has sent what failed.
---@param request tidegate.Request
---@param err any
function blame.settle(request, err)
  local is_for = errors.is_error(err) and err.status == nil and sought(err)
  if not is_for then
    return
  end
  local search = setmetatable({
    is_for = is_for, value = err.value, odd = oddity_of(err.value), left = VALUES_MAX, parts = 0, found = false,
  }, Search)
  local ok = pcall(check_request, search, request)
  if ok and search.found then
    err.status, err.is_clients = 400, true
    err.detail = search.is_in_more and err.value:find("://", 1, true) and IN_A_URL -- whose host is not told
      or err.said or DETAILS[is_for] or err.message
  end
end

return blame
