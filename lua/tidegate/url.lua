-- URLs as texts: `tg.url`. A URL that is called is taken apart by tidegate.call_url, which is stricter.
local check = require "tidegate.check"
local core = require "tidegate.core"
local errors = require "tidegate.errors"
local text_of = require("tidegate.text").of
local url_message = require "tidegate.url_message"

local fail, shown = url_message.fail, url_message.shown

local url = {}

local PORTS = { http = 80, https = 443, ws = 80, wss = 443, ftp = 21 }

--- A text as a part of a URL: every byte but letters, digits and -._~ becomes %XX, slashes too.
---@param value string|number|boolean
---@return string
function url.encode(value)
  return core.percent_encode(text_of(value, "tg.url.encode"))
end

--- A part of a URL as the text that it stands for. Raises an error of kind "url" for a "%" without two hexadecimal
--- digits behind it. A plus sign stays one: only in forms is it a space.
---@param text string
---@return string
function url.decode(text)
  if type(text) ~= "string" then
    check.refuse("tg.url.decode takes a string", text)
  end
  return core.percent_decode(text) or error(errors.new {
    kind = "url",
    message = ("tg.url.decode: %q has a %% without two hexadecimal digits after it"):format(shown(text)),
    value = text,
  }, 0)
end

local function split_port(text, authority)
  local host, port = authority:match "^(%[[^%]]*%])(.*)$"
  if not host then
    host, port = authority:match "^([^:]*)(.*)$"
  end
  if port:find(":", 2, true) then
    fail(text, "has colons in its host: an IPv6 address is written in brackets")
  end
  local digits = port:match "^:(%d*)$"
  if port == "" or digits == "" then
    return host, nil
  end
  local number = digits and #digits <= 5 and tonumber(digits)
  if not number or number < 1 or number > 65535 then
    fail(text, ("has %q where a port from 1 to 65535 is expected"):format(shown(port)))
  end
  return host, number
end

local function check_address(text, address)
  if address:find("%", 1, true) then
    fail(text, "has an IPv6 address with a zone, which is not supported")
  elseif not address:find(":", 1, true) or not core.is_network(address) or address:find("/", 1, true) then
    fail(text, "has something in brackets that is not an IPv6 address")
  end
  return address
end

-- A name or an address, without brackets.
local function check_host(text, host)
  local address = host:match "^%[(.*)%]$"
  if address then
    return check_address(text, address)
  elseif host == "" then
    fail(text, "has no host")
  elseif host:find("[", 1, true) then
    fail(text, "has a bracket in its host that is not closed")
  elseif host:find "[\128-\255]" then
    fail(text, "has a host that is not ASCII: write the name as it is in the DNS, with xn--")
  elseif #host > 255 or host:find "[^%w%-._~!$&'()*+,;=]" then
    fail(text, "has a host that cannot be read")
  end
  return host
end

-- What stands before the path: user, host and port.
local function split_authority(text, authority)
  local at, user = authority:find("@", 1, true), nil
  if at then
    user, authority = authority:sub(1, at - 1), authority:sub(at + 1)
  end
  local host, port = split_port(text, authority)
  return user, check_host(text, host):lower(), port
end

--- What a URL consists of.
---@class tidegate.Url
---@field scheme string in lower case
---@field user string? what stands before "@", as it is
---@field host string a name or an address, in lower case, without brackets
---@field port integer? that of the scheme, where the URL names none; nil for a scheme that is not known
---@field path string as it is, encoded; "/" where there is none
---@field query string? as it is, encoded, without "?"
---@field fragment string? as it is, encoded, without "#"

--- Takes a URL apart. Raises a string that says what is wrong with it.
---@param text string "https://host:port/path?query#fragment"
---@return tidegate.Url
function url.parse(text)
  if type(text) ~= "string" then
    fail(text, "is a " .. type(text) .. ", not a string")
  elseif text:find "%c" then
    fail(text, "has a control character")
  end
  local scheme, authority, rest = text:match "^(%a[%w+.-]*)://([^/?#]*)(.*)$"
  if not scheme then
    fail(text, "does not begin with http:// or another scheme")
  end
  local user, host, port = split_authority(text, authority)
  local hash = rest:find("#", 1, true) or #rest + 1
  local mark = rest:find("?", 1, true)
  mark = mark and mark < hash and mark or hash
  scheme = scheme:lower()
  return {
    scheme = scheme,
    user = user,
    host = host,
    port = port or PORTS[scheme],
    path = mark > 1 and rest:sub(1, mark - 1) or "/",
    query = mark < hash and rest:sub(mark + 1, hash - 1) or nil,
    fragment = hash <= #rest and rest:sub(hash + 1) or nil,
  }
end

return url
