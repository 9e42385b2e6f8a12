-- Fields that describe a body (RFC 9110 sections 6.4 and 8, RFC 9530): they go with that body, and with no other.
local description = {}

local next, type, lower = next, type, string.lower

-- Of the very bytes, with their coding: they hold for no other bytes. Or of what these mean: they hold for the decoded
-- bytes as well.
local BYTES, MEANING = 1, 2

local KINDS = {
  ["accept-ranges"] = BYTES,
  ["content-digest"] = BYTES,
  ["content-encoding"] = BYTES,
  ["content-length"] = BYTES,
  ["content-md5"] = BYTES,
  ["content-range"] = BYTES,
  digest = BYTES,
  etag = BYTES,
  ["repr-digest"] = BYTES,
  trailer = BYTES,
  ["transfer-encoding"] = BYTES,
  ["content-language"] = MEANING,
  ["content-location"] = MEANING,
  ["content-type"] = MEANING,
  ["last-modified"] = MEANING,
}

--- Does a field of that name, in lower case, describe a body?
function description.is(name)
  return KINDS[name] ~= nil
end

-- Is it a type for what a table is sent as?
local function is_json_type(value)
  value = type(value) == "string" and lower(value) or ""
  return value:find("^application/json") ~= nil or value:find("^[^;]*%+json") ~= nil
end

--- Does a describing field of a message hold for that body?
---@param name string in lower case
---@param value any the field's
---@param message table? whose `_body`, and `_decoded`, are known
---@param body any a table is sent as JSON
---@param is_made_of_it boolean text made of the message's body, of the same type
function description.holds(name, value, message, body, is_made_of_it)
  if message == nil then
    return body ~= false
  elseif body == nil then
    body = ""
  end
  if message._body ~= nil and body == message._body then
    return true
  end
  if type(body) == "table" then
    return name == "content-type" and is_json_type(value)
  end
  local is_meant = is_made_of_it or type(body) == "string" and body == message._decoded
  return is_meant and KINDS[name] == MEANING
end

--- Takes out of a message's lines what describes another body.
---@param lines table<string, any> names in lower case, of those in `theirs` at least
---@param theirs table<string, true> the names that are the message's own
---@param message table? nil: of fields that came with no body that is known
---@param body any false: none, or one that was made anew
---@param is_made_of_it boolean? as of description.holds
function description.fit(lines, theirs, message, body, is_made_of_it)
  for name in next, theirs do
    if KINDS[name] and not description.holds(name, lines[name], message, body, is_made_of_it or false) then
      lines[name], theirs[name] = nil, nil
    end
  end
end

return description
