-- Responses: what a handler returns, made into one shape.
local null = require("cjson").null
local check = require "tidegate.check"
local core = require "tidegate.core"
local forwarding = require "tidegate.forwarding"
local text = require "tidegate.text"

local getmetatable, setmetatable, type = getmetatable, setmetatable, type
local own_headers = forwarding.response_headers

---@class tidegate.Response
---@field status integer
---@field headers table<string, string|string[]>
---@field body string|table|function|nil a table is sent as JSON; a function(write) is called and writes it in pieces
---@field _handed string|false|nil its fields are an upstream's, which said this length or none; nil: they are not
local Response = { __name = "tidegate.Response" }
Response.__index = Response

local response = {}

local ATTRIBUTES = { path = "Path", domain = "Domain", same_site = "SameSite" }
local COOKIE = check.options_of("a cookie", {
  { "value", "any" }, { "path", "any" }, { "domain", "any" }, { "max_age", "any" }, { "same_site", "any" },
  { "secure", "boolean", "true or false" }, { "http_only", "boolean", "true or false" },
}, { httponly = "http_only", samesite = "same_site", maxage = "max_age", expires = "max_age" }, "field")
local SAME_SITE = { strict = true, lax = true, none = true }

local function attribute(place, field, value)
  local wanted = ("%s: %s must be %s"):format(place, field,
    field == "same_site" and "Strict, Lax or None" or "a string without semicolons and control characters")
  if type(value) ~= "string" then
    check.refuse(wanted, value)
  elseif value:find "[%c;]" or field == "same_site" and not SAME_SITE[value:lower()] then
    core.raise_value(("%s, not %s"):format(wanted, check.shown(value)), value)
  end
  return ATTRIBUTES[field] .. "=" .. value
end

-- RFC 6265 section 5.2.2 has digits behind an optional minus sign, and nothing else.
local function max_age(place, value)
  if type(value) ~= "number" or value % 1 ~= 0 or math.abs(value) > 2 ^ 53 then
    check.refuse(("%s: max_age must be a whole number of seconds"):format(place), value)
  end
  return "Max-Age=" .. text.number(value + 0, place)
end

local function refuse_cookie(name, wrong)
  core.raise_value(("cookie %s: its name must be a token, and its value free of spaces, quotes, commas, semicolons and "
    .. "backslashes (RFC 6265); tg.url.encode makes such a value of any text"):format(tostring(name)), wrong)
end

local function check_cookie(name, cookie)
  if not core.is_token(type(name) == "string" and name or "") then
    refuse_cookie(name, name)
  end
  check.options(COOKIE, cookie, "cookie " .. name)
end

