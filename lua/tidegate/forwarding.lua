-- Handing on: the fields of one message as those of another (RFC 9110 section 7.6).
--
-- What is judged here is judged of the message that a field came with, before anything is put beside it: what its
-- Connection names ends here, as does what is meant for the next server alone; what a client says about itself is
-- replaced by what the gateway knows, unless it is one of the trusted proxies; what describes a body goes with that
-- body only. What a script has set is its own, and goes out as it was set. What belongs to a connection in any case
-- (Connection itself, Transfer-Encoding, …) is left out where fields are written, in the core.
--
-- A plain table into which a script has copied a message's fields, name for name, is handled as those fields are.
local copies = require "tidegate.copies"
local check = require "tidegate.check"
local core = require "tidegate.core"
local description = require "tidegate.description"
local multimap = require "tidegate.multimap"
local odd_names = require "tidegate.odd_names"

local next, pairs, rawget, type, lower = next, pairs, rawget, type, string.lower

local forwarding = {}

local NONE = {}

--- The proxies in front of the gateway, whose word about their clients counts.
---@param networks string[] addresses, ranges like "10.0.0.0/8", and "unix:" for every peer on a Unix socket
function forwarding.trust(networks)
  core.trust_proxies(networks)
end

-- --- the fields of a message

--- The fields of a request, as a map.
---@param request tidegate.Request
---@return table
function forwarding.fields_of_request(request)
  local fields, held = multimap.fields(core.request_fields(request._exchange), request)
  copies.note_request(request, held)
  return fields
end

--- The fields of an upstream's answer, as a map.
---@param answer tidegate.ClientResponse
---@param flat string[] {name, value, …}
---@return table
function forwarding.fields_of_answer(answer, flat)
  local fields, held = multimap.fields(flat, answer)
  copies.note_answer(answer, held)
  return fields
end

-- --- which of them go on

-- Of these the last says how the message was framed, which is no matter of where it goes.
local NEXT_SERVER_ONLY = {
  ["proxy-authenticate"] = true, ["proxy-authorization"] = true, ["proxy-authentication-info"] = true,
  ["transfer-encoding"] = true,
}

local function is_about_client(name)
  return name:find("^x%-forwarded%-") ~= nil or name == "forwarded" or name == "x-real-ip"
end

-- Takes out what ends here. `theirs` are the names that are the message's own, by nobody set.
local function end_here(lines, theirs, ended)
  for name in next, theirs do
    if ended and ended[name] or NEXT_SERVER_ONLY[name] then
      lines[name], theirs[name] = nil, nil
    end
  end
end

-- The fields of a map that go on, which of them are the message's own, and what is known of them.
local function going_on(fields)
  local lines, held = multimap.to_lines(fields)
  local theirs = {}
  for name in next, lines do
    theirs[name] = not held.set[name] or nil
  end
  end_here(lines, theirs, held.ended)
  return lines, theirs, held
end

-- --- of a request

local function joined(value)
  return type(value) == "table" and table.concat(value, ", ") or value
end

local function drop_client(lines, theirs)
  for name in next, theirs do
    if is_about_client(name) then
      lines[name], theirs[name] = nil, nil
    end
  end
end

-- An address as Forwarded has it (RFC 7239 section 6).
local function quoted(address)
  return address:find(":", 1, true) and ('"[%s]"'):format(address) or address
end

-- The port that a client has called, which the host leaves out where it is the scheme's usual one.
local function port_of(host, scheme)
  return host and host:match ":(%d+)$" or scheme == "https" and "443" or "80"
end

-- The way from the client to here, as X-Forwarded-For has it.
local function way(lines, theirs, client, peer)
  local before = theirs["x-forwarded-for"] and joined(lines["x-forwarded-for"]) or client or nil
  return before and peer and before .. ", " .. peer or peer or before
end

-- Fits what trusted proxies say to what the gateway makes of it. Of X-Forwarded-For and Forwarded only one is believed;
-- the other one would be the client's own word, which the next server might believe.
local function fit_claims(lines, theirs, fields, client, peer)
  if fields == "forwarded" then
    local said = theirs.forwarded and joined(lines.forwarded)
    lines.forwarded = said and peer and ("%s, for=%s"):format(said, quoted(peer)) or lines.forwarded
  elseif theirs.forwarded then
    lines.forwarded, theirs.forwarded = nil, nil
  end
  if theirs["x-real-ip"] then
    lines["x-real-ip"] = client
  end
end

