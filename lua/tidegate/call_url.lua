-- The URL of a call: taken apart once and remembered, since routes call the same few again and again; with the {names}
-- of its path filled in.
local core = require "tidegate.core"
local memo = require "tidegate.memo"
local text_of = require("tidegate.text").of
local url = require "tidegate.url"

local encode, decode = core.percent_encode, core.percent_decode
local fail = require("tidegate.url_message").fail

local call_url = {}

---@class tidegate.CallUrl
---@field host string a name or an address, without brackets
---@field port integer
---@field authority string what goes into the Host field
---@field target string path and query; begins with "/". Of a URL with slots the path is a pattern still
---@field joint string what stands between the target and the query of the call
---@field slots table<string, true>? the {names} of its path
---@field private segments table? of the path with slots: for each a text, or a list of texts and slots
---@field private tail string? "?query" behind a path with slots

local function encode_byte(byte)
  return ("%%%02X"):format(byte:byte())
end

-- What may not stand in a URL as it is. A script may write it so all the same, as it may write "é".
local function encode_rest(text)
  return (text:gsub('[^!-~]', encode_byte):gsub('["<>\\^`{|}]', encode_byte))
end

local function check_path(text, path)
  if path:find("\\", 1, true) then
    fail(text, "has a backslash in its path, which some servers take for a slash; write %5C for a backslash")
  elseif path:gsub("%%%x%x", ""):find("%", 1, true) then
    fail(text, 'has a "%" in its path without two hexadecimal digits after it; write %25 for a percent sign')
  end
end

-- {slot, …} and texts of one segment; nil where it has no slot.
local function slots_of(text, segment, names)
  local parts, from, at = nil, 1, segment:find("{", 1, true)
  while at do
    local name, dots, behind = segment:match("^{([%a_][%w_]*)(%.?%.?%.?)}()", at)
    if name and (dots == "" or dots == "...") then
      parts = parts or {}
      parts[#parts + 1] = encode_rest(segment:sub(from, at - 1))
      parts[#parts + 1] = { name = name, takes_several = dots ~= "" }
      names[name], from = true, behind
      if dots ~= "" and segment ~= "{" .. name .. "...}" then
        fail(text, ("has {%s...} beside other text; it must stand alone between slashes"):format(name))
      end
    end
    at = segment:find("{", behind or at + 1, true)
  end
  if parts then
    parts[#parts + 1] = encode_rest(segment:sub(from))
  end
  return parts
end

-- The segments of a path, and the names of its slots; nil where it has none.
local function split_path(text, path)
  if not path:find("{", 1, true) then
    return nil
  end
  local segments, names = {}, {}
  for segment in path:gmatch "/([^/]*)" do
    segments[#segments + 1] = slots_of(text, segment, names) or encode_rest(segment)
  end
  return next(names) ~= nil and segments or nil, names
end

local function joint_of(target)
  local mark = target:find("?", 1, true)
  if not mark then
    return "?"
  end
  return (mark == #target or target:sub(-1) == "&") and "" or "&"
end

local function parse(text)
  local at = url.parse(text)
  if at.scheme == "https" then
    fail(text, "has the scheme https, and Tidegate does not speak TLS yet: call an http:// address, as that of a proxy "
      .. "beside it that does")
  elseif at.scheme ~= "http" then
    fail(text, "has the scheme " .. at.scheme .. "; only http is supported")
  elseif at.user then
    fail(text, "has a user; a user and a password do not belong in a URL, but in the header Authorization")
  end
  check_path(text, at.path)
  local bracketed = at.host:find(":", 1, true) and "[" .. at.host .. "]" or at.host
  local tail = at.query and "?" .. encode_rest(at.query) or ""
  local segments, names = split_path(text, at.path)
  local target = encode_rest(at.path) .. tail
  return {
    host = at.host,
    port = at.port,
    authority = at.port == 80 and bracketed or bracketed .. ":" .. at.port,
    target = target,
    joint = joint_of(target),
    slots = segments and names,
    segments = segments,
    tail = segments and tail,
  }
end

--- Takes the URL of a call apart. Raises a string that says what is wrong with it.
---@type fun(text: string): tidegate.CallUrl "http://host:port/path?query"
call_url.parse = memo.new(parse, 512, 1024 * 1024, 12)

local function is_dots(segment)
  return segment == "." or segment == ".."
end

-- One segment, of the whole text that was given. An empty one, "." and ".." would lead to another place than the one
-- that was meant, encoded or not.
local function fill_one(name, value, whole)
  local text = text_of(value, "path " .. name)
  if text == "" or is_dots(text) then
    core.raise_value(('the value of %q cannot be a segment of a path, as it would lead elsewhere: it is %s'):format(
      name, text == "" and "empty" or ("%q"):format(text)), whole or text)
  end
  return encode(text)
end

-- Several segments: a list of them, or a text with slashes, which may end in one.
local function fill_several(name, value)
  local segments = {}
  if type(value) == "table" then
    for index = 1, #value do
      segments[index] = fill_one(name, value[index])
    end
    return table.concat(segments, "/")
  end
  local text = text_of(value, "path " .. name, "a string, a number, a boolean or a list of them")
  local whole = text:sub(-1) == "/" and text:sub(1, -2) or text
  if text == "" then
    return ""
  end
  for segment in ("/" .. whole):gmatch "/([^/]*)" do
    segments[#segments + 1] = fill_one(name, segment, text)
  end
  return table.concat(segments, "/") .. (whole ~= text and "/" or "")
end

local function fill_segment(parts, values)
  local filled = {}
  for index, part in ipairs(parts) do
    if type(part) == "string" then
      filled[index] = part
    else
      filled[index] = (part.takes_several and fill_several or fill_one)(part.name, values[part.name])
    end
  end
  local segment = table.concat(filled)
  if is_dots(decode(segment)) then
    core.raise_value(("the values make the text %q, which cannot be a segment of a path, as it would lead elsewhere")
      :format(segment), decode(segment))
  end
  return segment
end

local function check_names(at, text, values)
  for name in pairs(values) do
    if not (at.slots and at.slots[name]) then
      fail(text, ("has no {%s} in its path, and the option path has a value for it"):format(tostring(name)))
    end
  end
  for name in pairs(at.slots or {}) do
    if values[name] == nil then
      fail(text, ("has {%s}, and the option path has no value for it; write %%7B for a brace"):format(name))
    end
  end
end

--- The target of a call, with the {names} of the URL's path filled in.
---@param at tidegate.CallUrl
---@param text string the URL
---@param values? table<string, string|number|boolean|(string|number)[]> what stands for each {name}
---@return string
function call_url.fill(at, text, values)
  values = values or {}
  check_names(at, text, values)
  if not at.segments then
    return at.target
  end
  local filled = {}
  for index, segment in ipairs(at.segments) do
    filled[index] = type(segment) == "string" and segment or fill_segment(segment, values)
  end
  return "/" .. table.concat(filled, "/") .. at.tail
end

--- What stands before the paths of a client's calls: a URL without query and fragment, without a slash at its end.
---@param text string
---@return string
function call_url.base(text)
  call_url.parse(text)
  local mark = text:match "[?#]"
  if mark then
    fail(text, ("cannot be a base_url: it has a %s, and paths are appended to it"):format(
      mark == "?" and "query" or "fragment"))
  end
  return text:sub(-1) == "/" and text:sub(1, -2) or text
end

return call_url
