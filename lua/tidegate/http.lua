-- The HTTP client: requests to upstreams. Every function waits, and never blocks the loop.
local access_log = require "tidegate.access_log"
local answer_decoding = require "tidegate.answer_decoding"
local call_url = require "tidegate.call_url"
local check = require "tidegate.check"
local compress = require "tidegate.compress"
local core = require "tidegate.core"
local errors = require "tidegate.errors"
local forwarding = require "tidegate.forwarding"
local json = require "tidegate.json"
local lazy_index = require("tidegate.lazy").index
local query_text = require("tidegate.query").text
local scope = require "tidegate.scope"
local shown_url = require("tidegate.url_message").shown

local call, call_lines, parse_url = core.call, forwarding.call_lines, call_url.parse
local decode = answer_decoding.whole
local error, getmetatable, setmetatable, type, pairs = error, getmetatable, setmetatable, type, pairs

---@class tidegate.ClientResponse
---@field status integer
---@field headers table<string, string> without regard to case; tg.values(headers, name) for all
---@field url string that was called, with its query
---@field timing {seconds: number} how long the call took
local Response = { __name = "tidegate.ClientResponse" }
local methods, lazy = {}, {}

Response.__index = lazy_index(methods, lazy)

function lazy.headers(self)
  local flat, count = {}, 0
  for name, value in self._lines:gmatch "%f[^%z\r\n]([^%z:\r\n]+): ([^\r\n]*)" do
    flat[count + 1], flat[count + 2] = name, value
    count = count + 2
  end
  return forwarding.fields_of_answer(self, flat)
end

function lazy.url(self)
  return "http://" .. self._authority .. self._target
end

function lazy.timing(self)
  return { seconds = self._seconds }
end

local function decoded_body(self)
  local decoded = self._decoded
  if decoded == nil then
    local body, coding = self._body, self._coding
    decoded = coding and body ~= "" and decode(shown_url(self.url), coding, body) or body
    self._decoded = decoded
  end
  return decoded
end

--- The body, whole. With `decode`, its Content-Encoding is undone: that may wait, and raises an error of kind
--- "encoding", "too_large" or "busy" where it cannot be.
---@async
---@param options? {decode?: boolean}
---@return string
function methods:body(options)
  if options ~= nil and compress.is_decode_wanted(options, "answer:body") then
    return decoded_body(self)
  end
  return self._body
end

--- The body as JSON, whatever its Content-Encoding. Raises an error of kind "json", answered with 502 where nobody
--- catches it, and those of decoding.
---@async
---@return any
function methods:json()
  local ok, value = json.try_decode(decoded_body(self))
  if ok then
    return value
  end
  error(errors.new {
    kind = "json",
    status = 502,
    detail = "an upstream's answer is not JSON",
    message = ("%s answered %d with a body that is not JSON: %s"):format(shown_url(self.url), self.status, value),
    cause = value,
  }, 0)
end

--- Raises an error of kind "status" for 4xx and 5xx, answered with 502 where nobody catches it.
---@return tidegate.ClientResponse # itself
function methods:raise()
  if self.status < 400 then
    return self
  end
  error(errors.new {
    kind = "status",
    status = 502,
    detail = "an upstream answered with an error",
    message = ("%s answered %d %s"):format(shown_url(self.url), self.status, core.status_reason(self.status)),
    cause = self,
  }, 0)
end

check.methods(Response, "answer", methods)

local FAILURES = {
  connect = "cannot be reached",
  closed = "closed the connection before its answer was whole",
  protocol = "answered with something that is not HTTP",
  too_large = "answered with more than the gateway accepts",
  timeout = "did not answer in time",
  busy = "has too many calls waiting for a connection",
  memory = "could not be called: out of memory",
}

local function fail(authority, target, kind, detail)
  local url = shown_url("http://" .. authority .. target)
  error(errors.new {
    kind = kind,
    status = kind == "timeout" and 504 or kind == "busy" and 503 or 502,
    detail = "an upstream " .. FAILURES[kind],
    message = url .. " " .. FAILURES[kind] .. (detail and ": " .. detail or ""),
    cause = detail,
  }, 0)
end

local is_seconds = check.number(0, 1e9)
local SECONDS = "a number of seconds from 0 to 1e9"
local OTHERS = {
  params = "query", data = "body", payload = "body", content = "body", header = "headers", timeout_ms = "timeout",
}
local call_options = check.options_of("an HTTP call", {
  { "path", "table", "a table of what stands for each {name} of the URL" },
  { "query", "table", "a table of names and values" },
  { "headers", "table", "a table of names and values" },
  { "body", "string", "a string (json = … sends a table, form = … a form)" },
  { "json", "any" },
  { "form", "table", "a table of names and values" },
  { "timeout", is_seconds, SECONDS },
  { "forward_deadline", "boolean", "true or false" },
}, OTHERS)

local function refuse_bodies(one, other)
  core.raise(("an HTTP call has one body, and this one is given %s and %s"):format(one, other))
end

local function body_of(options)
  local form, body = options.form, options.body
  if options.json ~= nil then
    if form or body then
      refuse_bodies("json", form and "form" or "body")
    end
    return json.encode(options.json), "application/json"
  elseif form then
    if body then
      refuse_bodies("form", "body")
    end
    return query_text(form, "form"), "application/x-www-form-urlencoded"
  end
  return body, nil
end

