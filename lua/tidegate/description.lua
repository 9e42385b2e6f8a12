-- Fields that describe a body (RFC 9110 sections 6.4 and 8, RFC 9530): they go with that body, and with no other.
local description = {}

local next, type = next, type

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

-- Is it the message's body, as it came? Of an answer that is no longer there its size and its ends are known.
local function is_same(message, body)
  if message._body ~= nil then
    return body == message._body
  end
  local ends = message.ends
  return ends ~= nil and type(body) == "string" and #body == ends.size and body:sub(1, ends.most) == ends.first
    and body:sub(-ends.most) == ends.last
end

local ENDS_BYTES = 64

--- What tells a body from most others, without keeping it.
---@param body string
---@return {size: integer, first: string, last: string, most: integer}
function description.ends(body)
  return { size = #body, first = body:sub(1, ENDS_BYTES), last = body:sub(-ENDS_BYTES), most = ENDS_BYTES }
end

--- Does a describing field of a message hold for that body?
---@param name string in lower case
---@param message table? whose `_body`, and `_decoded`, are known; or with `ends`
---@param body any
---@param is_made_of_it boolean text made of the message's body, of the same type
function description.holds(name, message, body, is_made_of_it)
  if message == nil then
    return body ~= false
  elseif body == nil then
    body = ""
  end
  if is_same(message, body) then
    return true
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
    if KINDS[name] and not description.holds(name, message, body, is_made_of_it or false) then
      lines[name], theirs[name] = nil, nil
    end
  end
end

return description
