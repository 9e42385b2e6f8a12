-- An upstream for tests: answers over streams in memory, late, slowly, by halves, or not at all.
local core = require "tidegate.core"
local json = require "tidegate.json"
local multimap = require "tidegate.multimap"
local task = require "tidegate.task"
local text = require "tidegate.text"

---@class tidegate.TestUpstream
---@field private streams table<tidegate.Stream, lightuserdata> the task that serves each
local Upstream = { __name = "tidegate.TestUpstream" }
Upstream.__index = Upstream

local failures = {
  reset = "closes the connection before it answers",
  silence = "never answers",
  garbage = "answers with bytes that are not HTTP",
}

local known = { address = true, routes = true, latency = true, failure = true, truncate_at = true, drip = true }

local upstream = {}

--- {address, routes = {["GET /path"] = answer}, latency = seconds, failure = "reset"|"silence"|"garbage",
--- truncate_at = bytes, drip = {bytes, seconds}}; an answer is a table (JSON), a string, a function(request) that
--- returns either, or {status, headers, body}.
function upstream.new(fields, origin)
  for name in pairs(fields) do
    if not known[name] then
      core.raise(("t.upstream has no field %q; it has address, routes, latency, failure, truncate_at and drip"):format(
        tostring(name)))
    end
  end
  if fields.failure and not failures[fields.failure] then
    core.raise("t.upstream: failure is reset, silence or garbage")
  end
  return setmetatable({ url = fields.address, origin = origin, fields = fields, requests = {}, streams = {} }, Upstream)
end

local function read_exactly(stream, wanted)
  local pieces, come = {}, 0
  while come < wanted do
    local piece = stream:read(wanted - come) or error("the client left within its body", 0)
    pieces[#pieces + 1], come = piece, come + #piece
  end
  return table.concat(pieces)
end

local function read_request(stream, origin)
  local head = stream:read_until "\r\n\r\n"
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
    body = read_exactly(stream, tonumber(headers["content-length"]) or 0),
  }
end

local function is_full_answer(answer)
  return type(answer) == "table" and (answer.status or answer.body) and true
end

-- What the test's own function answers. That it raises is a fault of the test, which hears of it at its end.
local function call(self, fn, request)
  local ok, answer = pcall(fn, request)
  if ok then
    return answer
  elseif not task.is_cancellation(answer) then
    self.fault = self.fault or { value = answer }
  end
  error(answer, 0)
end

-- Status, headers and body bytes of what a route gives.
local function answer_to(self, request)
  local routes = self.fields.routes or {}
  local path = request.path:match("^[^?]*")
  local answer = routes[request.method .. " " .. request.path] or routes[request.method .. " " .. path]
  if type(answer) == "function" then
    answer = call(self, answer, request)
  end
  if answer == nil then
    return 404, {}, ("no such route in this test: %s %s"):format(request.method, request.url)
  elseif is_full_answer(answer) then
    local body = answer.body or ""
    return answer.status or 200, answer.headers or {}, type(body) == "table" and json.encode(body) or body
  elseif type(answer) == "table" then
    return 200, { ["Content-Type"] = "application/json" }, json.encode(answer)
  end
  return 200, {}, text.of(answer, "an answer of t.upstream")
end

local function message(method, status, headers, body)
  local lines = { ("HTTP/1.1 %d %s"):format(status, core.status_reason(status)) }
  for name, value in pairs(headers) do
    for _, each in ipairs(type(value) == "table" and value or { value }) do
      lines[#lines + 1] = name .. ": " .. text.of(each, "header " .. name)
    end
  end
  lines[#lines + 1] = "Content-Length: " .. #body
  return table.concat(lines, "\r\n") .. "\r\n\r\n" .. (method == "HEAD" and "" or body)
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

-- Answers one request; false when the connection ends with it.
function Upstream:answer(stream, request)
  local fields = self.fields
  if fields.latency then
    task.sleep(fields.latency)
  end
  if fields.failure == "silence" then
    stream:read() -- until the client gives up
    return false
  elseif fields.failure == "garbage" then
    stream:write "this is not HTTP\r\n\r\n"
    return false
  elseif fields.failure == "reset" then
    return false
  end
  local bytes = message(request.method, answer_to(self, request))
  if fields.truncate_at then
    local head = bytes:find("\r\n\r\n", 1, true) + 3
    stream:write(bytes:sub(1, head + fields.truncate_at))
    return false
  end
  write_slowly(stream, bytes, fields.drip)
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
  pcall(serve_requests, self, stream) -- it fails where the client leaves
  self.streams[stream] = nil
  stream:close()
end

--- Ends every connection.
---@return {value: any}? # what an answer function has raised
function Upstream:close()
  for _, serving in pairs(self.streams) do
    task.cancel(serving, task.cancellation("the test has ended"))
  end
  return self.fault
end

return upstream
