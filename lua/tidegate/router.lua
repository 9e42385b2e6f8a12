-- The router: which route a method and a path lead to.
--
-- Patterns are made of whole segments: literals, {name} for one segment, {name...} for the rest of the path. The most
-- specific pattern that has the method wins, segment by segment: literal before {name} before {name...}. The order of
-- registration never matters, so two routes of the same shape and method are an error.
local core = require "tidegate.core"
local foreign_patterns = require "tidegate.foreign_patterns"
local shown = require("tidegate.check").shown

local Router = { __name = "tidegate.Router" }
Router.__index = Router

local function new_node()
  return { literals = {} }
end

---@return table # an empty router
local function new()
  return setmetatable({ root = new_node(), exact = {} }, Router)
end

local function fail(pattern, format, ...)
  error(("in the pattern %q: %s"):format(pattern, format:format(...)), 0)
end

local function check_name(name, segment, seen, pattern)
  if not name:match("^[%a_][%w_]*$") then
    local wrong = name:find "[%a_]" and foreign_patterns.fault(segment, pattern)
    fail(pattern, "{%s} is not a name; a name has letters, digits and underscores%s", name,
      wrong and ": " .. wrong or "")
  end
  if seen[name] then
    fail(pattern, "{%s} is there twice", name)
  end
  seen[name] = true
end

local function check_literal(segment, pattern)
  local foreign = foreign_patterns.fault(segment, pattern)
  if foreign then
    fail(pattern, "%s", foreign)
  end
  if segment:find("[{}]") then
    fail(pattern, "%q mixes text and braces; {name} takes a whole segment", segment)
  end
  if segment:find("[?#]") then
    fail(pattern, "a pattern has no query and no fragment; request.query has what follows a question mark")
  end
  if segment == "." or segment == ".." then
    fail(pattern, "a path with a segment \".\" or \"..\" never arrives: it is resolved first")
  end
  local normal, wrong = core.normalize_path("/" .. segment)
  if not normal then
    fail(pattern, "%s", wrong)
  end
  return normal:sub(2)
end

local function check_beginning(pattern)
  if type(pattern) ~= "string" then
    error("a pattern must be a string that begins with a slash, not " .. shown(pattern), 0)
  elseif pattern:sub(1, 1) == "/" then
    return
  end
  local method, path = pattern:match "^(%u+) +(/.*)$"
  local behind = pattern:match "^%a+://[^/]+(/.*)$"
  local right = path or behind or "/" .. pattern
  error(("a pattern must begin with a slash, and %q does not; %s"):format(pattern, method
    and ("app:%s(%q, …) is for %s"):format(method:lower(), right, method) or ("write %q"):format(right)), 0)
end

-- {kind = "literal" | "name" | "rest", text} for each segment of a pattern.
local function parse(pattern)
  check_beginning(pattern)
  local segments, seen = {}, {}
  for segment in pattern:gmatch("/([^/]*)") do
    if #segments > 0 and segments[#segments].kind == "rest" then
      fail(pattern, "{%s...} must be the last segment", segments[#segments].text)
    end
    local rest, name = segment:match("^{(.-)%.%.%.}$"), segment:match("^{(.-)}$")
    if rest or name then
      check_name(rest or name, segment, seen, pattern)
      segments[#segments + 1] = { kind = rest and "rest" or "name", text = rest or name }
    else
      segments[#segments + 1] = { kind = "literal", text = check_literal(segment, pattern) }
    end
  end
  return segments
end

local function step(node, segment)
  local place = segment.kind == "literal" and node.literals or node
  local key = segment.kind == "literal" and segment.text or segment.kind
  place[key] = place[key] or new_node()
  return place[key]
end

-- A path without parameters, if that is what the segments make.
local function literal_path(segments)
  local texts = {}
  for _, segment in ipairs(segments) do
    if segment.kind ~= "literal" then
      return nil
    end
    texts[#texts + 1] = "/" .. segment.text
  end
  return table.concat(texts)
end

--- Adds a route. Raises when its pattern is bad, or taken.
---@param method string "GET", …; "ANY" for each that the pattern has no route of its own for
---@param pattern string
---@param route table with `place`, "file:line"
function Router:add(method, pattern, route)
  local segments = parse(pattern)
  local node, names = self.root, {}
  for _, segment in ipairs(segments) do
    node = step(node, segment)
    if segment.kind ~= "literal" then
      names[#names + 1] = segment.text
    end
  end
  node.routes = node.routes or {}
  local other = node.routes[method]
  if other then
    error(("%s %s is registered already, at %s"):format(method, other.pattern, other.place), 0)
  end
  route.method, route.pattern, route.names = method, pattern, names
  node.routes[method] = route
  local path = literal_path(segments)
  if path then
    self.exact[path] = node.routes
  end
end

local function has_method(routes, method)
  return routes[method] or (method == "HEAD" and routes.GET) or routes.ANY
end

-- Looks for the best route below a node that is good for `method`; the values of names go to `values`, the methods of
-- all that match to `allowed`.
local function search(node, path, at, method, values, allowed)
  if at > #path + 1 then
    if not node.routes then
      return nil
    end
    for name, route in pairs(node.routes) do
      allowed[name] = allowed[name] or route
    end
    return has_method(node.routes, method)
  end
  local slash = path:find("/", at, true) or #path + 1
  local segment = path:sub(at, slash - 1)
  local literal = node.literals[segment]
  local route = literal and search(literal, path, slash + 1, method, values, allowed)
  if route then
    return route
  end
  local depth = #values
  if node.name and segment ~= "" then
    values[depth + 1] = segment
    route = search(node.name, path, slash + 1, method, values, allowed)
    if route then
      return route
    end
    values[depth + 1] = nil
  end
  if node.rest then
    values[depth + 1] = path:sub(at)
    route = search(node.rest, path, #path + 2, method, values, allowed)
    if not route then
      values[depth + 1] = nil
    end
    return route
  end
  return nil
end

local function decode_params(route, values)
  local params = {}
  for index, name in ipairs(route.names) do
    params[name] = core.percent_decode(values[index])
  end
  return params
end

--- The route for a method and a path.
---@param method string
---@param path string normalised
---@return table|nil route
---@return table|nil params when a route was found: name → decoded text
---@return table|nil allowed when no route was found but the path exists: method → its route
function Router:find(method, path)
  local routes = self.exact[path]
  local route = routes and has_method(routes, method)
  if route then
    return route, nil
  end
  if path == "*" then
    return nil -- the server as a whole (RFC 9110 section 9.3.7), which no pattern stands for
  end
  local values, allowed = {}, {}
  route = search(self.root, path, 2, method, values, allowed)
  if route then
    return route, decode_params(route, values)
  end
  return nil, nil, next(allowed) and allowed or nil
end

--- Every route, ordered by pattern and method.
---@return table[]
function Router:list()
  local routes = {}
  local function collect(node)
    for _, route in pairs(node.routes or {}) do
      routes[#routes + 1] = route
    end
    for _, child in pairs(node.literals) do
      collect(child)
    end
    if node.name then
      collect(node.name)
    end
    if node.rest then
      collect(node.rest)
    end
  end
  collect(self.root)
  table.sort(routes, function(a, b)
    if a.pattern ~= b.pattern then
      return a.pattern < b.pattern
    end
    return a.method < b.method
  end)
  return routes
end

return { new = new }
