-- Answering: what a handler returned goes onto its exchange, whole, in pieces, or as a part of a file; compressed where
-- the client takes that and it is worth it.
local answer_coding = require "tidegate.answer_coding"
local check = require "tidegate.check"
local core = require "tidegate.core"
local forwarding = require "tidegate.forwarding"
local json = require "tidegate.json"
local multimap = require "tidegate.multimap"
local response = require "tidegate.response"
local task = require "tidegate.task"
local number_text = require("tidegate.text").number

local type, xpcall = type, xpcall
local answer_lines = forwarding.answer_lines
local is_wanted = answer_coding.is_wanted
local respond, encode, results, respond_json = core.respond, json.encode, task.results, json._respond
local is_upstream, response_of = response.is_upstream, response.of
local is_file, is_response = response.is_file, response.is_response

local JSON = "application/json"
local TEXT = "text/plain; charset=utf-8"
local NO_CONTENT = { [204] = true, [205] = true, [304] = true }

local answer = {}

-- The Content-Length that a handler gives.
local function length_of(headers)
  local name = headers and multimap.spelling(headers, "Content-Length")
  if name then
    local value = headers[name]
    local length = type(value) == "number" and value or tonumber(tostring(value):match "^%d+$")
    if not length or length % 1 ~= 0 or length < 0 or length > 2 ^ 53 then
      core.raise "header Content-Length: a number of bytes is expected"
    end
    return length
  end
end

