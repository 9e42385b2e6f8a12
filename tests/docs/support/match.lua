-- Is an answer what a page says? "…" in the page stands for anything.
local tg = require "tidegate"

local match = {}

local ANY = "…"

-- Does `actual` fit a text in which "…" stands for anything?
local function text_fits(expected, actual)
  if not expected:find(ANY, 1, true) then
    return expected == actual
  end
  local pattern = expected:gsub("[%^%$%(%)%%%.%[%]%*%+%-%?]", "%%%0"):gsub(ANY, ".*")
  return actual:find("^" .. pattern .. "$") ~= nil
end

local fits

local function list_fits(expected, actual)
  local count = #expected
  local more = expected[count] == ANY
  for index = 1, more and count - 1 or count do
    if not fits(expected[index], actual[index]) then
      return false
    end
  end
  return more or #actual == count
end

local function object_fits(expected, actual)
  for key, value in pairs(expected) do
    if not fits(value, actual[key]) then
      return false
    end
  end
  for key in pairs(actual) do
    if expected[key] == nil then
      return false
    end
  end
  return true
end

function fits(expected, actual)
  if expected == ANY then
    return actual ~= nil
  elseif type(expected) ~= type(actual) then
    return false
  elseif type(expected) == "string" then
    return text_fits(expected, actual)
  elseif type(expected) ~= "table" then
    return expected == actual
  elseif #expected > 0 then
    return list_fits(expected, actual)
  end
  return object_fits(expected, actual)
end

-- lua-cjson decodes [] and {} alike.
local function empties(text)
  local _, lists = text:gsub("%[%s*%]", "")
  local _, objects = text:gsub("{%s*}", "")
  return lists * 1000 + objects
end

-- JSON in which a bare … is a string, as it is already within one.
local function with_quotes(text)
  local within = text:gsub('"[^"]*"', function(literal)
    return (literal:gsub(ANY, "\1"))
  end)
  return (within:gsub(ANY, '"' .. ANY .. '"'):gsub("\1", ANY))
end

local function json_fits(expected, actual)
  local is_json, wanted = tg.json.try_decode(with_quotes(expected))
  local also, value = tg.json.try_decode(actual)
  if not (is_json and also) then
    return false
  end
  local same_empties = expected:find(ANY, 1, true) or empties(expected) == empties(actual)
  return same_empties and fits(wanted, value)
end

--- Raises where a body or an output is not what the page shows.
function match.text(place, expected, actual)
  actual = actual:gsub("\n$", "")
  if not text_fits(expected, actual) and not json_fits(expected, actual) then
    error(("%s shows\n%s\nand the answer is\n%s"):format(place, expected, actual), 0)
  end
end

-- "HTTP/1.1 200 OK", fields as {name, value} and the body of what a page shows.
local function split(expected)
  local head, body = expected:match("^(.-)\n\n(.*)$")
  head = head or expected
  local fields = {}
  for name, value in head:gmatch("\n([%w-]+): ([^\n]*)") do
    fields[#fields + 1] = { name = name, value = value }
  end
  return head:match("^[^\n]*"), fields, body or ""
end

local function field_is_there(head, field)
  for name, value in head:gmatch("\n([^:\r\n]+): ([^\r\n]*)") do
    if name:lower() == field.name:lower() and text_fits(field.value, value) then
      return true
    end
  end
  return false
end

--- Raises where an answer is not what the page shows with `curl -i`.
---@param answer tests.Answer
function match.answer(place, expected, answer)
  local status, fields, body = split(expected)
  match.text(place, status, (answer.head:match("^[^\r\n]*")))
  for _, field in ipairs(fields) do
    if not field_is_there(answer.head, field) then
      error(("%s shows %s: %s\nand the answer has\n%s"):format(place, field.name, field.value, answer.head), 0)
    end
  end
  match.text(place, body, answer.body)
end

return match
