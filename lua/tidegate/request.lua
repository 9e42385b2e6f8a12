-- A request as a handler sees it. What it holds is read from the exchange when it is asked for, and kept.
local check = require "tidegate.check"
local compress = require "tidegate.compress"
local core = require "tidegate.core"
local errors = require "tidegate.errors"
local forwarding = require "tidegate.forwarding"
local json = require "tidegate.json"
local lazy_index = require("tidegate.lazy").index
local multimap = require "tidegate.multimap"
local request_decoding = require "tidegate.request_decoding"
local request_id = require "tidegate.request_id"
local task = require "tidegate.task"

local is_decode_wanted = compress.is_decode_wanted
local rawset, setmetatable = rawset, setmetatable

local PAIRS_MAX = 1000 -- of a query; and of a form whose route does not say otherwise

---@class tidegate.Request
---@field method string "GET", …
---@field path string normalised and percent-encoded; what the router saw
---@field params table<string, string> what the pattern's {names} stand for, decoded
---@field query table<string, string> decoded; the first of several; tg.values(query, key) for all
---@field headers table<string, string> without regard to case; tg.values(headers, name) for all
---@field cookies table<string, string> the first of several; tg.values(cookies, name) for all
---@field host string? host and port that the client asked for, as trusted proxies say; nil in HTTP/1.0 without
---@field scheme "http"|"https" how the client asked, as trusted proxies say
---@field target string the request target as it was sent
---@field version "1.1"|"1.0"
---@field remote_address string? the client's address without a port: behind trusted proxies the nearest hop that is
--- none of them, which may be a name there ("unknown", "_hidden"); "unix:" for a Unix socket
---@field peer string? the other end of the connection: "127.0.0.1:52284", "unix:"
---@field id string in the log and in every problem+json; X-Request-Id of a trusted proxy, or a unique one
local Request = { __name = "tidegate.Request" }

local lazy, methods = {}, {}
local request = {}

Request.__index = lazy_index(methods, lazy)

function lazy.id(self)
  return request_id.of(core.request_id(self._exchange))
end

function lazy.query(self)
  local text = core.request_query(self._exchange)
  if not text then
    return multimap.pairs {}
  end
  local flat, wrong = core.parse_pairs(text, PAIRS_MAX)
  if not flat then
    errors.abort(400, "the query: " .. wrong)
  end
  return multimap.pairs(flat)
end

function lazy.headers(self)
  return forwarding.fields_of_request(self)
end

-- A text without the blanks at its ends, in linear time.
local function trim(text)
  local first = text:find "[^ \t]"
  if not first then
    return ""
  end
  local last = #text
  while text:byte(last) == 32 or text:byte(last) == 9 do
    last = last - 1
  end
  return text:sub(first, last)
end

