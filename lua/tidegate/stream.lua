-- Streams: TCP connections for scripts. One task may read and another write at the same time.
local check = require "tidegate.check"
local core = require "tidegate.core"
local errors = require "tidegate.errors"
local task = require "tidegate.task"

local results = task.results

local LINE_BYTES_MAX = 64 * 1024

---@class tidegate.Stream
local Stream = core.stream_metatable()
Stream.__index = Stream
Stream.__name = "tidegate.Stream"
Stream.close = core.stream_close

local function raise_closed(message)
  error(errors.new { kind = "closed", status = 502, message = "stream: " .. message }, 0)
end

-- Raises why nothing more can be read; returns at the end.
local function is_at_end(self)
  local message, is_end = core.stream_error(self)
  if message and not is_end then
    raise_closed(message)
  end
  return is_end
end

-- Raises why nothing more can be written. What the peer has said can be read all the same.
local function check_written(self)
  local message = core.stream_error(self, true)
  if message then
    raise_closed("not written: " .. message)
  end
end

local function check_most(name, most)
  if most ~= nil and not (type(most) == "number" and most >= 1) then
    check.refuse(name .. ": the limit must be a number of bytes, 1 or more", most)
  end
end

--- Waits for bytes.
---@async
---@param most? integer at most that many
---@return string? # at least one byte; nil at the end of the stream
function Stream:read(most)
  check_most("stream:read", most)
  while true do
    local bytes = core.stream_take(self, most)
    if bytes or is_at_end(self) then
      return bytes
    end
    results(core.stream_wait(self))
  end
end

--- Waits for everything up to and including `mark`.
---@async
---@param mark string
---@param most? integer bytes, 65536 by default; more without the mark is an error
---@return string? # nil when the stream ends before the mark
function Stream:read_until(mark, most)
  if type(mark) ~= "string" or mark == "" then
    check.refuse("stream:read_until takes the text that ends what is read", mark)
  end
  check_most("stream:read_until", most)
  most = most or LINE_BYTES_MAX
  local from = 0
  while true do
    local size, come, again = core.stream_find(self, mark, from)
    from = again
    local bytes = size and core.stream_take(self, size) -- nothing where a finalizer has closed it in between
    if bytes then
      return bytes
    elseif not size and come > most then
      local message = ("stream:read_until: the mark did not come within %d bytes"):format(most)
      error(errors.new { kind = "too_large", message = message }, 0)
    elseif is_at_end(self) then
      return nil
    end
    results(core.stream_wait(self))
  end
end

--- Writes. Waits until the system has taken all of it, as it does while the peer keeps up. Where that fails an error of
--- kind "closed" is raised; what the peer said before can be read after that, and then the end.
---@async
---@param bytes string
function Stream:write(bytes)
  if type(bytes) ~= "string" then
    check.refuse("stream:write takes a string", bytes)
  end
  results(core.stream_write(self, bytes))
  check_written(self)
end

--- Ends the own side; reading goes on. Nothing can be written after it. Raises where what a cancelled write had left
--- could not be written.
function Stream:finish()
  if not core.stream_finish(self) then
    check_written(self)
  end
end

check.methods(Stream, "stream")

local stream = {}

--- Connects; tcp.lua and unix.lua say to what.
---@async
---@param host string a name, an address, or the path of a Unix socket
---@param port integer
---@param where string both, for a message
---@return tidegate.Stream
function stream.connect(host, port, where)
  local self = core.stream()
  results(core.stream_connect(self, host, port))
  local message = core.stream_error(self)
  if message then
    error(errors.new { kind = "connect", status = 502, message = where .. " cannot be reached: " .. message }, 0)
  end
  return self
end

return stream
