-- An upstream for tests: answers over streams in memory, late, slowly, by halves, or not at all. What a test did not
-- mean to ask of it is a fault, of which the test hears at its end.
local check = require "tidegate.check"
local core = require "tidegate.core"
local errors = require "tidegate.errors"
local multimap = require "tidegate.multimap"
local router = require "tidegate.router"
local task = require "tidegate.task"
local text = require "tidegate.text"
local testing_answer = require "tidegate.testing_answer"

---@class tidegate.TestUpstream
---@field private streams table<tidegate.Stream, lightuserdata> the task that serves each
local Upstream = { __name = "tidegate.TestUpstream" }
Upstream.__index = Upstream

local known = testing_answer.options_of("t.upstream", {
  { "address", "string", "a text" },
  { "routes", "table", 'a table {["GET /path"] = answer}' },
  { "stream", "function", "a function(stream)" },
}, { delay = "latency", url = "address" })

local upstream = {}

local METHODS = { "GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS" }

local function fail_key(key)
  core.raise(('t.upstream: the route %s must read "METHOD /path", as "GET /things/{id}"'):format(
    type(key) == "string" and ("%q"):format(key) or tostring(key)))
end

-- The routes: those whose keys have a query by their whole key, the others by a router.
local function read_routes(routes)
  local exact, patterns = {}, router.new()
  for key, answer in pairs(routes) do
    local method, path = tostring(key):match "^(%u+) (/.*)$"
    if not method then
      fail_key(key)
    end
    if path:find("?", 1, true) then
      exact[key] = answer
    end
    for _, each in ipairs(method == "ANY" and METHODS or { method }) do
      if not path:find("?", 1, true) then
        local ok, why = pcall(patterns.add, patterns, each, path, { answer = answer, place = "this t.upstream" })
        if not ok then
          core.raise("t.upstream: " .. why)
        end
      end
    end
  end
  return exact, patterns
end

local function check_fields(fields)
  check.options(known, fields)
  if fields.stream and fields.routes then
    core.raise "t.upstream: either routes, for HTTP, or stream, for another protocol"
  end
end

--- {address, routes = {["GET /path/{id}"] = answer}, stream = function(stream), latency = seconds,
--- failure = "refused"|"reset"|"silence"|"garbage", truncate_at = bytes, drip = {bytes, seconds}}; an answer is a table
--- (JSON), a string (text), what t.answer makes, or a function(request) that returns one of these.
function upstream.new(fields, origin)
  check_fields(fields)
  local self = { url = fields.address, origin = origin, fields = fields, requests = {}, streams = {} }
  setmetatable(self, Upstream)
  self.exact, self.patterns = read_routes(fields.routes or {})
  return self
end

-- Remembers what fails the test; the first is told.
local function note_fault(self, value)
  self.fault = self.fault or { value = value }
end

local LEFT = "the client left in the middle of its body"

-- Has only the client left, or the test ended? Then nothing is wrong.
local function is_end(err)
  return task.is_cancellation(err) or err == LEFT or errors.is_error(err) and err.kind == "closed"
end

