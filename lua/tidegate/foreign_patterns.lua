-- Patterns as other frameworks spell them, and the same as they are spelt here: for the message that refuses them.
local foreign_patterns = {}

local function braces(name, is_rest)
  return ("{%s%s}"):format(name or (is_rest and "rest" or "name"), is_rest and "..." or "")
end

-- :id, :id(\d+), :id?, :path* of Express, Rails and Sinatra
local function with_colon(segment)
  local name, behind = segment:match "^:([%a_][%w_]*)(.*)$"
  return name and braces(name, behind:find "^[*+]" ~= nil)
end

-- *, **, *path of Go, Rails and Fastify; *.js
local function with_star(segment)
  if segment:sub(1, 1) == "*" or segment:sub(-1) == "*" then
    return braces(segment:match "^%*+([%a_][%w_]*)$", true)
  end
end

-- What stands in angle brackets of Flask, in square ones of Next.js, in braces of FastAPI, Spring and ASP.NET.
local function in_brackets(segment)
  local first, last = segment:sub(1, 1), segment:sub(-1)
  local is_angle, is_square = first == "<" and last == ">", first == "[" and last == "]"
  if not (is_angle or is_square or first == "{" and last == "}") then
    return nil
  end
  local inner = segment:sub(2, -2)
  local before, behind = inner:match "^([^:]*):(.*)$"
  local is_rest = inner:find "%.%." ~= nil or inner:find("*", 1, true) ~= nil or before == "path" or behind == "path"
  return braces(((is_angle and behind or before or inner):match "[%a_][%w_]*"), is_rest)
end

local function translate(segment)
  return with_colon(segment) or with_star(segment) or in_brackets(segment)
end

-- "$" and parentheses may stand in a path; what is none of these may not, or only encoded.
local function is_expression(segment)
  return segment:find "[\\^|%[%]]" ~= nil or segment:find("(?", 1, true) ~= nil or segment:find ".%$$" ~= nil
    or segment:find("(", 1, true) ~= nil and segment:find "[*+]" ~= nil
end

--- What is wrong with a segment that is spelt as elsewhere; nil where it is not.
---@param segment string
---@param pattern string the whole one
---@return string? # a sentence with the right spelling
function foreign_patterns.fault(segment, pattern)
  if translate(segment) then
    local right = pattern:gsub("[^/]+", function(each)
      return not each:find "^{[%a_][%w_]*}$" and not each:find "^{[%a_][%w_]*%.%.%.}$" and translate(each) or nil
    end)
    return ('%q is the spelling of other frameworks; here it is %q'):format(segment, right)
  elseif is_expression(segment) then
    return ("%q looks like a regular expression; a pattern has literals, {name} for a segment and {name...} for the "
      .. "rest of the path"):format(segment)
  end
end

return foreign_patterns
