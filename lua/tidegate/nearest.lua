-- The name that somebody may have meant: of a list, the one most like a wrong one.
local nearest = {}

local BYTES_MAX = 40 -- of names that are compared: the work grows with its square

local function plain(name)
  return (name:lower():gsub("[-_ ]", ""))
end

-- How many letters must be put in, taken out, changed or swapped with the next one to make one text of another.
local function distance(a, b)
  local before, row = {}, {}
  for column = 0, #b do
    row[column] = column
  end
  for line = 1, #a do
    local older = before
    before, row = row, { [0] = line }
    for column = 1, #b do
      local cost = a:byte(line) == b:byte(column) and 0 or 1
      local least = math.min(before[column] + 1, row[column - 1] + 1, before[column - 1] + cost)
      if line > 1 and column > 1 and a:byte(line) == b:byte(column - 1) and a:byte(line - 1) == b:byte(column) then
        least = math.min(least, older[column - 2] + 1)
      end
      row[column] = least
    end
  end
  return row[#b]
end

-- Is one the beginning of the other, as "timeout" is of "timeout_ms"?
local function begins(a, b)
  local short, long = #a < #b and a or b, #a < #b and b or a
  return #short >= 4 and long:sub(1, #short) == short
end

--- The nearest of the names; nil where none is near.
---@param name string
---@param names string[]
---@return string?
function nearest.of(name, names)
  local wrong = plain(name)
  if #wrong > BYTES_MAX or wrong == "" then
    return nil
  end
  local best, least = nil, math.floor(#wrong / 3) + 0.5
  for _, each in ipairs(names) do
    local right = plain(each)
    local steps = distance(wrong, right)
    if begins(wrong, right) then
      steps = math.min(steps, 1)
    end
    if steps < least then
      best, least = each, steps
    end
  end
  return best
end

return nearest