local function read_body(stream, wanted)
  local pieces, count = {}, 0
  while count < wanted do
    local piece = stream:read(wanted - count) or error(LEFT, 0)
    pieces[#pieces + 1] = piece
    count = count + #piece
  end
  return table.concat(pieces)
end

local function read_request(stream, origin)
  local head = stream:read_until("\r\n\r\n", 1024 * 1024)
  if not head then
    return nil
  end
  local method, path = head:match("^(%S+) (%S+)")
  local flat = {}
  for name, value in head:gmatch "\r\n([^:\r\n]+): ?([^\r\n]*)" do
    flat[#flat + 1], flat[#flat + 2] = name, value
  end
  local headers = multimap.fields(flat)
  local query = path:match "%?(.*)"
  return {
    method = method,
    url = origin .. path,
    path = path,
    query = multimap.pairs(query and core.parse_pairs(query, 1e6) or {}),
    headers = headers,
    body = read_body(stream, tonumber(headers["content-length"]) or 0),
  }
end

-- What the test's own function answers. That it raises is a fault of the test, which hears of it at its end.
local function call(self, fn, value)
  local ok, answer = pcall(fn, value)
  if ok then
    return answer
  elseif not task.is_cancellation(answer) then
    note_fault(self, answer)
  end
  error(answer, 0)
end

local function list_routes(self)
  local names = {}
  for name in pairs(self.fields.routes or {}) do
    names[#names + 1] = name
  end
  table.sort(names)
  return #names > 0 and "it has " .. table.concat(names, ", ") or "it has none"
end

local function find(self, request)
  local own = self.exact[request.method .. " " .. request.path]
  if own ~= nil then
    return own, {}
  end
  local path = core.normalize_path(request.path:match "^[^?]*") or request.path
  local route, params = self.patterns:find(request.method, path) -- linear: a router
  if route then
    return route.answer, params or {}
  end
end

-- What the route of a request gives.
local function answer_to(self, request)
  local answer, params = find(self, request)
  if answer == nil then
    note_fault(self, ("the upstream %s got a request for which it has no route: %s %s; %s"):format(
      self.url, request.method, request.path, list_routes(self)))
    return testing_answer.new { status = 404, body = "no such route in this test" }
  end
  if type(answer) == "function" then
    request.params = params
    answer = call(self, answer, request)
    if answer == nil then
      note_fault(self, ("the upstream %s: the function for %s %s returned nothing"):format(
        self.url, request.method, request.path))
      answer = testing_answer.new { status = 500, body = "no answer in this test" }
    end
  end
  return testing_answer.of(answer)
end

local function message(method, answer)
  local lines = { ("HTTP/1.1 %d %s"):format(answer.status, core.status_reason(answer.status)) }
  local has_length = answer.status >= 200 and answer.status ~= 204 and answer.status ~= 304
  for name, value in pairs(answer.headers) do
    for _, each in ipairs(type(value) == "table" and value or { value }) do
      lines[#lines + 1] = name .. ": " .. text.of(each, "header " .. name)
    end
    has_length = has_length and not name:lower():find "^content%-length$"
  end
  if has_length then
    lines[#lines + 1] = "Content-Length: " .. #answer.body
  end
  return table.concat(lines, "\r\n") .. "\r\n\r\n" .. (method == "HEAD" and "" or answer.body)
end

local function write_slowly(stream, bytes, drip)
  if not drip then
    return stream:write(bytes)
  end
  local size, pause = drip.bytes or 1, drip.seconds or 1
  for at = 1, #bytes, size do
    if at > 1 then
      task.sleep(pause)
    end
    stream:write(bytes:sub(at, at + size - 1))
  end
end

-- Waits and fails as it was told to; true where nothing more is to be answered.
local function misbehave(stream, behaviour)
  if behaviour.latency then
    task.sleep(behaviour.latency)
  end
  if behaviour.failure == "silence" then
    stream:read() -- until the client gives up
  elseif behaviour.failure == "garbage" then
    stream:write "this is not HTTP\r\n\r\n"
  end
  return behaviour.failure ~= nil
end

-- Answers one request; false when the connection ends with it.
function Upstream:answer(stream, request)
  local fields = self.fields
  if misbehave(stream, fields) then
    return false
  end
  local answer = answer_to(self, request)
  if misbehave(stream, answer) then
    return false
  end
  local bytes, truncate_at = message(request.method, answer), answer.truncate_at or fields.truncate_at
  if truncate_at then
    local head = bytes:find("\r\n\r\n", 1, true) + 3
    stream:write(bytes:sub(1, head + truncate_at))
    return false
  end
  write_slowly(stream, bytes, answer.drip or fields.drip)
  return true
end

local function serve_requests(self, stream)
  local request = read_request(stream, self.origin)
  while request do
    self.requests[#self.requests + 1] = request
    if not self:answer(stream, request) then
      return
    end
    request = read_request(stream, self.origin)
  end
end


--- Serves one connection, until either side ends it.
function Upstream:serve(stream)
  self.streams[stream] = core.current()
  local ok, err
  if self.fields.stream then
    ok, err = pcall(self.fields.stream, stream)
  else
    ok, err = pcall(serve_requests, self, stream)
  end
  if not ok and not is_end(err) then
    note_fault(self, err)
  end
  self.streams[stream] = nil
  stream:close()
end

--- Ends every connection.
---@return {value: any}? # what fails the test
function Upstream:close()
  for _, serving in pairs(self.streams) do
    task.cancel(serving, task.cancellation("the test has ended"))
  end
  return self.fault
end

return upstream
