-- URLs of upstreams, taken apart once and remembered: routes call the same few again and again.
local core = require "tidegate.core"

local url = {}

local REMEMBERED_MAX = 1000
local remembered, count = {}, 0

---@class tidegate.Url
---@field host string a name or an address, without brackets
---@field port integer
---@field authority string what goes into the Host field
---@field target string path and query; begins with "/"
---@field has_query boolean

local function fail(text, message)
  core.raise(("the URL %q %s"):format(tostring(text), message))
end

local function split_authority(text, authority)
  local host, port = authority:match("^%[([%x:.]+)%]:?(%d*)$")
  if not host then
    host, port = authority:match("^([^:%[%]@%s%c]+):?(%d*)$")
  end
  if not host then
    fail(text, "has no host, or one that cannot be read (a user and password do not belong into a URL)")
  end
  port = port == "" and 80 or tonumber(port)
  if port < 1 or port > 65535 then
    fail(text, "has a port that is none")
  end
  return host:lower(), port
end

local function parse(text)
  if type(text) ~= "string" then
    fail(text, "is a " .. type(text) .. ", not a string")
  elseif text:find "%c" then
    fail(text, "has a control character")
  end
  local scheme, authority, rest = text:match("^(%a[%w+.-]*)://([^/?#]*)(.*)$")
  if not scheme then
    fail(text, "does not begin with http://")
  elseif scheme:lower() ~= "http" then
    fail(text, "has the scheme " .. scheme .. "; only http is spoken here")
  end
  local host, port = split_authority(text, authority)
  rest = rest:gsub("#.*$", "")
  if rest:sub(1, 1) ~= "/" then
    rest = "/" .. rest
  end
  local target = rest:gsub("[^!-~]", function(byte)
    return ("%%%02X"):format(byte:byte())
  end)
  local bracketed = host:find(":", 1, true) and "[" .. host .. "]" or host
  return {
    host = host,
    port = port,
    authority = port == 80 and bracketed or bracketed .. ":" .. port,
    target = target,
    has_query = target:find("?", 1, true) ~= nil,
  }
end

--- Takes a URL apart. Raises a string that says what is wrong with it.
---@param text string "http://host:port/path?query"
---@return tidegate.Url
function url.parse(text)
  local known = remembered[text]
  if known then
    return known
  end
  known = parse(text)
  if count >= REMEMBERED_MAX then
    remembered, count = {}, 0
  end
  remembered[text], count = known, count + 1
  return known
end

return url
