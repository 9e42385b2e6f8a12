-- A channel: values that go from tasks to tasks, in order, with room for n of them.
--
-- A call that could be served at once lets the others run first, and takes or leaves its value after that: so one that
-- is cancelled has done nothing that would have to be undone. Where another task was quicker, it goes to the end of the
-- line, and nobody overtakes it from there on.
local check = require "tidegate.check"
local core = require "tidegate.core"
local errors = require "tidegate.errors"
local line = require "tidegate.sync.line"

---@class tidegate.Channel
local Channel = { __name = "tidegate.Channel" }
Channel.__index = Channel

local channel = {}

--- A channel that keeps up to `capacity` values; with 0, sending waits until somebody takes the value.
---@param capacity? integer 0 where it is left out
---@return tidegate.Channel
function channel.new(capacity)
  capacity = capacity or 0
  if type(capacity) ~= "number" or capacity < 0 or capacity % 1 ~= 0 then
    check.refuse("tg.channel takes the number of values that it keeps, a whole number from 0", capacity)
  end
  return setmetatable({
    capacity = capacity,
    first = 1,
    last = 0, -- the values are self[first] to self[last]
    senders = line.new(),
    receivers = line.new(),
    closed = false,
  }, Channel)
end

local function check_value(value)
  if value == nil then
    core.raise("channel:send: nil cannot be sent; it is what receive() returns at the end")
  end
end

local function fail_closed()
  error(errors.new { kind = "closed", message = "channel:send: the channel is closed" }, 0)
end

local function push(self, value)
  self.last = self.last + 1
  self[self.last] = value
end

local function pop(self)
  local value = self[self.first]
  self[self.first] = nil
  self.first = self.first + 1
  return value
end

local function size(self)
  return self.last - self.first + 1
end

--- Sends where that need not wait: somebody receives, or there is room.
---@param value any not nil
---@return boolean # was it sent?
function Channel:send_nowait(value)
  check_value(value)
  if self.closed then
    fail_closed()
  end
  local receiver = self.receivers:next()
  if receiver then
    receiver.value = value
    return true
  elseif size(self) < self.capacity then
    push(self, value)
    return true
  end
  return false
end

--- Sends; waits until there is room. Raises an error of kind "closed" where the channel is closed, also meanwhile.
---@async
---@param value any not nil
function Channel:send(value)
  check_value(value)
  if self.closed then
    fail_closed()
  elseif self.receivers.count > 0 or size(self) < self.capacity then
    line.checkpoint "channel:send"
    if self:send_nowait(value) then
      return
    end
  end
  local waiter = line.waiter(value)
  if not self.closed and self:send_nowait(value) then
    return
  elseif self.closed or self.senders:wait("channel:send", waiter).closed then
    fail_closed()
  end
end

--- Receives where that need not wait.
---@return any # nil where nothing is there
function Channel:receive_nowait()
  local sender
  if size(self) == 0 then
    sender = self.senders:next()
    return sender and sender.value
  end
  local value = pop(self)
  sender = self.senders:next()
  if sender then
    push(self, sender.value)
  end
  return value
end

--- Receives; waits until there is something.
---@async
---@return any # nil when the channel is closed and empty
function Channel:receive()
  if size(self) > 0 or self.senders.count > 0 or self.closed then
    line.checkpoint "channel:receive"
    local value = self:receive_nowait()
    if value ~= nil or self.closed then
      return value
    end
  end
  local waiter = line.waiter()
  local value = self:receive_nowait()
  if value ~= nil or self.closed then
    return value
  end
  return self.receivers:wait("channel:receive", waiter).value
end

--- Nothing more is sent: receivers get what is left and then nil, senders that wait get an error.
function Channel:close()
  if self.closed then
    return
  end
  self.closed = true
  self.senders:all(function(waiter)
    waiter.closed = true
  end)
  self.receivers:all()
end

--- An iterator over what is received, until the channel is closed and empty.
---@async
---@return fun(): any
function Channel:values()
  return function()
    return self:receive()
  end
end

---@return {capacity: integer, buffered: integer, senders_waiting: integer, receivers_waiting: integer, closed: boolean}
function Channel:statistics()
  return {
    capacity = self.capacity,
    buffered = size(self),
    senders_waiting = self.senders.count,
    receivers_waiting = self.receivers.count,
    closed = self.closed,
  }
end

check.methods(Channel, "channel")

return channel
