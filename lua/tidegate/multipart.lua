-- The parts of a multipart/form-data body (RFC 7578), one after the other, as the bytes come. No part is ever held
-- whole, unless the route asks for that.
--
-- What the client calls its files is text like any other: it never becomes a path here. Content-Transfer-Encoding is
-- refused, and so is everything else that two servers might read differently; multipart.h has the list.
local check = require "tidegate.check"
local core = require "tidegate.core"
local errors = require "tidegate.errors"
local multimap = require "tidegate.multimap"
local task = require "tidegate.task"

local multipart = {}

---@class tidegate.PartsOptions
---@field parts_max? integer 1000
---@field part_head_bytes_max? integer header lines of one part; 8192
---@field part_field_count_max? integer how many of them; 32
---@field field_bytes_max? integer what part:body() gives at most; 65536
local is_limit = check.number(0, math.huge)
local known = check.options_of("request:parts", {
  { "parts_max", is_limit, "a number, 0 or more" },
  { "part_head_bytes_max", is_limit, "a number, 0 or more" },
  { "part_field_count_max", is_limit, "a number, 0 or more" },
  { "field_bytes_max", is_limit, "a number, 0 or more" },
})

local FIELD_BYTES_MAX = 65536 -- the other defaults are in multipart.c

-- A body under way: {parser, chunks, bytes, offset, part, field_bytes_max}.
local Reader = {}
Reader.__index = Reader

-- What comes next, and what belongs to it; nil at the body's end.
function Reader:event()
  while true do
    local kind, offset, first, second, third = core.multipart_next(self.parser, self.bytes, self.offset)
    self.offset = offset
    if kind == "error" then
      errors.abort(first, second)
    elseif kind ~= "more" then
      return kind, first, second, third
    elseif not self:wait() then
      return nil
    end
  end
end

-- Waits for more bytes. False at the body's end.
function Reader:wait()
  local used = self.bytes
  local bytes = self.chunks()
  if self.bytes ~= used then
    core.raise "request:parts: another task reads the same parts"
  end
  self.bytes, self.offset = bytes or "", 0
  if bytes then
    return true
  end
  local status, wrong = core.multipart_finish(self.parser)
  if status then
    errors.abort(status, wrong)
  end
  return false
end

--- A part of a form.
---@class tidegate.Part
---@field name string of the form's field; UTF-8
---@field filename string? of a file, as the client says; "" where none was chosen. Never a path to be opened
---@field type string the media type in lower case, without parameters; "text/plain" where the part has none
---@field headers table<string, string> without regard to case; tg.values(headers, name) for all
local Part = { __name = "tidegate.Part" }
Part.__index = Part

function Part.__tostring(self)
  return ("part %q"):format(self.name)
end

local function new_part(reader, flat, name, filename)
  local headers = (multimap.fields(flat))
  local kind = (headers["content-type"] or ""):match("^[^;%s]+") or "text/plain"
  return setmetatable({
    name = name, filename = filename, type = kind:lower(), headers = headers, _reader = reader,
  }, Part)
end

-- Its next bytes; nil at its end.
local function read(part)
  local reader = part._reader
  task.check_can_wait "request:parts"
  if part._ended then
    return nil
  elseif reader.part ~= part then
    core.raise(("part %q: the next part has begun, and its bytes are gone"):format(part.name))
  end
  local kind, bytes = reader:event()
  if kind == "body" then
    return bytes
  end
  part._ended, reader.part = true, nil
  return nil
end

--- An iterator over the part's bytes as they come: no string is empty. What is not read is passed over when the next
--- part is asked for.
---@async
---@return fun(): string?
function Part:chunks()
  return function()
    task.check_can_wait "request:parts"
    self._streamed = true
    return read(self)
  end
end

--- The part's bytes, whole. Ends the request with 413 where they are more than `field_bytes_max`.
---@async
---@return string
function Part:body()
  task.check_can_wait "request:parts"
  if self._body then
    return self._body
  elseif self._streamed then
    core.raise(("part %q: part:chunks() has read some of it, so part:body() cannot give all of it"):format(self.name))
  end
  self._streamed = true
  local pieces, size, most = {}, 0, self._reader.field_bytes_max
  for bytes in function() return read(self) end do
    size = size + #bytes
    if size > most then
      errors.abort(413, ("a field of the form is larger than %d bytes"):format(most))
    end
    pieces[#pieces + 1] = bytes
  end
  self._body = table.concat(pieces)
  return self._body
end

-- The next part; nil at the body's end.
local function next_part(reader)
  task.check_can_wait "request:parts"
  if reader.ended then
    return nil
  end
  reader.part = nil
  local kind, flat, name, filename
  repeat
    kind, flat, name, filename = reader:event()
  until kind == "part" or not kind
  if kind then
    reader.part = new_part(reader, flat, name, filename)
  else
    reader.ended = true
  end
  return reader.part
end

--- An iterator over the parts of a request's body; request:parts() calls it.
---@async
---@param request tidegate.Request headers and chunks() are used
---@param options? tidegate.PartsOptions
---@return fun(): tidegate.Part?
function multipart.parts(request, options)
  check.options(known, options)
  options = options or {}
  local parser, status, wrong = core.multipart(request.headers["content-type"] or "", options.parts_max,
    options.part_head_bytes_max, options.part_field_count_max)
  if not parser then
    errors.abort(status, wrong)
  end
  local reader = setmetatable({
    parser = parser,
    chunks = request:chunks { decode = true },
    bytes = "",
    offset = 0,
    field_bytes_max = options.field_bytes_max or FIELD_BYTES_MAX,
  }, Reader)
  return function()
    return next_part(reader)
  end
end

return multipart
