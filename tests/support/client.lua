-- A client that sends exactly the bytes that a test gives it, and reads answers one by one.
local tg = require "tidegate"
local wait = require "tests.support.wait"

local Client = {}
Client.__index = Client

---@class tests.Answer
---@field status integer
---@field head string status line and fields as they came
---@field headers table<string, string> by name in lower case; of several, the last
---@field body string

local function parse(head)
  local version, status, reason = head:match("^HTTP/(1%.%d) (%d%d%d) ([^\r\n]*)\r\n")
  assert(version, "no status line: " .. head)
  local headers = {}
  for name, value in head:gmatch("\r\n([^:\r\n]+): ([^\r\n]*)") do
    headers[name:lower()] = value
  end
  return { status = tonumber(status), reason = reason, version = version, head = head, headers = headers, body = "" }
end

local function has_body(answer)
  return answer.status >= 200 and answer.status ~= 204 and answer.status ~= 304
end

local client = {}

--- One that is not connected yet.
function client.new()
  return setmetatable({}, Client)
end

---@async
function client.connect(port)
  local self = client.new()
  self:open(port)
  return self
end

--- Connects to a port of 127.0.0.1.
---@async
function Client:open(port)
  self.stream = tg.tcp.connect("127.0.0.1", port)
end

---@async
function Client:send(bytes)
  self.stream:write(bytes)
end

-- Exactly `count` bytes.
local function read_exactly(stream, count)
  local parts = {}
  while count > 0 do
    local bytes = assert(stream:read(count), "the connection was closed within a body")
    parts[#parts + 1] = bytes
    count = count - #bytes
  end
  return table.concat(parts)
end

-- A chunked body, freed of its framing.
local function read_chunks(stream)
  local parts = {}
  while true do
    local line = assert(stream:read_until("\r\n"), "the connection was closed within a chunked body")
    local size = tonumber(line:match "^(%x+)\r\n$", 16)
    parts[#parts + 1] = read_exactly(stream, size)
    assert(read_exactly(stream, 2) == "\r\n", "a chunk does not end in a line end")
    if size == 0 then
      return table.concat(parts)
    end
  end
end

local function read_body(stream, headers)
  if headers["transfer-encoding"] == "chunked" then
    return read_chunks(stream)
  end
  return read_exactly(stream, tonumber(headers["content-length"]))
end

--- Reads the next answer.
---@async
---@param to_head? boolean it answers HEAD and has no body
---@return tests.Answer
function Client:read(to_head)
  return wait.within(function()
    local head = assert(self.stream:read_until("\r\n\r\n"), "the connection was closed without an answer")
    local answer = parse(head)
    if has_body(answer) and not to_head then
      answer.body = read_body(self.stream, answer.headers)
    end
    return answer
  end)
end

--- Sends a request and reads its answer.
---@async
function Client:ask(bytes, to_head)
  self:send(bytes)
  return self:read(to_head)
end

--- Reads until the server closes the connection.
---@async
---@return string # what came before
function Client:read_rest()
  return wait.within(function()
    local parts = {}
    for bytes in function() return self.stream:read() end do
      parts[#parts + 1] = bytes
    end
    return table.concat(parts)
  end)
end

--- Ends the own side; reading goes on.
function Client:finish()
  self.stream:finish()
end

function Client:close()
  self.stream:close()
end

return client
