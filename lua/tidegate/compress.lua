-- Compression: which answers are encoded and how, and bodies encoded and decoded while other tasks run.
--
-- What is sent is not decided here: a server asks compress.choose for an answer's coding and headers, then encodes the
-- body whole with compress.encode, or as it comes with compress.encoder.
local check = require "tidegate.check"
local core = require "tidegate.core"
local errors = require "tidegate.errors"
local multimap = require "tidegate.multimap"
local task = require "tidegate.task"

local concat, error, pairs, type = table.concat, error, pairs, type

local compress = {}

--- Smaller bodies are not worth it: with its head such an answer goes into one packet anyway.
compress.bytes_min = 1024

-- What becomes smaller: types by their name, by their first half, or by their suffix. Left out are those that are
-- compressed already, and text/event-stream, whose events must not wait in an encoder.
compress.types = {
  ["text/*"] = true,
  ["+json"] = true,
  ["+xml"] = true,
  ["text/event-stream"] = false,
  ["application/javascript"] = true,
  ["application/json"] = true,
  ["application/x-javascript"] = true,
  ["application/x-ndjson"] = true,
  ["application/xml"] = true,
  ["application/wasm"] = true,
  ["application/vnd.ms-fontobject"] = true,
  ["font/otf"] = true,
  ["font/ttf"] = true,
  ["image/bmp"] = true,
  ["image/x-icon"] = true,
}

local ACCEPTED = "zstd, br, gzip, deflate"

-- Fields that say something about the very bytes of a body: an answer that has one is sent as it is.
local OF_THE_BYTES = {
  ["content-encoding"] = true,
  ["content-range"] = true,
  ["content-digest"] = true,
  ["repr-digest"] = true,
  ["digest"] = true,
  ["content-md5"] = true,
}

-- What does not hold any more once a body is encoded: its length, and that parts of it can be had.
local DROPPED = { ["content-length"] = true, ["accept-ranges"] = true }

-- --- which answers

local function is_type_for(types, value)
  local kind = value and value:match("^%s*([^;%s]*)"):lower()
  if not kind or kind == "" then
    return false
  elseif types[kind] ~= nil then
    return types[kind]
  end
  return types[(kind:match "^[^/]*") .. "/*"] or types[kind:match "^.*(%+.*)$"] or false
end

local function as_text(value)
  return type(value) == "table" and concat(value, ", ") or tostring(value)
end

-- The headers by their names in lower case, as texts.
local function by_lower_name(headers)
  local found = {}
  for name, value in pairs(headers) do
    local lower = tostring(name):lower()
    found[lower] = found[lower] and found[lower] .. ", " .. as_text(value) or as_text(value)
  end
  return found
end

local function has_element(list, element)
  for item in list:gmatch "[^,]+" do
    if item:lower():match "^%s*([^%s=]*)" == element then
      return true
    end
  end
  return false
end

local function has_field_of_the_bytes(found)
  for name in pairs(OF_THE_BYTES) do
    if found[name] then
      return true
    end
  end
  return false
end

local function is_eligible(answer, found, options)
  local status = answer.status or 200
  if status < 200 or status == 204 or status == 205 or status == 206 or status == 304 then
    return false
  elseif answer.size and answer.size < (options.compress_bytes_min or compress.bytes_min) then
    return false
  elseif has_field_of_the_bytes(found) or has_element(found["cache-control"] or "", "no-transform") then
    return false
  end
  return is_type_for(options.compress_types or compress.types, found["content-type"] or answer.type)
end

-- --- their headers

local function vary_with(vary)
  if not vary or not vary:find "%S" then
    return "Accept-Encoding"
  elseif has_element(vary, "accept-encoding") or has_element(vary, "*") then
    return vary
  end
  return vary .. ", Accept-Encoding"
end

-- Encoded bytes are others than the plain ones, so that a tag must not promise the same bytes any more (RFC 9110
-- section 8.8.3.3). What is no tag is left out.
local function weak(etag)
  if not core.is_etag(etag) then
    return nil
  end
  return etag:sub(1, 2) == "W/" and etag or "W/" .. etag
end

local function with_headers(headers, found, coding)
  local changed = {}
  for name, value in pairs(headers) do
    local lower = tostring(name):lower()
    if lower == "etag" and coding then
      changed[name] = weak(found.etag)
    elseif lower ~= "vary" and not (coding and DROPPED[lower]) then
      changed[name] = value
    end
  end
  changed["Vary"] = vary_with(found.vary)
  changed["Content-Encoding"] = coding
  return changed