-- Says of the client what the gateway knows, and request.remote_address, scheme and host say; where that comes from a
-- trusted proxy, the way that it names stays in front. Names in `set` are the script's.
local function set_client(lines, theirs, set, exchange)
  local address, is_ip, fields, client, scheme, host = core.request_client(exchange)
  local peer = is_ip and address or nil
  if fields == "none" then
    drop_client(lines, theirs)
  else
    fit_claims(lines, theirs, fields, client, peer)
  end
  if not address then
    return
  end
  local says = {
    ["x-forwarded-for"] = way(lines, theirs, client ~= address and client, peer),
    ["x-forwarded-host"] = host,
    ["x-forwarded-proto"] = scheme,
    ["x-forwarded-port"] = theirs["x-forwarded-port"] and port_of(host, scheme) or nil,
  }
  for name, value in next, says do
    if not set[name] then
      lines[name], theirs[name] = value, nil
    end
  end
end

local IDENTITY = { "authorization", "cookie" }

-- A request's fields say who its client is in calls of that request only. In those of another one they say nothing of
-- it, and lend nobody its credentials.
local function set_identity(lines, theirs, set, request)
  local exchange, running = request._exchange, core.running_exchange()
  if exchange and (running == nil or running == exchange) then
    return set_client(lines, theirs, set, exchange)
  end
  drop_client(lines, theirs)
  for _, name in ipairs(running and IDENTITY or NONE) do
    if theirs[name] then
      lines[name], theirs[name] = nil, nil
    end
  end
end

-- Is it a request, and no answer?
local function is_request(message)
  return message ~= nil and rawget(message, "_exchange") ~= nil
end

local function drop(lines, theirs, name)
  if theirs[name] then
    lines[name], theirs[name] = nil, nil
  end
end

-- The fields of a map for a request to an upstream, whose body is `body`: the lines, which of them are theirs, and the
-- names that a script has removed or set.
local function of_map(fields, body)
  local lines, theirs, held = going_on(fields)
  drop(lines, theirs, "expect") -- the gateway has met it: the body is there
  description.fit(lines, theirs, held.origin, body)
  if is_request(held.origin) then
    set_identity(lines, theirs, held.set, held.origin)
  end
  return lines, theirs, held.set
end

-- The names in lower case that are in lines and not theirs.
local function own_names(lines, theirs)
  local names = {}
  for name in next, lines do
    local key = type(name) == "string" and lower(name) or name
    names[key] = not theirs[key] or nil
  end
  return names
end

-- The same of a plain table, which may have been copied from the running request's fields. nil in place of `theirs`
-- where it has nothing of them.
local function of_plain(headers, body)
  local source = copies.request()
  if not source then
    return headers
  end
  local lines, theirs, is_copy = copies.compare(headers, source, is_about_client)
  if next(theirs) == nil then
    return lines
  end
  local tells = false
  for name in next, theirs do
    tells = tells or is_about_client(name)
  end
  local set = tells and own_names(lines, theirs) or NONE
  if is_copy then
    end_here(lines, theirs, source.ended)
    drop(lines, theirs, "expect")
    description.fit(lines, theirs, source.request, body)
  end
  if tells then
    set_client(lines, theirs, set, source.request._exchange)
  end
  return lines, theirs, copies.removed(headers, source)
end

--- Raises where something given as headers is none.
---@param headers any
---@param what string what it is, for the message
function forwarding.check_headers(headers, what)
  if headers ~= nil and type(headers) ~= "table" then
    check.refuse(what .. " must be a table", headers)
  elseif multimap.is_pairs(headers) then
    core.raise(("%s must be headers, and this is a query, a form or cookies"):format(what))
  end
end

local function of_headers(headers, body)
  forwarding.check_headers(headers, "an HTTP call's headers")
  if headers == nil then
    return nil
  elseif multimap.is_fields(headers) then
    return of_map(headers, body)
  end
  return of_plain(headers, body)
end

-- Puts `over` above `under`, in any spelling; where names collide the one below is left out.
local function put_above(under, over)
  local all, names = {}, {}
  for name, value in pairs(under) do
    all[name] = value
    if type(name) == "string" then
      names[lower(name)] = name
    end
  end
  for name, value in pairs(over) do
    local same = type(name) == "string" and names[lower(name)]
    if same then
      all[same] = nil
    end
    all[name] = value
  end
  return all
end

-- Those of a lower layer that still are theirs under an upper one.
local function theirs_under(theirs, over, over_theirs)
  local all = {}
  for name in next, theirs or NONE do
    all[name] = true
  end
  for name in pairs(over) do
    all[type(name) == "string" and lower(name) or name] = nil
  end
  for name in next, over_theirs or NONE do
    all[name] = true
  end
  return all
end

local function union(a, b)
  local all = {}
  for _, set in ipairs { a or NONE, b or NONE } do
    for name in next, set do
      all[name] = true
    end
  end
  return all
end

