-- Answering: what a handler returned goes onto its exchange, whole, in pieces, or as a part of a file; compressed where
-- the client takes that and it is worth it.
local core = require "tidegate.core"
local compress = require "tidegate.compress"
local errors = require "tidegate.errors"
local forwarding = require "tidegate.forwarding"
local json = require "tidegate.json"
local multimap = require "tidegate.multimap"
local response = require "tidegate.response"
local task = require "tidegate.task"

local type, xpcall, pairs = type, xpcall, pairs
local respond, encode, results = core.respond, json.encode, task.results
local raw_bytes, is_file, is_response = response.raw_bytes, response.is_file, response.is_response

local JSON = "application/json"
local TEXT = "text/plain; charset=utf-8"
local NO_BODY = { [204] = true, [304] = true }

local answer = {}

---@class tidegate.Compression
---@field on boolean of routes that do not say themselves
---@field bytes_min integer smaller bodies are sent as they are

-- May the answer be compressed? The route's own option comes first.
local function wants(request, compression)
  local own = request._compress
  if own ~= nil then
    return own
  end
  return compression.on
end

-- A body that is there as a whole.
local function reply(exchange, request, compression, status, media_type, text, headers)
  if #text >= compression.bytes_min and wants(request, compression) then
    local found = { status = status, headers = headers, type = media_type, size = #text }
    local coding, own = compress.choose(request.headers["accept-encoding"], found,
      { compress_bytes_min = compression.bytes_min })
    text, headers = coding and compress.encode(coding, text) or text, own
  end
  return respond(exchange, status, media_type, text, headers)
end

-- The Content-Length that a handler gives for a body in pieces.
local function length_of(headers)
  for name, value in pairs(headers or {}) do
    if type(name) == "string" and name:lower() == "content-length" then
      return tostring(value):match "^%d+$" and tonumber(value)
        or core.raise("header Content-Length: a number of bytes is expected, and this is none")
    end
  end
end

local function send(exchange, bytes)
  if results(core.answer_write(exchange, bytes)) == false then
    error(errors.new { kind = "closed", message = "write: the client is gone" }, 0)
  end
end

-- Calls `body` with a function that hands on what it is given, as long as `body` runs.
local function run(body, hand_on)
  local is_open = true
  local function write(bytes)
    if not is_open then
      core.raise("write: the function that this write was made for has ended")
    elseif type(bytes) ~= "string" then
      core.raise(("write takes a string, not a %s"):format(type(bytes)))
    end
    hand_on(bytes)
  end
  local ok, err = xpcall(body, task.note_trace, write)
  is_open = false
  return ok, err
end

-- Each piece is with the client at once, so each is flushed through the encoder.
local function run_encoded(exchange, body, coding)
  local encoder = compress.encoder(coding)
  local ok, err = run(body, function(bytes)
    if bytes ~= "" then
      send(exchange, encoder:write(bytes) .. encoder:flush())
    end
  end)
  if ok then
    ok, err = xpcall(function() send(exchange, encoder:finish()) end, task.note_trace)
  end
  encoder:close()
  return ok, err
end

-- Sends the head, and what `body` writes as it does so. Returns when all is written, not when all is read.
local function stream(exchange, request, compression, status, body, headers)
  local length, coding = length_of(headers), nil
  if not length and wants(request, compression) then
    coding, headers = compress.choose(request.headers["accept-encoding"], { status = status, headers = headers })
  end
  core.answer_start(exchange, status, nil, length, headers)
  local ok, err
  if coding then
    ok, err = run_encoded(exchange, body, coding)
  else
    ok, err = run(body, function(bytes) send(exchange, bytes) end)
  end
  if not ok then
    task.raise_again(err, task.trace(), "")
  end
  core.answer_end(exchange)
end

local function send_file(exchange, request, status, body, headers)
  core.answer_start(exchange, status, nil, body.bytes, headers)
  if request.method ~= "HEAD" then
    local wrong = results(core.answer_file(exchange, body.file, body.first, body.bytes))
    if wrong then
      error("a file could not be sent: " .. wrong, 0)
    end
  end
  core.file_close(body.file)
  core.answer_end(exchange)
end

local function in_full(exchange, request, compression, status, body, headers)
  if headers and multimap.is_fields(headers) then
    headers = forwarding.lines(headers)
  end
  local kind = type(body)
  if kind == "table" and is_file(body) then
    return send_file(exchange, request, status, body, headers)
  elseif kind == "table" then
    return reply(exchange, request, compression, status, JSON, encode(body), headers)
  elseif kind == "string" then
    return reply(exchange, request, compression, status, TEXT, body, headers)
  elseif kind == "nil" then
    return respond(exchange, status, nil, nil, headers)
  elseif kind == "number" then
    return respond(exchange, status, TEXT, tostring(body), headers)
  elseif raw_bytes(body) then
    return reply(exchange, request, compression, status, JSON, raw_bytes(body), headers)
  elseif kind == "function" and (request.method == "HEAD" or NO_BODY[status]) then
    return respond(exchange, status, nil, nil, headers)
  elseif kind == "function" then
    return stream(exchange, request, compression, status, body, headers)
  end
  error(("a response's body must be a string, a table or a function(write), not a %s"):format(kind), 0)
end

--- Answers an exchange with what a handler returned.
---@async
---@param compression tidegate.Compression
function answer.send(exchange, request, compression, first, body, headers)
  local kind = type(first)
  if kind == "table" then
    if is_response(first) then
      return in_full(exchange, request, compression, first.status, first.body, first.headers)
    end
    local text = encode(first)
    if #text < compression.bytes_min then -- as most answers: they are not worth a call of their own
      return respond(exchange, 200, JSON, text)
    end
    return reply(exchange, request, compression, 200, JSON, text)
  elseif kind == "string" then
    return reply(exchange, request, compression, 200, TEXT, first)
  elseif kind == "nil" then
    return respond(exchange, 204)
  elseif kind == "number" then
    return in_full(exchange, request, compression, first, body, headers)
  elseif raw_bytes(first) then
    return reply(exchange, request, compression, 200, JSON, raw_bytes(first))
  end
  return response.refuse(kind)
end

return answer
