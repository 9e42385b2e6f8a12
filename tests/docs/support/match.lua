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

-- The names of members stand in the order in which the program writes them; "…" may stand for some of them.
local function order_fits(expected, actual)
  local rest = actual:gmatch('"([^"]*)"%s*:')
  for name in expected:gmatch('"([^"]*)"%s*:') do
    local other
    repeat
      other = rest()
    until other == nil or text_fits(name, other)
    if other == nil then
      return false
    end
  end
  return true
end

local function json_fits(expected, actual)
  local is_json, wanted = tg.json.try_decode(with_quotes(expected))
  local also, value = tg.json.try_decode(actual)
  if not (is_json and also) then
    return false
  end
  local same_empties = expected:find(ANY, 1, true) or empties(expected) == empties(actual)
  return same_empties and fits(wanted, value) and order_fits(expected, actual)
end

--- Raises where a body or an output is not what the page shows.
function match.text(place, expected, actual)
  actual = actual:gsub("\n$", "")
  if not text_fits(expected, actual) and not json_fits(expected, actual) then
    error(("%s shows\n%s\nand the answer is\n%s"):format(place, expected, actual), 0)
  end
end

-- The head's first line, its other lines, and the body of what a page shows.
local function split(expected)
  local head, body = expected:match("^(.-)\n\n(.*)$")
  local lines = {}
  for line in ((head or expected) .. "\n"):gmatch("(.-)\n") do
    lines[#lines + 1] = line
  end
  return table.remove(lines, 1), lines, body or ""
end

local function line_fits(expected, actual)
  local name, value = expected:match("^([^:]+): (.*)$")
  local other, text = actual:match("^([^:]+): (.*)$")
  return name and other and name:lower() == other:lower() and text_fits(value, text)
end

-- Takes the first line that fits out of a list; nil where there is none.
local function take(lines, expected)
  for index, actual in ipairs(lines) do
    if line_fits(expected, actual) then
      return table.remove(lines, index)
    end
  end
end

-- Every line that is shown is in the head, and nothing else is, but where a line of "…" stands for it.
local function check_fields(place, shown, head)
  local left, others = {}, false
  for line in head:gmatch("\n([^\r\n]+)") do
    left[#left + 1] = line
  end
  for _, expected in ipairs(shown) do
    if expected == ANY then
      others = true
    elseif not take(left, expected) then
      error(("%s shows %s\nand the answer has\n%s"):format(place, expected, head), 0)
    end
  end
  if left[1] and not others then
    error(("%s does not show %s\nof the answer\n%s"):format(place, left[1], head), 0)
  end
end

--- Raises where an answer is not what the page shows with `curl -i`.
---@param answer tests.Answer
function match.answer(place, expected, answer)
  local status, lines, body = split(expected)
  match.text(place, status, (answer.head:match("^[^\r\n]*")))
  check_fields(place, lines, answer.head)
  match.text(place, body, answer.body)
end

return match
