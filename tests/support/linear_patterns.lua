-- Which patterns take time that grows with the square of a text's length, or worse.
--
-- The matcher tries again wherever it has a choice: an unanchored pattern at every place of the text, a repetition at
-- every length. That is linear as long as what is scanned anew for each choice is another part of the text. It is not
-- where two repetitions can take the same bytes, nothing between them tells where one ends, and something behind them
-- can fail: "[^/]*$" scans a segment again from each of its bytes, "^(.-)%s*$" a run of spaces.
local linear_patterns = {}

-- {[byte] = true} of what a single item, "a", "%d", "[^,]" or ".", takes.
local function set_of(item)
  local set = {}
  for byte = 0, 255 do
    set[byte] = string.char(byte):find("^" .. item .. "$") ~= nil or nil
  end
  return set
end

local EVERY = set_of "."
EVERY[0] = true

local function intersects(a, b)
  for byte in pairs(a) do
    if b[byte] then
      return true
    end
  end
  return false
end

local function contains(outer, inner)
  for byte in pairs(inner) do
    if not outer[byte] then
      return false
    end
  end
  return true
end

-- Where the item that begins at `at` ends.
local function end_of_item(pattern, at)
  local char = pattern:sub(at, at)
  if char == "%" then
    return at + 1
  elseif char ~= "[" then
    return at
  end
  at = at + 1
  if pattern:sub(at, at) == "^" then
    at = at + 1
  end
  repeat
    at = pattern:sub(at, at) == "%" and at + 2 or at + 1
    assert(at <= #pattern, "a set that is not closed")
  until pattern:sub(at, at) == "]"
  return at
end

-- What follows the item: {set, least, is_endless}.
local function quantified(item, mark)
  return { set = set_of(item), least = (mark == "" or mark == "+") and 1 or 0, is_endless = mark:find "[*+-]" ~= nil }
end

-- The items of a pattern without its "^".
local function parse(pattern)
  local items, at = {}, 1
  while at <= #pattern do
    local char, two = pattern:sub(at, at), pattern:sub(at, at + 1)
    if char == "(" or char == ")" then
      at = at + 1
    elseif char == "$" and at == #pattern then
      items[#items + 1] = { set = {}, least = 1, is_end = true }
      at = at + 1
    elseif two == "%b" then
      items[#items + 1] = { set = EVERY, least = 1, is_endless = true, is_balance = true }
      at = at + 4
    elseif two == "%f" then
      local last = end_of_item(pattern, at + 2)
      items[#items + 1] = { frontier = set_of(pattern:sub(at + 2, last)), set = {}, least = 1 }
      at = last + 1
    else
      local last = end_of_item(pattern, at)
      local mark = pattern:sub(last + 1):match "^[*+?-]" or ""
      items[#items + 1] = quantified(pattern:sub(at, last), mark)
      at = last + #mark + 1
    end
  end
  return items
end

local function can_fail_behind(items, index)
  if contains(items[index].set, EVERY) and items[index + 1] and items[index + 1].is_end then
    return false -- ".*$" takes all that is left
  end
  for behind = index + 1, #items do
    if items[behind].least > 0 then
      return true
    end
  end
  return items[index].is_balance or false
end

-- Does an item between two repetitions tell where the first ends, or see to it that the second never begins twice for
-- the same bytes?
local function separates(between, first, second)
  if between.frontier then
    return contains(between.frontier, second.set)
  elseif between.is_end or between.least == 0 then
    return false
  end
  return not intersects(between.set, first.set) or not (between.is_endless or intersects(between.set, second.set))
end

local function are_separate(items, first, second)
  if not intersects(items[first].set, items[second].set) then
    return true
  end
  for between = first + 1, second - 1 do
    if separates(items[between], items[first], items[second]) then
      return true
    end
  end
  return false
end

--- Is a pattern linear? For gmatch an anchor is none.
---@param pattern string
---@param is_iterated? boolean it is gmatch's
---@return boolean
function linear_patterns.is_linear(pattern, is_iterated)
  local is_anchored = not is_iterated and pattern:sub(1, 1) == "^"
  local items = parse(is_anchored and pattern:sub(2) or pattern)
  if not is_anchored then
    table.insert(items, 1, { set = EVERY, least = 0, is_endless = true }) -- what is passed over before the match
  end
  for second = 2, #items do
    if items[second].is_endless and can_fail_behind(items, second) then
      for first = 1, second - 1 do
        if items[first].is_endless and not are_separate(items, first, second) then
          return false
        end
      end
    end
  end
  return true
end

-- --- sources

local NAMES = { match = true, gmatch = true, find = true, gsub = true }

-- The literal that begins at `at`, and the place behind it; nothing where there is none. In brackets it may be the
-- beginning of more, and then is none.
local function literal_at(source, at, is_in_brackets)
  local quote = source:sub(at, at)
  local last = at
  if quote ~= '"' and quote ~= "'" then
    return nil
  end
  repeat
    last = last + 1
    local char = source:sub(last, last)
    if char == "\\" then
      last = last + 1
    end
  until char == quote or last > #source
  local behind = source:match("^%s*()", last + 1)
  if is_in_brackets and source:sub(behind, behind + 1) == ".." then
    return nil
  end
  return assert((loadstring or load)("return " .. source:sub(at, last)))(), behind
end

local function line_at(source, at)
  local _, breaks = source:sub(1, at - 1):gsub("\n", "")
  return breaks + 1
end

-- Does the line, or the one above it, say why it is linear all the same?
local function is_explained(lines, number)
  return (lines[number] .. (lines[number - 1] or "")):find("-- linear: ", 1, true) ~= nil
end

local function is_plain(source, behind)
  return source:find("^,[^,()\n]*,%s*true", behind) ~= nil
end

-- Is the loop's body around the line?
local function is_in_loop(lines, number)
  local depth = #lines[number]:match "^ *"
  for above = number - 1, 1, -1 do
    local line = lines[above]
    local indent = #line:match "^ *"
    if line:find "%S" and indent < depth then
      depth = indent
      local text = line:sub(indent + 1)
      if text:find "^for " or text:find "^while " or text:find "^repeat" then
        return true
      elseif text:find("function", 1, true) then
        return false
      end
    end
  end
  return false
end

local function check_calls(source, lines, report)
  for dot, name, at in source:gmatch "([:.])(%a+) ?()" do
    if NAMES[name] then
      local number = line_at(source, at)
      local opened = source:sub(at, at) == "(" and source:match("^%(%s*()", at) or at
      if dot == "." and source:sub(at, at) == "(" then -- string.find(text, pattern
        opened = source:match("^[^,]*,%s*()", opened) or opened
      end
      local is_comment = lines[number]:find "^%s*%-%-" or lines[number]:find "function "
      local is_called = source:find("^[(\"']", at) and not is_comment
      local pattern, behind = literal_at(source, opened, source:sub(at, at) == "(")
      local is_fine = not is_called or is_explained(lines, number)
        or (pattern and (is_plain(source, behind) or linear_patterns.is_linear(pattern, name == "gmatch")))
        or (not pattern and name == "find" and source:find("^[^\n]-,[^,\n]*,%s*true%)", opened))
      if not is_fine then
        report(number, pattern and ("the pattern %q can take time that grows with the square of a text"):format(pattern)
          or "this pattern is not a literal; say behind \"-- linear: \" why it takes linear time")
      end
    end
  end
end

local function check_lines(lines, report)
  for number, line in ipairs(lines) do
    if is_explained(lines, number) then
      line = "" -- it was said there
    end
    if line:find "table%.insert%([^(),]*, 1, " or line:find "table%.remove%([^(),]*, 1%)" then
      report(number, "every element moves for each one that is put in front or taken from there")
    else
      local name, same = line:match "^%s*([%w_.]+) = ([%w_.]+) %.%."
      if name and name == same and is_in_loop(lines, number) then
        report(number, "a text that grows in a loop is copied whole each time; use table.concat")
      end
    end
  end
end

--- Calls report(line, why) for each place of a source that may take more than linear time.
---@param source string Lua
---@param report fun(line: integer, why: string)
function linear_patterns.check(source, report)
  local lines = {}
  for line in (source .. "\n"):gmatch "([^\n]*)\n" do
    lines[#lines + 1] = line
  end
  check_calls(source, lines, report)
  check_lines(lines, report)
end

return linear_patterns