local function cookie_line(name, cookie)
  if type(cookie) ~= "table" then
    cookie = { value = cookie }
  end
  check_cookie(name, cookie)
  local place = "cookie " .. name
  if type(cookie.value) == "boolean" then
    core.raise(("%s: a value must be a string or a number, not a boolean"):format(place))
  end
  local value = cookie.value == nil and "" or text.of(cookie.value, place)
  if value:find '[%c%s",;\\]' then
    refuse_cookie(name, value)
  end
  local parts = { name .. "=" .. value, attribute(place, "path", cookie.path or "/") }
  if cookie.domain then
    parts[#parts + 1] = attribute(place, "domain", cookie.domain)
  end
  if cookie.max_age then
    parts[#parts + 1] = max_age(place, cookie.max_age)
  end
  if cookie.same_site then
    parts[#parts + 1] = attribute(place, "same_site", cookie.same_site)
  end
  parts[#parts + 1] = cookie.secure and "Secure" or nil
  parts[#parts + 1] = cookie.http_only ~= false and "HttpOnly" or nil
  return table.concat(parts, "; ")
end

local function cookie_lines(cookies)
  local lines = {}
  for name, cookie in pairs(cookies) do
    lines[#lines + 1] = cookie_line(name, cookie)
  end
  return lines
end

-- Is it what a call of tg.http has returned?
local function is_upstream(value)
  local metatable = type(value) == "table" and getmetatable(value)
  return type(metatable) == "table" and metatable.__name == "tidegate.ClientResponse"
end

response.is_upstream = is_upstream

local function make(status, given, body)
  local headers, handed = own_headers(given, body)
  return setmetatable({ status = status, headers = headers, body = body, _handed = handed }, Response)
end

-- An upstream's answer as one of the gateway's own: with its fields and its body, but for what the handler says.
local function hand_on(upstream, status, given)
  local made = make(status or upstream.status, upstream.headers, upstream:body())
  for name, value in pairs(own_headers(given, made.body)) do
    made.headers[name] = value
  end
  return made
end

-- Adds lines to the Set-Cookie that may be there.
local function add_cookies(headers, lines)
  local given = headers["Set-Cookie"]
  local all = type(given) == "table" and { unpack(given) } or { given }
  for _, line in ipairs(lines) do
    all[#all + 1] = line
  end
  headers["Set-Cookie"] = all
end

local function check_status(status)
  if status ~= nil and not (type(status) == "number" and status >= 200 and status <= 599 and status % 1 == 0) then
    check.refuse("tg.response: a status must be a whole number from 200 to 599", status)
  end
end

local known = check.options_of("tg.response", {
  { "status", "any" },
  { "headers", "table", "a table of names and values" },
  { "cookies", "table", "a table of names and values" },
  { "body", "any" },
}, {
  code = "status", status_code = "status", header = "headers", cookie = "cookies", content = "body", data = "body",
  json = "body (a table is sent as JSON)", text = "body",
}, "field")

--- A response in full.
---@param fields {status?: integer, headers?: table, cookies?: table, body?: string|table|function}
---@return tidegate.Response
function response.new(fields)
  if type(fields) ~= "table" then
    check.refuse("tg.response takes a table of status, headers, cookies and body", fields)
  end
  check.options(known, fields)
  check_status(fields.status)
  local made = is_upstream(fields.body) and hand_on(fields.body, fields.status, fields.headers)
    or make(fields.status or 200, fields.headers, fields.body)
  if fields.cookies then
    add_cookies(made.headers, cookie_lines(fields.cookies))
  end
  return made
end

local MAY_RETURN = "a handler may return a table, a string, nothing, or status, body [, headers]"

--- Raises that what a handler returned is nothing that can be answered with.
function response.refuse(value)
  local hint = ""
  if type(value) == "boolean" or value == null then
    hint = "; tg.json.encode makes JSON of any value"
  elseif type(value) == "function" then
    hint = "; a method is called with a colon, as request:body(), and a body in pieces comes after its status, as in: "
      .. "return 200, function(write) … end"
  end
  core.raise(("%s, and this one returned %s%s"):format(MAY_RETURN, check.shown(value), hint))
end

-- What was probably meant by values in the wrong order.
local function meant(first, second)
  local status = tonumber(second)
  if type(first) == "string" and first:find "^%d%d%d$" then
    return "a status is a number, as in: return " .. first .. ", body"
  elseif type(second) == "number" and status >= 100 and status <= 599 and status % 1 == 0 then
    return first == nil and ("for an empty answer: return %d"):format(status)
      or ("the status comes first: return %d, body"):format(status)
  elseif first == nil then
    return "an error is raised with error(…) or tg.abort(status, detail)"
  end
  return "parentheses keep only the first value that a call returns: return (f())"
end

--- Raises that there is something behind what stands alone.
function response.refuse_rest(first, second)
  core.raise(("%s, and this one returned %s and after it %s; %s"):format(MAY_RETURN, check.shown(first),
    check.shown(second), meant(first, second)))
end

--- What a handler returned, as a response object: for middleware, which may change it.
---@return tidegate.Response
function response.of(first, body, headers)
  local kind = type(first)
  if kind ~= "number" and (body ~= nil or headers ~= nil) then
    return response.refuse_rest(first, body == nil and headers or body)
  elseif kind == "table" and getmetatable(first) == Response then
    return first
  elseif kind == "table" and is_upstream(first) then
    return hand_on(first)
  elseif kind == "table" or kind == "string" then
    return make(200, nil, first)
  elseif kind == "nil" then
    return make(204)
  elseif kind == "number" then
    return is_upstream(body) and hand_on(body, first, headers) or make(first, headers, body)
  end
  return response.refuse(first)
end

--- A part of a file as a body.
---@class tidegate.FileBody
local File = { __name = "tidegate.FileBody" }
File.__index = File

--- A body that is a part of a file; sent without holding it in memory.
---@param file userdata of core.folder_find; closed when it is sent
---@param first integer the first byte's offset
---@param bytes integer
---@param coding? string it is encoded while it is sent
---@param etag? string its tag as it is, where it has a coding
---@return tidegate.FileBody
function response.file(file, first, bytes, coding, etag)
  return setmetatable({ file = file, first = first, bytes = bytes, coding = coding, etag = etag }, File)
end

--- Is it such a body?
function response.is_file(body)
  return getmetatable(body) == File
end

--- Is it a response object?
function response.is_response(value)
  return getmetatable(value) == Response
end

return response
