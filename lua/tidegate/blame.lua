-- Whose is a value that could not be carried or read? The client's, where it has sent it: then the answer is 400. One
-- of the script's own, of a file or of an upstream stays a fault of the route, answered with 500.
--
-- An error says which value it is about. That is looked for, only when something has failed, in a bounded part of what
-- the client has sent: it must be there whole, or what was sent must be a part of it that is wrong by itself.
local core = require "tidegate.core"
local errors = require "tidegate.errors"
local json = require "tidegate.json"

local blame = {}

local VALUES_MAX = 10000 -- of what the client has sent, and of what could not be written as JSON
local SEARCHED_BYTES_MAX = 2048 -- of a text that may be made of several
local PARTS_MAX = 100 -- that are looked for in it

-- What is to be found: `values` and `numbers` that are wrong.
local Search = {}
Search.__index = Search

local function is_utf8(text)
  return core.utf8_repaired(text) == text
end

local function is_odd(number)
  return number - number ~= 0
end

-- What cannot be in a field, or what no URL and no name has. A slash or a colon is neither: a path that a client has
-- asked for is a part of many a text.
local function is_wrong_by_itself(self, text)
  if self.is_for_json then
    return not is_utf8(text)
  end
  return text:find(self.value:find "%c" and "%c" or '[ "<>\\^`{|}%%\128-\255]') ~= nil -- linear: one class
end

-- Has the client sent a part of a value, and is that what is wrong with it?
local function is_part_of(self, value, text)
  if #value > SEARCHED_BYTES_MAX or #text >= #value or text == "" or self.parts >= PARTS_MAX then
    return false
  end
  self.parts = self.parts + 1
  return is_wrong_by_itself(self, text) and value:find(text, 1, true) ~= nil
end

function Search:check(text)
  self.left = self.left - 1
  if type(text) ~= "string" or self.left < 0 or self.found then
    return
  elseif self.values[text] then
    self.found = "whole"
  elseif next(self.numbers) and #text < 400 then
    local number = tonumber(text)
    self.found = number and self.numbers[tostring(number)] and "whole"
  end
  for value in next, self.may_be_made and not self.found and self.values or {} do
    self.found = is_part_of(self, value, text) and "part" or nil
    if self.found then
      return
    end
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

local function check_params(search, request)
  for _, text in next, rawget(request, "params") or {} do
    search:check(text)
  end
end

local function check_request(search, request)
  local exchange = request._exchange
  check_params(search, request)
  if not search.may_be_made then
    search.values[""] = nil -- an empty text is in many a request, and tells nobody's
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

-- Notes what in a value cannot be written as JSON: texts, or numbers.
local function note_wrong(search, kind, value, depth)
  search.left = search.left - 1
  if search.left < 0 or depth > 100 then
    return
  elseif kind == "text" and type(value) == "string" and not is_utf8(value) then
    search.values[value] = true
  elseif kind == "number" and type(value) == "number" and is_odd(value) then
    search.numbers[tostring(value)] = true
  elseif type(value) == "table" then
    for key, each in next, value do
      note_wrong(search, kind, key, depth + 1)
      note_wrong(search, kind, each, depth + 1)
    end
  end
end

-- What of JSON could not be written, by the last words of the message.
local function kind_of(err)
  local why = err.message:match "^.*: (.*)$" or ""
  return why:find("UTF-8", 1, true) and "text" or (why:find "NaN" or why:find "infinite") and "number"
end

-- What an error is about; nil where that is nothing that a client can send.
local function search_of(err)
  local value, unwritten = err.value, err.unwritten
  if unwritten == nil and type(value) == "table" then
    unwritten = value
  end
  local search = setmetatable({
    values = {}, numbers = {}, parts = 0, left = VALUES_MAX, value = value, is_for_json = unwritten ~= nil,
    may_be_made = err.kind == "value" or unwritten ~= nil,
  }, Search)
  if unwritten ~= nil then
    note_wrong(search, kind_of(err), unwritten, 0)
  elseif type(value) == "string" then
    search.values[value] = true
  elseif type(value) == "number" then
    search.numbers[tostring(value)] = true
  end
  search.left = VALUES_MAX
  return (next(search.values) or next(search.numbers)) and search or nil
end

-- A text of which the client has sent a part is not told: the rest is not its own.
local function detail_of(err, search)
  if search.is_for_json then
    return next(search.values) and "a text that was sent is not UTF-8" or "a number that was sent is not a finite one"
  end
  local said = err.said or err.message
  if search.found == "whole" or not said:find('"', 1, true) then
    return said
  end
  return said:find("^the URL ") and "a value that was sent cannot stand in a URL"
    or "a value that was sent cannot be used as it is"
end

--- The error itself; or, where the client of a request has sent what failed, another one with the status 400.
---@param request tidegate.Request
---@param err any
---@return any
function blame.judge(request, err)
  local search = errors.is_error(err) and err.status == nil and search_of(err)
  if not search or not pcall(check_request, search, request) or not search.found then
    return err
  end
  local judged = {}
  for name, value in next, err do
    judged[name] = value
  end
  judged.status, judged.is_clients, judged.detail = 400, true, detail_of(err, search)
  return errors.new(judged)
end

return blame
