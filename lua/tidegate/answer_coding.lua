-- Answers by Accept-Encoding: whole ones encoded before they are sent, those in pieces as they are written, files as
-- they are read.
--
-- Which answers, and with what headers, is decided in compress.lua.
local compress = require "tidegate.compress"
local core = require "tidegate.core"
local errors = require "tidegate.errors"
local spelling = require("tidegate.multimap").spelling
local task = require "tidegate.task"

local answer_coding = {}

--- How an app's answers are compressed.
---@class tidegate.Compression
---@field compress boolean those of routes that do not say themselves
---@field compress_bytes_min integer smaller bodies are sent as they are
---@field compress_bodies_max integer that are encoded at once; others are sent as they are
---@field compress_types table<string, boolean> as compress.types
local BODIES_MAX = 100 -- encoders at the same time: at one or two megabytes each

-- A list of types as a set; "usual" stands for compress.types. Events are among "text/*", and are encoded by those only
-- who name them.
local function set_of(types)
  local set = { ["text/event-stream"] = false }
  for _, name in ipairs(types) do
    for usual, is_compressed in pairs(name == "usual" and compress.types or {}) do
      set[usual] = set[usual] or is_compressed
    end
    set[name:lower()] = true
  end
  return set
end

--- What the settings say of it; what they do not say is as usual.
---@param values {compress: boolean?, compress_bytes_min: integer?, compress_bodies_max: integer?,
--- compress_types: string[]?}
---@return tidegate.Compression
function answer_coding.read(values)
  return {
    compress = values.compress or false,
    compress_bytes_min = values.compress_bytes_min or compress.bytes_min,
    compress_bodies_max = values.compress_bodies_max or BODIES_MAX,
    compress_types = values.compress_types and set_of(values.compress_types) or compress.types,
  }
end

local open = 0 -- encoders of answers under way

--- How many answers are being encoded.
---@return integer
function answer_coding.count()
  return open
end

--- May the answer to a request be compressed? The option of its route comes first.
---@param request tidegate.Request
---@param compression tidegate.Compression
---@return boolean
function answer_coding.is_wanted(request, compression)
  local own = request._compress
  if own ~= nil then
    return own
  end
  return compression.compress
end

-- The coding of an answer and its headers. Where too much is encoded already it is sent as it is, with the headers of
-- an answer that could have been encoded.
local function choose(compression, exchange, answer)
  local accepted = core.request_field(exchange, "Accept-Encoding")
  local coding, headers = compress.choose(accepted, answer, compression)
  if coding and open >= compression.compress_bodies_max then
    return compress.choose(nil, answer, compression)
  end
  return coding, headers
end

-- --- whole

-- The encoded body; nil where there is no memory for that.
local function encode(coding, body)
  open = open + 1
  local ok, encoded = pcall(compress.encode, coding, body)
  open = open - 1
  if ok then
    return encoded
  elseif not errors.is_error(encoded) or encoded.kind ~= "memory" then
    error(encoded, 0)
  end
end

