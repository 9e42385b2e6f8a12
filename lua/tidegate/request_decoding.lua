-- Bodies of requests, decoded by their Content-Encoding. What comes out is limited as a body is: body_bytes_max, of the
-- route where it has its own, holds for the encoded and for the decoded bytes.
local compress = require "tidegate.compress"
local core = require "tidegate.core"
local errors = require "tidegate.errors"
local task = require "tidegate.task"

local request_decoding = {}

local BYTES_MAX = 1e15 -- the most that a decoder takes for a limit

local function bytes_max_of(exchange)
  return math.min(core.request_body_limit(exchange), BYTES_MAX)
end

--- Is there a coding to undo?
function request_decoding.is_encoded(exchange)
  return core.request_field(exchange, "Content-Encoding") ~= nil
end

--- A whole body, decoded. Ends the request as compress.decode does.
---@async
---@param exchange userdata
---@param body string
---@return string
function request_decoding.whole(exchange, body)
  if body == "" then
    return "" -- no body, whatever is said of it
  end
  return compress.decode(core.request_field(exchange, "Content-Encoding"), body, {
    bytes_max = bytes_max_of(exchange),
  })
end

-- --- in pieces

-- What follows takes a reader, a body under way: {coder, pieces, text, at, is_last, is_empty}.

local function close(reader)
  if reader.coder then
    compress.close_decoder(reader.coder)
    reader.coder = nil
  end
end

-- Has something to decode, or waits for it. False at the end.
local function fill(reader)
  if reader.text then
    return true
  end
  local piece = reader.pieces()
  if not piece and reader.is_empty then
    return false
  end
  reader.text, reader.at, reader.is_last, reader.is_empty = piece or "", 1, not piece, false
  return true
end

-- Decodes on, and gives what comes out, which may be nothing yet.
local function decode(reader)
  local bytes, at, detail = core.decode(reader.coder, reader.text, reader.at, reader.is_last)
  if not bytes then
    close(reader)
    errors.abort(at, detail)
  end
  reader.at = at
  if not at then
    reader.text = nil
    if reader.is_last then
      close(reader)
    end
  end
  return bytes
end

-- The next bytes; nil at the end. Nothing is lost where a wait is ended by a cancellation.
local function read(reader)
  while reader.coder do
    task.results(core.checkpoint "request:chunks")
    if not fill(reader) then
      close(reader)
    elseif reader.coder then
      local bytes = decode(reader)
      if bytes ~= "" then
        return bytes
      end
    end
  end
end

--- A body's pieces, decoded. Ends the request as compress.decode does. The decoder is closed at the end of the body, or
--- at the end of the request where that comes first.
---@async
---@param exchange userdata
---@param pieces fun(): string? as request:chunks() gives them
---@return fun(): string?
function request_decoding.pieces(exchange, pieces)
  local coding = compress.coding_of(core.request_field(exchange, "Content-Encoding"))
  if coding == "identity" then
    return pieces
  end
  local coder = compress.decoder(coding, bytes_max_of(exchange))
  local reader = { coder = coder, pieces = pieces, at = 1, is_last = false, is_empty = true }
  task.at_end(core.request_task(exchange), function()
    close(reader)
  end)
  return function()
    return read(reader)
  end
end

return request_decoding