end

---@class tidegate.compress.Answer
---@field status integer? 200 where it is missing
---@field headers table<string, string|string[]>?
---@field type string? its media type, where the headers have none
---@field size integer? bytes of its body; nil for one that is made while it is sent

--- The coding for an answer, and the headers that it is then sent with: Content-Encoding, Vary merged with what is
--- there, a strong ETag made weak; Content-Length and Accept-Ranges are left out. Vary is there also where this client
--- gets the plain body and another would not. The caller's headers stay as they are.
---
--- Ask before a 304 is made of the answer: it must have the Vary and the ETag that the 200 would have.
---@param accept_encoding string? the request's field
---@param answer tidegate.compress.Answer
---@param options? {compress_bytes_min: integer?, compress_types: table<string, boolean>?} see compress.types
---@return "zstd"|"br"|"gzip"|nil # nil: the body is sent as it is
---@return table headers
function compress.choose(accept_encoding, answer, options)
  local headers = answer.headers or {}
  if multimap.is_fields(headers) then
    headers = (multimap.to_lines(headers))
  end
  local found = by_lower_name(headers)
  if not is_eligible(answer, found, options or {}) then
    return nil, headers
  end
  local coding = core.accept_coding(accept_encoding, "zstd", "br", "gzip")
  if coding == "identity" then
    coding = nil
  end
  return coding, with_headers(headers, found, coding)
end

-- --- bodies

local function check_text(name, text)
  if type(text) ~= "string" then
    check.refuse(name .. " takes a string", text)
  end
  task.check_can_wait(name)
end

-- Runs an encoder or a decoder over a text, and lets every other task run before each piece of it. Where it cannot go
-- on to the end it is closed: nil and the error of the wait, or nil, nil, status and what is wrong.
local function pump(step, close, coder, text, mode, name)
  local pieces, count, at = {}, 0, 1
  repeat
    local err = core.checkpoint(name)
    if err ~= nil then
      close(coder)
      return nil, err
    end
    local bytes, next_at, detail = step(coder, text, at, mode)
    if not bytes then
      close(coder)
      return nil, nil, next_at, detail
    end
    count = count + 1
    pieces[count] = bytes
    at = next_at
  until not at
  return concat(pieces)
end

local function raise(err, status, detail)
  if err ~= nil then
    error(err, 0)
  end
  error(errors.new { kind = "memory", status = status, detail = detail, message = "compress: " .. detail }, 0)
end

local function new_encoder(coding, level, size)
  return core.encoder(coding, level, size) or raise(nil, 503, "no memory to encode the body")
end

--- An encoder for one body that comes in pieces. One task at a time may use it. When a call of it raises, or is
--- cancelled, the encoder is closed: what would follow has lost its beginning.
---@class tidegate.Encoder
local Encoder = { __name = "tidegate.Encoder" }
Encoder.__index = Encoder

local function feed(self, text, mode, name)
  check_text(name, text)
  if self.ended then
    core.raise(name .. ": the encoder has ended")
  elseif self.busy then
    core.raise(name .. ": another task is using this encoder")
  end
  self.busy = true
  local bytes, err, status, detail = pump(core.encode, core.close_encoder, self.coder, text, mode, name)
  self.busy = false
  if not bytes then
    self.ended = true
    raise(err, status, detail)
  end
  return bytes
end

--- Encodes bytes. What comes back is what can be sent now: often nothing, until more was written.
---@async
---@param bytes string
---@return string
function Encoder:write(bytes)
  return feed(self, bytes, "more", "encoder:write")
end

--- What was held back so far, so that the receiver can decode all that was written.
---@async
---@return string
function Encoder:flush()
  return feed(self, "", "flush", "encoder:flush")
end

--- The end of the body. The encoder is closed.
---@async
---@return string
function Encoder:finish()
  local bytes = feed(self, "", "finish", "encoder:finish")
  self:close()
  return bytes
end

--- Gives the memory of an encoder back that is not finished; harmless the second time.
function Encoder:close()
  if self.busy then
    core.raise "encoder:close: another task is using this encoder"
  end
  self.ended = true
  core.close_encoder(self.coder)
end