-- What a handler says of a body's length is true of the body as it is: the core looks at what is sent.
local function encoded(exchange, compression, status, media_type, text, headers)
  local length = length_of(headers)
  if length and length ~= #text then
    core.raise(("header Content-Length: it says %d, and the body has %d bytes"):format(length, #text))
  end
  core.request_half_closed(exchange, true) -- the answer is there; that it is encoded first is no matter of its client
  return answer_coding.whole(compression, exchange, status, media_type, text, headers)
end

-- A body that is there as a whole.
local function reply(exchange, request, compression, status, media_type, text, headers)
  if is_wanted(request, compression) and text ~= "" then
    text, headers = encoded(exchange, compression, status, media_type, text, headers)
  end
  return respond(exchange, status, media_type, text, headers)
end

-- Calls `body` with a function that writes, and ends the answer.
local function write_pieces(exchange, body, encoder)
  local is_open = true
  local function write(bytes)
    if not is_open then
      core.raise("write: the function that was given this write has returned")
    elseif type(bytes) ~= "string" then
      check.refuse("write takes a string", bytes)
    elseif encoder then
      return encoder:write(bytes)
    end
    if results(core.answer_write(exchange, bytes)) == false then
      error(task.gone(core.request_task(exchange)), 0)
    end
  end
  local ok, err = xpcall(body, task.note_trace, write)
  is_open = false
  if not ok then
    task.raise_again(err, task.trace(), "")
  elseif encoder then
    return encoder:finish()
  end
  core.answer_end(exchange)
end

-- Sends the head, and what `body` writes as it does so. Returns when all is written, not when all is read.
local function stream(exchange, status, body, headers, encoder)
  core.answer_start(exchange, status, nil, length_of(headers), headers)
  write_pieces(exchange, body, encoder)
end

-- The same through an encoder, which is closed whatever comes, as is the file that is read.
local function stream_encoded(exchange, status, body, headers, encoder, file)
  local ok, err = xpcall(stream, task.note_trace, exchange, status, body, headers, encoder)
  encoder:close()
  if file then
    core.file_close(file)
  end
  if not ok then
    task.raise_again(err, task.trace(), "")
  end
end

local function check_content(status, what)
  if NO_CONTENT[status] then
    core.raise(("an answer of status %d (%s) has no body, and this one has %s; leave it out, or give another status")
      :format(status, core.status_reason(status), what))
  end
end

local function send_pieces(exchange, request, compression, status, body, headers)
  check_content(status, "a function that writes one")
  local is_head, encoder = request.method == "HEAD", nil
  if is_wanted(request, compression) then
    headers, encoder = answer_coding.pieces(compression, exchange, status, headers, length_of(headers), is_head)
  end
  if is_head then
    return respond(exchange, status, nil, nil, headers, false)
  elseif encoder then
    return stream_encoded(exchange, status, body, headers, encoder)
  end
  return stream(exchange, status, body, headers)
end

local function refuse_file(wrong)
  error("a file could not be sent: " .. wrong, 0)
end

-- What writes a file.
local function reader_of(body)
  return function(write)
    local at, rest = body.first, body.bytes
    while rest > 0 do
      local bytes, wrong = results(core.file_read(body.file, at, rest))
      if not bytes then
        refuse_file(wrong)
      end
      write(bytes)
      at, rest = at + #bytes, rest - #bytes
    end
  end
end

local function send_file(exchange, request, compression, status, body, headers)
  local is_head, is_encoded = request.method == "HEAD", answer_coding.is_encoded(headers, body)
  if is_head and is_encoded then
    core.file_close(body.file)
    return respond(exchange, status, nil, nil, headers, false)
  end
  local encoder = is_encoded and answer_coding.file_encoder(compression, exchange, headers, body)
  if encoder then
    return stream_encoded(exchange, status, reader_of(body), headers, encoder, body.file)
  end
  core.answer_start(exchange, status, nil, body.bytes, headers)
  if not is_head then
    local wrong = results(core.answer_file(exchange, body.file, body.first, body.bytes))
    if wrong == false then
      error(task.gone(core.request_task(exchange)), 0)
    elseif wrong then
      refuse_file(wrong)
    end
  end
  core.file_close(body.file)
  core.answer_end(exchange)
end

-- Sends no bytes. What an upstream said of a length that is not here holds for HEAD, and for 304.
local function send_nothing(exchange, request, status, headers, handed)
  if handed ~= nil and (status == 304 or request.method == "HEAD") and not length_of(headers) then
    local length = type(handed) == "string" and handed:match "^%d+$"
    return respond(exchange, status, nil, nil, headers, length and tonumber(length) or false)
  end
  return respond(exchange, status, nil, nil, headers)
end

-- A 206 that does not say which part it is would be taken for the whole (RFC 9110 section 15.3.7).
local function check_part(headers)
  local name = headers and multimap.spelling(headers, "Content-Range")
  local type_name = headers and multimap.spelling(headers, "Content-Type")
  local media_type = type_name and tostring(headers[type_name]):lower() or ""
  if not (name or media_type:find("^%s*multipart/byteranges")) then
    core.raise "an answer of status 206 (Partial Content) says in its header Content-Range which part it is"
  end
end

local function send_table(exchange, request, compression, status, body, headers)
  if is_file(body) then
    return send_file(exchange, request, compression, status, body, headers)
  elseif is_response(body) then
    core.raise "a response object is a whole answer, not a body: return it alone, and set its status and its headers"
  end
  return reply(exchange, request, compression, status, JSON, encode(body), headers)
end

-- `handed` as Response._handed.
local function in_full(exchange, request, compression, status, body, headers, handed)
  local kind = type(body)
  if headers then
    local copied
    headers, copied = answer_lines(headers, body)
    if handed == nil then
      handed = copied
    end
  end
  if status == 206 then
    check_part(headers)
  end
  if kind == "table" then
    return send_table(exchange, request, compression, status, body, headers)
  elseif kind == "string" and body ~= "" then
    return reply(exchange, request, compression, status, handed == nil and TEXT or nil, body, headers)
  elseif kind == "nil" or kind == "string" then
    return send_nothing(exchange, request, status, headers, handed)
  elseif kind == "number" then
    return respond(exchange, status, TEXT, number_text(body, "a response's body"), headers)
  elseif kind == "function" then
    return send_pieces(exchange, request, compression, status, body, headers)
  end
  check.refuse("a response's body must be a string, a table or a function(write)", body)
end

local function is_handed_on(body, headers)
  return is_upstream(body) or headers ~= nil and multimap.is_fields(headers)
end

--- Answers an exchange with what a handler returned.
---@async
---@param compression tidegate.Compression
function answer.send(exchange, request, compression, first, body, headers)
  local kind = type(first)
  if (body ~= nil or headers ~= nil) and kind ~= "number" then
    return response.refuse_rest(first, body == nil and headers or body)
  elseif kind == "table" then
    if is_response(first) then
      return in_full(exchange, request, compression, first.status, first.body, first.headers, first._handed)
    elseif is_upstream(first) then
      return answer.send(exchange, request, compression, response_of(first))
    end
    local text, wrong = respond_json(exchange, first, compression.compress_bytes_min)
    if text == true then -- as most answers
      return nil
    end
    return reply(exchange, request, compression, 200, JSON, text or json._refuse(wrong, first))
  elseif kind == "string" then
    return reply(exchange, request, compression, 200, TEXT, first)
  elseif kind == "nil" then
    return respond(exchange, 204)
  elseif kind == "number" then
    if is_handed_on(body, headers) then
      return answer.send(exchange, request, compression, response_of(first, body, headers))
    end
    return in_full(exchange, request, compression, first, body, headers)
  end
  return response.refuse(first)
end

return answer