function lazy.cookies(self)
  local flat = {}
  for pair in (self.headers.cookie or ""):gmatch "[^;]+" do
    local equals = pair:find("=", 1, true)
    local name = equals and trim(pair:sub(1, equals - 1))
    if name and name ~= "" then
      local value = trim(pair:sub(equals + 1))
      flat[#flat + 1], flat[#flat + 2] = name, value:match '^"(.*)"$' or value
    end
  end
  return multimap.pairs(flat)
end

function lazy.params()
  return {}
end

function lazy.scheme(self)
  return core.request_scheme(self._exchange)
end

function lazy.host(self)
  return core.request_host(self._exchange)
end

function lazy.target(self)
  return core.request_target(self._exchange)
end

function lazy.version(self)
  return core.request_version(self._exchange)
end

function lazy.remote_address(self)
  return core.request_address(self._exchange)
end

function lazy.peer(self)
  return core.request_peer(self._exchange)
end

-- What comes of the body, where it has not failed and the client is not gone.
local function body_or_abort(self, bytes, status, detail)
  if status == 0 then
    error(task.gone(core.request_task(self._exchange)), 0)
  elseif status then
    errors.abort(status, detail)
  end
  return bytes
end

local function raw_body(self)
  if self._body == nil then
    rawset(self, "_body", body_or_abort(self, task.results(core.request_body(self._exchange))))
  end
  return self._body
end

local function decoded_body(self)
  if self._decoded == nil then
    local body, exchange = raw_body(self), self._exchange
    rawset(self, "_decoded", request_decoding.is_encoded(exchange) and request_decoding.whole(exchange, body) or body)
  end
  return self._decoded
end

--- The body, whole. Waits until it has come. A body that is too large, too slow or broken ends the request with 413,
--- 408 or 400. With `decode`, its Content-Encoding is undone: 415 for one that is not known, 400 where it is broken,
--- 413 where it becomes too large.
---@async
---@param options? {decode?: boolean}
---@return string # "" when there is none
function methods:body(options)
  return is_decode_wanted(options, "request:body") and decoded_body(self) or raw_body(self)
end

-- The next piece of a body; of one that was taken whole, that whole, once.
local function next_piece(self)
  if self._body then
    task.check_can_wait "request:chunks"
    local whole = self._body
    rawset(self, "_body", "")
    return whole ~= "" and whole or nil
  end
  return body_or_abort(self, task.results(core.request_piece(self._exchange)))
end

--- The body in pieces, as they come: `for bytes in request:chunks() do … end`. While nobody takes them, the client
--- waits. Ends the request as body() does.
---@async
---@param options? {decode?: boolean} false: as it was sent
---@return fun(): string? # the next piece, which is never empty; nil at the end
function methods:chunks(options)
  local function pieces()
    return next_piece(self)
  end
  return is_decode_wanted(options, "request:chunks") and request_decoding.pieces(self._exchange, pieces) or pieces
end

--- The body as JSON, whatever its Content-Encoding. Ends the request with 400 when it is none.
---@async
---@return any
function methods:json()
  local ok, value = json.try_decode(decoded_body(self))
  if not ok then
    errors.abort(400, value == json.EMPTY and "the body is empty" or "the body is not JSON: " .. value)
  end
  return value
end

local form_options = check.options_of("request:form", {
  { "form_pairs_max", check.number(0, math.huge), "a number, 0 or more" },
})

local function form_pairs_max(options)
  check.options(form_options, options)
  return options and options.form_pairs_max or PAIRS_MAX
end

--- The body as a form (application/x-www-form-urlencoded). Ends the request with 415 where it is none, 400 where it is
--- broken, 413 where it has more than `form_pairs_max` pairs.
---@async
---@param options? {form_pairs_max?: integer} 1000
---@return table<string, string> # the first of several values; tg.values(form, key) for all
function methods:form(options)
  local pairs_max = form_pairs_max(options)
  local kind = (self.headers["content-type"] or ""):match("^%s*([^;%s]*)"):lower()
  if kind ~= "application/x-www-form-urlencoded" then
    errors.abort(415, "a form must be application/x-www-form-urlencoded")
  end
  local flat, wrong, too_many = core.parse_pairs(decoded_body(self), pairs_max)
  if not flat then
    errors.abort(too_many and 413 or 400, "the form: " .. wrong)
  end
  return multimap.pairs(flat)
end

--- The parts of a multipart/form-data body, as they come: `for part in request:parts() do … end`; decoded by its
--- Content-Encoding. Ends the request with 415 where it is none, 400 where it is broken, 413 where it is over a limit.
---@async
---@param options? tidegate.PartsOptions
---@return fun(): tidegate.Part?
function methods:parts(options)
  return require("tidegate.multipart").parts(self, options)
end

check.methods(Request, "request", methods)

function Request.__tostring(self)
  return self.method .. " " .. self.path
end

--- A request over an exchange of the core's.
function request.new(exchange, method, path)
  local self = { _exchange = exchange, method = method, path = path }
  setmetatable(self, Request) -- LuaJIT compiles no function that ends in a call of it
  return self
end

return request
