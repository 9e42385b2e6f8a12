-- tg.abort: an error that says itself what its request is answered with, checked where it is raised.
--
-- Its further fields are members of the problem (RFC 9457 section 3.2), but for `headers`, which are the answer's.
local check = require "tidegate.check"
local core = require "tidegate.core"
local errors = require "tidegate.errors"
local json = require "tidegate.json"
local multimap = require "tidegate.multimap"
local text = require "tidegate.text"

local abort = {}

-- Members that have their place elsewhere, or are the gateway's own.
local TAKEN = {
  status = "the status is its first argument",
  detail = "the detail is its second argument",
  request_id = "the request's id is there by itself",
}
local MUST_BE_TEXT = { type = true, title = true, instance = true }

-- Field names without a dash, which could be taken for members.
local FIELD_NAMES = {
  accept = true, age = true, allow = true, connection = true, cookie = true, date = true, etag = true, expires = true,
  link = true, location = true, pragma = true, server = true, trailer = true, upgrade = true, vary = true, via = true,
  warning = true,
}

-- Is it spelt as field names are?
local function is_field_name(name)
  return name:find("-", 1, true) and core.is_token(name) or name:find "^%u" and FIELD_NAMES[name:lower()] or false
end

local function refuse_name(name)
  local shown = type(name) == "string" and ("%q"):format(text.short(name)) or text.shown(name)
  if type(name) == "string" and is_field_name(name) then
    core.raise(("tg.abort: %s is the name of a header, and headers have a table of their own: "
      .. "tg.abort(status, detail, { headers = { [%s] = … } })"):format(shown, shown))
  end
  core.raise(("tg.abort: a further field of the problem has a name of letters, digits and underscores that begins "
    .. "with a letter, and %s does not"):format(shown))
end

local function check_member(name, value)
  if type(name) ~= "string" or not name:find "^%a[%w_]*$" or is_field_name(name) then
    refuse_name(name)
  elseif TAKEN[name] then
    core.raise(("tg.abort: the further fields cannot hold %s: %s"):format(name, TAKEN[name]))
  elseif MUST_BE_TEXT[name] and type(value) ~= "string" then
    check.refuse(("tg.abort: %s must be a string"):format(name), value)
  end
end

-- Why the members cannot be JSON; nil where they can.
local function fault_of(members)
  local ok, err = pcall(json.encode, members)
  return not ok and tostring(err) or nil
end

local function check_value(name, value)
  if type(value) == "string" and value:find "[%z\r\n]" then
    core.raise_value(("tg.abort: header %s: its value has a CR, LF or NUL"):format(name), value)
  end
end

local function check_headers(headers)
  if type(headers) ~= "table" then
    check.refuse("tg.abort: headers must be a table of names and values", headers)
  end
  for name, value in pairs(headers) do
    multimap.check_field(name, value, "tg.abort: ")
    if not core.is_token(name) then
      local wanted = "tg.abort: a header's name must be a token, like X-Name, not %s"
      core.raise_value(wanted:format(check.shown(name)), name)
    end
    for _, item in ipairs(type(value) == "table" and value or { value }) do
      check_value(name, item)
    end
  end
end

-- The members and the headers in what was given as further fields.
local function read(fields)
  if type(fields) ~= "table" then
    check.refuse("tg.abort: the further fields must be a table", fields)
  end
  local members, headers = {}, nil
  for name, value in pairs(fields) do
    if name == "headers" then
      headers = value
    else
      check_member(name, value)
      members[name] = value
    end
  end
  if headers ~= nil then
    check_headers(headers)
  end
  local fault = fault_of(members)
  if fault then
    core.raise_value("tg.abort: the further fields: " .. fault, members)
  end
  return next(members) ~= nil and members or nil, headers
end

local function check_detail(detail)
  if detail ~= nil and type(detail) ~= "string" and type(detail) ~= "number" then
    check.refuse("tg.abort(status, detail, fields): the detail must be a string", detail)
  end
end

--- Ends the request with a status and a problem+json body (RFC 9457).
---@param status integer 400 to 599
---@param detail? string for the client
---@param fields? table further members of the problem: type, title, instance and any of one's own; and `headers`, a
--- table of names and values, which are those of the answer
function abort.raise(status, detail, fields)
  if type(status) ~= "number" or status < 400 or status > 599 or status % 1 ~= 0 then
    check.refuse("tg.abort takes a status from 400 to 599", status)
  end
  check_detail(detail)
  if fields == nil then
    return errors.abort(status, detail)
  end
  local members, headers = read(fields)
  return errors.abort(status, detail, headers, members)
end

return abort
