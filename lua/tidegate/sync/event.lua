-- An event: something that has happened, or has not, and tasks that wait for it.
local check = require "tidegate.check"
local line = require "tidegate.sync.line"

---@class tidegate.Event
local Event = { __name = "tidegate.Event" }
Event.__index = Event

local event = {}

--- An event that has not happened.
---@return tidegate.Event
function event.new()
  return setmetatable({ happened = false, line = line.new() }, Event)
end

--- It has happened: wakes everybody who waits.
function Event:set()
  self.happened = true
  self.line:all()
end

--- It has not happened yet, as at first.
function Event:clear()
  self.happened = false
end

---@return boolean
function Event:is_set()
  return self.happened
end

--- Waits until it has happened.
---@async
function Event:wait()
  local waiter = not self.happened and line.waiter()
  if self.happened then
    return line.checkpoint "event:wait"
  end
  self.line:wait("event:wait", waiter)
end

---@return {set: boolean, waiting: integer}
function Event:statistics()
  return { set = self.happened, waiting = self.line.count }
end

check.methods(Event, "event")

return event
