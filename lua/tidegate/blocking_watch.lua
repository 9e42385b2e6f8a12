-- Calls of tg.blocking that do not come back are named in the log while they run, as what holds the loop is: a thread
-- cannot be stopped, and a few of them leave none for others.
local core = require "tidegate.core"
local lost = require "tidegate.lost"
local log = require "tidegate.log"
local request_id = require "tidegate.request_id"
local short = require("tidegate.text").short

local blocking_watch = {}

local SECONDS_MIN = 1 -- a shorter one is no matter
local LOOKS_PER_LIMIT = 4

local limit -- seconds after which a call is named; nil while nobody watches
local count = 0
local calls = {} -- [number] = {what, place, request, method, path, next, is_left, task}
local window = false -- the deadline at which it is looked again

local function tell(call, seconds)
  local whose = call.method and (" for %s %s (request %s)"):format(call.method, call.path, call.request) or ""
  local text = ("tg.blocking: %s has run for %d ms by now, and keeps a thread; it was called at %s%s"):format(
    call.what, seconds * 1000, call.place, whose)
  log._own("warn", text, nil, {
    request = call.request, method = call.method, path = call.path, place = call.place, call = call.what,
    seconds = seconds,
  })
end

local open_window

-- Has it ended, or never begun, as where memory was wanting?
local function is_over(call)
  local info = not call.is_left and core.task_info(call.task)
  return not info or info.waits ~= "tg.blocking"
end

local function look()
  local running = core.blocking_running()
  local runs = {}
  for index = 1, #running, 2 do
    local call, seconds = calls[running[index]], running[index + 1]
    runs[running[index]] = true
    if call and seconds >= call.next then
      tell(call, seconds)
      call.next = seconds * 2
    end
  end
  for number, call in pairs(calls) do
    if not runs[number] and is_over(call) then
      calls[number] = nil
    end
  end
end

local function on_passed()
  window = false
  look()
  if next(calls) ~= nil then
    open_window()
  end
end

-- Without memory there is none until the next call.
function open_window()
  local ok, deadline = pcall(core.deadline, limit / LOOKS_PER_LIMIT, { on_passed = on_passed })
  window = ok and deadline or false
end

--- Watches from here on.
---@param seconds number
function blocking_watch.start(seconds)
  limit = math.max(seconds, SECONDS_MIN)
end

--- A call begins.
---@return integer? # its number; nil while nobody watches
function blocking_watch.begin(module, name)
  if not limit then
    return nil
  end
  count = count + 1
  local method, path, number = lost.request_of(core.current())
  calls[count] = {
    what = ("%s.%s"):format(short(module), short(name)), place = core.place(), task = core.current(), next = limit,
    is_left = false, method = method, path = path and short(path), request = number and request_id.of(number),
  }
  if not window then
    open_window()
  end
  return count
end

--- Passes on what core.blocking has returned. One that was cancelled may run on.
function blocking_watch.ended(number, err, ...)
  local call = calls[number or 0] -- a look may have seen its end before its task did
  if call and err == nil then
    calls[number] = nil
  elseif call then
    call.is_left = true
  end
  return err, ...
end

return blocking_watch