--- An encoder for a body that is made while it is sent. Finish or close it: it holds one or two megabytes, which the
--- garbage collector does not see.
---@param coding "zstd"|"br"|"gzip"|"deflate"
---@param level? integer larger is smaller and slower: gzip and deflate 1 to 9 (6), br 1 to 9 (4), zstd 1 to 6 (3)
---@return tidegate.Encoder
function compress.encoder(coding, level)
  return setmetatable({ coder = new_encoder(coding, level), busy = false, ended = false }, Encoder)
end

--- Encodes a whole body, 64 KiB at a time; in between other tasks run.
---@async
---@param coding "zstd"|"br"|"gzip"|"deflate"|"identity"
---@param text string
---@param level? integer as of compress.encoder
---@return string
function compress.encode(coding, text, level)
  local name = "compress.encode"
  check_text(name, text)
  local coder = new_encoder(coding, level, #text)
  local bytes, err, status, detail = pump(core.encode, core.close_encoder, coder, text, "finish", name)
  if not bytes then
    raise(err, status, detail)
  end
  core.close_encoder(coder)
  return bytes
end

--- The coding that a Content-Encoding names, "identity" where there is none. Ends the request as compress.decode does.
---@param content_encoding string? the request's field
---@return string
function compress.coding_of(content_encoding)
  local coding, status, detail = core.content_coding(content_encoding)
  if not coding then
    errors.abort(status, detail, status == 415 and { ["Accept-Encoding"] = ACCEPTED } or nil)
  end
  return coding
end

-- Each may hold up to 8 MiB (zstd) or 24 MiB (br), so that their number is limited. One that was lost by an error
-- leaves the table when it is collected.
local decoders = setmetatable({}, { __mode = "k" })
local DECODE_BODIES_MAX = 100
local decode_bodies_max = DECODE_BODIES_MAX

--- How many bodies may be decoded at once.
---@param values {decode_bodies_max: integer?}
function compress.configure(values)
  decode_bodies_max = values.decode_bodies_max or DECODE_BODIES_MAX
end

--- How many bodies are being decoded.
---@return integer
function compress.decoder_count()
  local count = 0
  for _ in pairs(decoders) do
    count = count + 1
  end
  return count
end

--- A decoder for the body of a request; the caller closes it. Ends the request with 503 where decode_bodies_max are
--- open, or where there is no memory.
---@param coding string
---@param bytes_max integer?
---@param ratio_max integer?
---@return userdata
function compress.decoder(coding, bytes_max, ratio_max)
  if compress.decoder_count() >= decode_bodies_max then
    errors.abort(503, "too many bodies are being decoded", { ["Retry-After"] = "1" })
  end
  local decoder = core.decoder(coding, bytes_max, ratio_max)
  if not decoder then
    errors.abort(503, "no memory to decode the body", { ["Retry-After"] = "1" })
  end
  decoders[decoder] = true
  return decoder
end

--- Gives the memory of a decoder back.
---@param decoder userdata
function compress.close_decoder(decoder)
  decoders[decoder] = nil
  core.close_decoder(decoder)
end

local decode_options = check.options_of("body", { { "decode", "boolean", "true or false" } })

--- Does a caller want a body decoded?
---@param options table? {decode = true or false}
---@param name string of the function that takes them
---@return boolean
function compress.is_decode_wanted(options, name)
  check.options(decode_options, options, name)
  return options ~= nil and options.decode or false
end

--- Decodes the body of a request by its Content-Encoding, 64 KiB at a time; in between other tasks run.
---
--- Ends the request with 400 where the body is not what the field says, ends too early or goes on behind its end; 413
--- where it grows beyond `bytes_max`, or past 64 KiB beyond `ratio_max` times what was read of it, where it needs a
--- window of more than 8 MiB (zstd) or 16 MiB (br), and where codings are chained; 415, with an Accept-Encoding of what
--- is known, for another coding; 503 where decode_bodies_max are being decoded, or there is no memory.
---@async
---@param content_encoding string? the request's field
---@param text string
---@param options? {bytes_max: integer?, ratio_max: integer?} 1048576 and 100; a ratio of 0 has no limit
---@return string
function compress.decode(content_encoding, text, options)
  local name = "compress.decode"
  check_text(name, text)
  options = options or {}
  local coding = compress.coding_of(content_encoding)
  local coder = compress.decoder(coding, options.bytes_max, options.ratio_max)
  local bytes, err, status, detail = pump(core.decode, compress.close_decoder, coder, text, true, name)
  if bytes then
    compress.close_decoder(coder)
    return bytes
  elseif err ~= nil then
    error(err, 0)
  end
  return errors.abort(status, detail)
end

return compress