--- The body and the headers that an answer is sent with.
---@async
---@param compression tidegate.Compression
---@param status integer
---@param media_type string? where the headers have none
---@param body string
---@param headers table?
---@return string body
---@return table? headers
function answer_coding.whole(compression, exchange, status, media_type, body, headers)
  if #body < compression.compress_bytes_min then
    return body, headers
  end
  local answer = { status = status, headers = headers, type = media_type, size = #body }
  local coding, changed = choose(compression, exchange, answer)
  local encoded = coding and encode(coding, body)
  if encoded and #encoded < #body then
    return encoded, changed
  elseif coding then
    return body, select(2, compress.choose(nil, answer, compression))
  end
  return body, changed
end

-- --- in pieces

local PIECE_BYTES = 64 * 1024 -- of an answer, until others run; coding.c encodes as much in one call
local WRITE_BYTES = 1024 -- a flush costs as much as so many bytes

--- An encoder between a body's `write` and its client. Each write is flushed, so that the client can decode at once
--- what was written; those of a file, which has no pauses, are not.
---@class tidegate.AnswerEncoder
local AnswerEncoder = { __name = "tidegate.AnswerEncoder" }
AnswerEncoder.__index = AnswerEncoder

local function closed(message)
  return errors.new { kind = "closed", message = message }
end

-- What a write that was broken off means for what comes behind it.
local function after_break(exchange, message)
  return core.answer_state(exchange) == "gone" and task.gone(core.request_task(exchange)) or closed(message)
end

-- Lets others run where it is their turn, or asks what the write behind it would: what is encoded must be sent, or all
-- that follows cannot be decoded.
local function wait_for_turn(self)
  if self.turn_bytes >= PIECE_BYTES then
    self.turn_bytes = 0
    return core.checkpoint "write"
  end
  return core.answer_check(self.exchange)
end

-- Encodes and sends a piece of a text. The error, or nil and where the next piece begins.
local function send_piece(self, bytes, at)
  local err = self.coder and wait_for_turn(self) or nil
  if err == nil and not self.coder then -- another task has closed it meanwhile, and the exchange may be gone
    err = closed "write: the answer has ended"
  end
  if err ~= nil then
    return err
  end
  local encoded, next_at, detail = core.encode(self.coder, bytes, at, self.mode)
  self.midway = not encoded or next_at ~= nil
  if not encoded then
    return errors.new { kind = "memory", status = next_at, message = "write: " .. detail }
  end
  self.turn_bytes = self.turn_bytes + ((next_at or #bytes + 1) - at) + WRITE_BYTES
  local failed, is_there = core.answer_write(self.exchange, encoded)
  if failed == nil and is_there == false then
    failed = task.gone(core.request_task(self.exchange))
  end
  return failed, next_at
end

--- Writes bytes.
---@async
---@param bytes string
function AnswerEncoder:write(bytes)
  task.check_can_wait "write"
  if self.busy then
    core.raise "write: another task waits to write to this answer"
  elseif self.midway then
    error(after_break(self.exchange, "write: the previous write was cut off midway"), 0)
  end
  self.busy = true
  local err, at = nil, bytes ~= "" and 1 or nil
  while err == nil and at do
    err, at = send_piece(self, bytes, at)
  end
  self.busy = false
  if err ~= nil then
    error(err, 0)
  end
end

--- Ends the answer. Raises where a write was broken off: then it is not whole.
---@async
function AnswerEncoder:finish()
  if self.midway then
    error(after_break(self.exchange, "write: the previous write was cut off midway"), 0)
  end
  local bytes, next_at, detail = core.encode(self.coder, "", 1, "finish")
  while bytes and next_at do -- what was not flushed may be more than a piece
    if task.results(core.answer_write(self.exchange, bytes)) == false then
      error(task.gone(core.request_task(self.exchange)), 0)
    end
    bytes, next_at, detail = core.encode(self.coder, "", 1, "finish")
  end
  if not bytes then
    error(errors.new { kind = "memory", message = "write: " .. detail }, 0)
  end
  core.answer_end(self.exchange, bytes)
end

--- Gives its memory back; harmless the second time.
function AnswerEncoder:close()
  if self.coder then
    open = open - 1
    core.close_encoder(self.coder)
    self.coder, self.exchange = nil, false
  end
end

-- An encoder in a mode of core.encode; nil where there is no memory for one.
local function new_encoder(exchange, coding, mode, size)
  local coder = core.encoder(coding, nil, size)
  if not coder then
    return nil
  end
  open = open + 1
  return setmetatable({
    exchange = exchange,
    coder = coder,
    mode = mode,
    turn_bytes = 0, -- encoded since others could run
    busy = false, -- a task is in write
    midway = false, -- a write has begun, and is not out
  }, AnswerEncoder)
end

--- The headers of an answer in pieces, and its encoder where it has one; close it. One whose length the handler says is
--- sent as it is.
---@param compression tidegate.Compression
---@param status integer
---@param headers table
---@param length integer? its Content-Length
---@param is_head boolean only the headers are wanted
---@return table headers
---@return tidegate.AnswerEncoder?
function answer_coding.pieces(compression, exchange, status, headers, length, is_head)
  if length then
    return headers
  end
  local answer = { status = status, headers = headers }
  local coding, changed = choose(compression, exchange, answer)
  if not coding or is_head then
    return changed
  end
  local encoder = new_encoder(exchange, coding, "flush")
  if not encoder then
    return select(2, compress.choose(nil, answer, compression))
  end
  return changed, encoder
end

-- --- files

--- The coding of a file, nil where it is sent as it is, and the headers of its answer. Ask before a 304 is made of it.
---@param compression tidegate.Compression
---@param request tidegate.Request one for a part of it gets it as it is
---@param headers table those of the file as it is
---@param size integer
---@return "zstd"|"br"|"gzip"|nil
---@return table headers
function answer_coding.of_file(compression, request, headers, size)
  if not answer_coding.is_wanted(request, compression) then
    return nil, headers
  end
  local answer = { headers = headers, size = size }
  if request.method == "GET" and core.request_field(request._exchange, "Range") then
    return compress.choose(nil, answer, compression)
  end
  return choose(compression, request._exchange, answer)
end

--- Is a file encoded while it is sent? Not where a middleware has taken its Content-Encoding away.
---@param headers table?
---@param body tidegate.FileBody
---@return boolean
function answer_coding.is_encoded(headers, body)
  local field = body.coding and spelling(headers or {}, "content-encoding")
  return field ~= nil and headers[field] == body.coding
end

--- The encoder of a file that is encoded; close it. nil where too much is encoded by now: then the headers become those
--- of the file as it is.
---@param compression tidegate.Compression
---@param headers table
---@param body tidegate.FileBody
---@return tidegate.AnswerEncoder?
function answer_coding.file_encoder(compression, exchange, headers, body)
  local is_room = open < compression.compress_bodies_max
  local encoder = is_room and new_encoder(exchange, body.coding, "more", body.bytes)
  if encoder then
    return encoder
  end
  headers[spelling(headers, "content-encoding")] = nil
  headers[spelling(headers, "etag") or "ETag"] = body.etag
  headers["Accept-Ranges"] = "bytes"
  return nil
end

return answer_coding