local function answer(authority, target, status, body, lines, seconds, coding)
  if access_log.is_on then
    core.note_upstream(authority, status or 0, seconds)
  end
  if not status then
    fail(authority, target, body, lines) -- here they are kind and detail
  end
  local response = {
    status = status,
    _authority = authority,
    _target = target,
    _body = body,
    _lines = lines,
    _seconds = seconds,
    _coding = coding,
  }
  setmetatable(response, Response) -- LuaJIT compiles no function that ends in a call of it
  return response
end

local NONE = {}

local DEADLINE_FIELD = "X-Request-Timeout-Ms"
local DEADLINE_MS_MAX = 9999999999 -- the most that serve.lua takes

-- What remains of the time until the earliest deadline, as a header, which goes in place of what others say of it:
-- those of a request that is handed on tell what it had at first. nil where there is no deadline.
local function deadline_header()
  local seconds = scope.remaining()
  return seconds and { [DEADLINE_FIELD] = math.min(math.ceil(seconds * 1000), DEADLINE_MS_MAX) }
end

-- What goes into a call with options: its target, headers, body and the body's type.
local function read_options(at, url, options, own)
  check.options(call_options, options)
  local target = at.target
  if at.slots or options.path then
    target = call_url.fill(at, url, options.path)
  end
  local query = options.query and query_text(options.query, "query") or ""
  if query ~= "" then
    target = target .. at.joint .. query
  end
  local headers = own or options.headers
  if headers or options.forward_deadline then
    headers = call_lines(options.body or false, own, options.headers, options.forward_deadline and deadline_header())
  end
  return target, headers, body_of(options)
end

-- `own` are the headers of a client, which those of the call stand above. Not by way of task.results: a function of any
-- number of arguments costs as much as the rest of it.
local function request(method, url, options, own)
  local at = parse_url(url)
  local authority, target, headers, body, kind, timeout = at.authority, at.target, nil, nil, nil, nil
  if options or own or at.slots then
    options = options or NONE
    target, headers, body, kind = read_options(at, url, options, own)
    timeout = options.timeout
  end
  local err, status, text, lines, seconds, coding =
    call(at.host, at.port, method, authority, target, headers, body, kind, timeout)
  if err ~= nil then
    error(err, 0)
  end
  return answer(authority, target, status, text, lines, seconds, coding)
end

---@class tidegate.CallOptions
---@field path? table<string, string|number|boolean|(string|number)[]> what stands for each {name} of the URL's path
---@field query? table<string, string|number|boolean|(string|number|boolean)[]>
---@field headers? table<string, string|string[]>
---@field body? string
---@field json? any sent as the body, as JSON
---@field form? table<string, string> sent as the body, as a form
---@field forward_deadline? boolean send what remains until the earliest deadline as X-Request-Timeout-Ms
---@field timeout? number seconds for the whole call, from the look-up of the name to the last byte; 60 by default

local http = {}

--- Sends a request and waits for the whole response. A 4xx or 5xx is a response like any other; no response is an error
--- of kind "connect", "closed", "protocol", "too_large", "timeout" or "busy".
---@async
---@param method string "GET", …
---@param url string "http://host:port/path", with {names} where options.path has values for them
---@param options? tidegate.CallOptions
---@return tidegate.ClientResponse
function http.request(method, url, options)
  return request(method, url, options)
end

local verbs = { "GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS" }

for _, method in ipairs(verbs) do
  http[method:lower()] = function(url, options)
    return request(method, url, options)
  end
end

---@class tidegate.Client
---@field base_url string
---@field headers table?
---@field timeout number?
local Client = { __name = "tidegate.Client" }
Client.__index = Client

--- Sends a request to a path below the client's base URL, with the client's headers and timeout where the call has
--- none of its own.
---@async
function Client:request(method, path, options)
  check.options(call_options, options)
  local all = {}
  for name, value in pairs(options or NONE) do
    all[name] = value
  end
  if type(path) ~= "string" or not path:find("^[/?]") and path ~= "" then
    core.raise(("a client's path must begin with a slash or a question mark, or be empty, and %q does not: it is "
      .. "appended to base_url"):format(shown_url(path)))
  end
  all.timeout = all.timeout or self.timeout
  if all.forward_deadline == nil then
    all.forward_deadline = self.forward_deadline
  end
  return request(method, self.base_url .. path, all, self.headers)
end

for _, method in ipairs(verbs) do
  Client[method:lower()] = function(self, path, options)
    return self:request(method, path, options)
  end
end

check.methods(Client, "client")

local client_fields = check.options_of("tg.http.client", {
  { "base_url", "string", 'a URL, as "http://name:port/path"' },
  { "headers", "table", "a table of names and values" },
  { "timeout", is_seconds, SECONDS },
  { "forward_deadline", "boolean", "true or false" },
}, { url = "base_url", base = "base_url", host = "base_url", upstream = "base_url", timeout_ms = "timeout" }, "field")

local function check_client(fields)
  if type(fields) ~= "table" or getmetatable(fields) == Client then
    check.refuse('tg.http.client takes a table with base_url = "http://name:port/path"', fields)
  end
  check.options(client_fields, fields)
  if fields.base_url == nil then
    core.raise 'tg.http.client takes a table with base_url = "http://name:port/path", and this one has none'
  end
  forwarding.check_headers(fields.headers, "tg.http.client: headers")
end

--- A client for one upstream.
---@param fields {base_url: string, headers?: table, timeout?: number, forward_deadline?: boolean}
---@return tidegate.Client
function http.client(fields)
  check_client(fields)
  return setmetatable({
    base_url = call_url.base(fields.base_url),
    headers = fields.headers,
    timeout = fields.timeout,
    forward_deadline = fields.forward_deadline or false,
  }, Client)
end

return http