--- The headers of a call as a plain table: layers of them, each above the one before.
---@param body string|false the call's body, as it was given; false where it has none, or one that was made for it
---@param ... table? headers: a map of a message's, or a plain table; nil for none
---@return table<string, string|string[]>?
function forwarding.call_lines(body, ...)
  local lines, theirs, set
  for index = 1, select("#", ...) do
    local over, over_theirs, over_set = of_headers(select(index, ...) or nil, body)
    if lines and over then
      theirs = (theirs or over_theirs) and theirs_under(theirs, over, over_theirs)
      lines, set = put_above(lines, over), (set or over_set) and union(set, over_set)
    elseif over then
      lines, theirs, set = over, over_theirs, over_set
    end
  end
  if theirs then
    odd_names.drop(lines, theirs, set or NONE, is_about_client)
  end
  return lines
end

-- --- of an answer

local function refuse(headers)
  if type(headers) == "string" and headers:find "^%s*[%w.+-]+/[%w.+-]+" then
    core.raise(('the headers of an answer must be a table; a content type is one of them: { ["Content-Type"] = %q }')
      :format(headers))
  end
  check.refuse("the headers of an answer must be a table of names and values", headers)
end

-- [headers of a response] = {message = the upstream's answer, kept = {[name] = value} of what describes its body}
local sources = setmetatable({}, { __mode = "k" })

-- Text in the place of another is of its type, as where a word was replaced; a table goes out as JSON.
local function is_text(body)
  return type(body) == "string" or type(body) == "function"
end

-- Takes the length out, which is the gateway's to say: "9", or false where there is none.
local function take_length(lines, theirs)
  local length = lines["content-length"] or false
  lines["content-length"], theirs["content-length"] = nil, nil
  return length
end

-- What describes the body in lines that go on; nil where nothing does.
local function descriptions(lines, theirs)
  local kept
  for name in next, theirs do
    if description.is(name) then
      kept = kept or {}
      kept[name] = lines[name]
    end
  end
  return kept
end

-- The lines of a map for an answer with that body, their length, and what is still said of the body; where that is nil
-- it is still to come.
local function lines_of_map(fields, body)
  local lines, theirs, held = going_on(fields)
  local length = not held.set["content-length"] and take_length(lines, theirs)
  if body ~= nil then
    description.fit(lines, theirs, held.origin, body, is_text(body))
  end
  return lines, length, descriptions(lines, theirs), held.origin
end

-- The lines of a plain table, into which a script may have copied an upstream's fields; then their length, too.
local function lines_of_plain(headers, body)
  local content = body == nil and "" or body
  local source = copies.answer_of(headers, content)
  if not source then
    return headers
  end
  local lines, theirs = copies.compare(headers, source, nil)
  end_here(lines, theirs, source.ended)
  local length
  if theirs["content-length"] or lines["content-length"] == nil then -- else a script has set one of its own
    length = take_length(lines, theirs)
  end
  description.fit(lines, theirs, source, content, is_text(body))
  return lines, length
end

-- Takes out of a response's headers what describes the upstream's body, where another one is in its place by now.
local function fit_response(headers, source, body)
  for name, value in next, source.kept do
    local spelt = multimap.spelling(headers, name)
    local holds = description.holds(name, value, source.message, body, is_text(body))
    if spelt and headers[spelt] == value and not holds then
      headers[spelt] = nil
    end
  end
end

--- The headers of an answer as a plain table: what a handler gave, for the body that goes with them.
---@param headers table?
---@param body any false: one that was made for it
---@return table<string, string|string[]>?
---@return string|false|nil # of those of an upstream's answer its Content-Length, false where it has none
function forwarding.answer_lines(headers, body)
  if headers == nil then
    return nil
  elseif type(headers) ~= "table" then
    refuse(headers)
  elseif sources[headers] then
    fit_response(headers, sources[headers], body)
    return headers
  elseif multimap.is_fields(headers) then
    local lines, length = lines_of_map(headers, body == nil and "" or body)
    return lines, length
  elseif not copies.live.is_any then -- nobody has looked at a message's fields, so none were copied
    return headers
  end
  return lines_of_plain(headers, body)
end

--- The same as a copy for a response object to keep and to change. Where its body is nil it may still come.
---@param headers table?
---@param body any
---@return table
---@return string|false|nil # as above
function forwarding.response_headers(headers, body)
  if headers == nil then
    return multimap.headers()
  elseif type(headers) ~= "table" then
    refuse(headers)
  elseif not multimap.is_fields(headers) then
    local lines, length = lines_of_plain(headers, body)
    local own = multimap.headers(lines)
    sources[own] = sources[headers]
    return own, length
  end
  local lines, length, kept, message = lines_of_map(headers, body)
  local own = multimap.headers(lines)
  sources[own] = kept and { message = message, kept = kept } or nil
  return own, length
end

return forwarding
