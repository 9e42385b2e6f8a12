-- Handing on: the fields of one message as those of another (RFC 9110 section 7.6).
--
-- What belongs to the connection, and what its Connection field names, is left out where fields are written, in the
-- core. Here goes what else is meant for the next server alone; and what a client says about those before it is
-- replaced, unless it is one of the trusted proxies.
local core = require "tidegate.core"
local multimap = require "tidegate.multimap"

local forwarding = {}

local trusted_networks, trusts_unix = {}, false
-- [fields of a request] = {exchange}; that of a request that has ended is false
local origins = setmetatable({}, { __mode = "k" })

--- The proxies in front of the gateway, whose word about their clients counts.
---@param networks string[] addresses, ranges like "10.0.0.0/8", and "unix:" for every peer on a Unix socket
function forwarding.trust(networks)
  trusted_networks, trusts_unix = {}, false
  for _, network in ipairs(networks) do
    if network == "unix:" then
      trusts_unix = true
    else
      trusted_networks[#trusted_networks + 1] = network
    end
  end
end

local function is_trusted(address)
  if address == "unix:" then
    return trusts_unix
  end
  for _, network in ipairs(trusted_networks) do
    if core.is_in_network(address, network) then
      return true
    end
  end
  return false
end

--- An address without its port.
---@param peer string? "127.0.0.1:52284", "[::1]:52284", "unix:"
function forwarding.without_port(peer)
  return peer and (peer:match("^%[(.*)%]:%d+$") or peer:match("^(.*):%d+$") or peer)
end

--- Says that fields are those of a request.
---@param origin table {exchange}, which its owner makes false at the request's end
function forwarding.mark(fields, origin)
  origins[fields] = origin
end

-- Of these the last says how the message was framed, which is no matter of where it goes.
local NEXT_SERVER_ONLY = {
  "proxy-authenticate", "proxy-authorization", "proxy-authentication-info", "transfer-encoding",
}

--- The fields of a message for another one, as a plain table.
---@param fields table what multimap.fields has made
---@return table<string, string|string[]> # names in lower case
function forwarding.lines(fields)
  local lines = multimap.to_lines(fields)
  for _, name in ipairs(NEXT_SERVER_ONLY) do
    lines[name] = nil
  end
  return lines
end

-- Fields that describe the very bytes of a body: those of another one are not described by them.
local OF_THE_BYTES = { "content-encoding", "content-range", "content-md5", "digest", "content-digest", "repr-digest" }

-- [fields of an upstream's answer] = its body, as long as the fields are there
local bodies = setmetatable({}, { __mode = "k" })

--- Says that fields are those of an answer with that body.
function forwarding.mark_answer(fields, body)
  bodies[fields] = body
end

local function leave_out(lines, names)
  for _, name in ipairs(names) do
    lines[name] = nil
  end
end

--- The fields of an upstream's answer for one of the gateway's own. Where that has another body, what described the old
--- one is left out; a table, which goes out as JSON, is not of the old type either.
---@param fields table what multimap.fields has made
---@param body any of the new answer
---@return table<string, string|string[]> # names in lower case, without Content-Length
---@return string|false # the Content-Length: the new one's too where nothing follows, as for HEAD
function forwarding.answer_lines(fields, body)
  local lines = forwarding.lines(fields)
  local length = lines["content-length"] or false
  lines["content-length"] = nil
  if body ~= nil and body ~= "" and body ~= bodies[fields] then
    leave_out(lines, OF_THE_BYTES)
    lines["content-type"] = type(body) ~= "table" and lines["content-type"] or nil
  end
  return lines, length
end

local function is_about_client(name)
  return name:find("^x%-forwarded%-") ~= nil or name == "forwarded" or name == "x-real-ip"
end

local function joined(value)
  return type(value) == "table" and table.concat(value, ", ") or value
end

-- Says of the client what the gateway knows; what the client says itself, where it is trusted, stays before that.
local function set_client(lines, exchange)
  local address = exchange and forwarding.without_port(core.request_peer(exchange))
  local before
  if address and is_trusted(address) then
    before = joined(lines["x-forwarded-for"])
  else
    for name in pairs(lines) do
      lines[name] = not is_about_client(name) and lines[name] or nil
    end
  end
  if not address then
    return
  end
  local known = core.is_network(address) and address or nil
  lines["x-forwarded-for"] = before and known and before .. ", " .. known or known or before
  lines["x-forwarded-host"] = lines["x-forwarded-host"] or core.request_authority(exchange)
  lines["x-forwarded-proto"] = lines["x-forwarded-proto"] or "http"
end

--- The fields of a message for a request to an upstream. Those of a request that came in get X-Forwarded-For,
--- X-Forwarded-Host and X-Forwarded-Proto.
---@param fields table what multimap.fields has made
---@return table<string, string|string[]> # names in lower case
function forwarding.request_lines(fields)
  local lines, origin = forwarding.lines(fields), origins[fields]
  lines.expect = nil -- the gateway has met it: the body is there
  if origin then
    set_client(lines, origin.exchange)
  end
  return lines
end

return forwarding
