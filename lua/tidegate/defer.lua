-- tg.defer: functions that run when a request is over, however it ends, or when a background task is.
--
-- They are the whole request's, whichever of its tasks has handed them over, and run in its own task when its answer
-- has been sent or given up: nobody waits for them, neither the client nor the next request of its connection. The last
-- one comes first; what one of them raises is logged, and stops no other. They are shielded, and bounded in time.
local check = require "tidegate.check"
local core = require "tidegate.core"
local errors = require "tidegate.errors"
local lost = require "tidegate.lost"
local reports = require "tidegate.reports"
local request_id = require "tidegate.request_id"
local scope = require "tidegate.scope"
local task = require "tidegate.task"
local unheard = require "tidegate.unheard"
local short = require("tidegate.text").short

local current = core.current
local xpcall, table_remove = xpcall, table.remove

local defer = {}

local SECONDS_MAX = 30 -- of each function, and of the wait for a client that is slow to take its answer
local FUNCTIONS_MAX = 1000 -- of one request

-- How many lists there are, and whether there are any, for who need not look otherwise.
local live = { count = 0, is_any = false }
defer.live = live

-- [exchange, or task that owns some] = {{fn, place}, …, added}
local lists = {}
local owners = {} -- [task] = true: not a request's, but its own

--- Makes a task one at whose end functions run; defer.run ends that.
---@param of lightuserdata
function defer.own(of)
  owners[of] = true
end

-- What the running code's functions belong to: the exchange of its request, or a task around it; and is it an exchange?
local function owner()
  local of = current()
  while of do
    if owners[of] then
      return of, false
    elseif core.task_request(of) then
      return core.running_exchange(), true
    end
    of = task.parent(of)
  end
  core.raise(current() and "tg.defer: this task belongs to no request and to no background task"
    or "tg.defer works in a request or a background task, and none runs while a file is being loaded")
end

--- Has a function called when the request is over, or the background task.
---@param fn fun()
function defer.add(fn)
  if type(fn) ~= "function" then
    check.refuse("tg.defer takes a function", fn)
  end
  local of, is_exchange = owner()
  local list = lists[of]
  if not list then
    list = { added = 0 }
    lists[of], live.count, live.is_any = list, live.count + 1, true
    if is_exchange then
      core.want_sent(of)
    end
  elseif list.added >= FUNCTIONS_MAX then
    core.raise(("tg.defer: this request has %d functions already, which is the limit"):format(FUNCTIONS_MAX))
  end
  list.added = list.added + 1
  list[#list + 1] = { fn = fn, place = core.place() }
end

--- Is there anything to run at the end of this request or task?
---@param of lightuserdata
---@return boolean
function defer.is_wanted(of)
  return lists[of] ~= nil
end

local function describe(of, place, err, trace)
  local method, path, number = lost.request_of(of)
  local whose = method and ("%s %s (request %s)"):format(method, short(path), request_id.of(number)) or "background"
  local summary = ("what was deferred at %s failed: %s"):format(place, errors.text(err))
  return ("%s: %s%s"):format(whose, summary, trace), summary, summary, {
    request = method and request_id.of(number), method = method, path = path and short(path), place = place,
    traceback = reports.trace_field(trace),
  }
end

local function report(place, err, trace)
  unheard.tell("what was deferred at " .. place, err, trace)
  local key = "deferred " .. place .. " " .. reports.place_of(err, trace)
  reports.write("error", key, describe, current(), place, err, trace)
end

local function run_all(of, list, is_exchange)
  if is_exchange then
    pcall(scope.move_on_after, SECONDS_MAX, function()
      task.results(core.answer_sent(of))
    end)
  end
  while #list > 0 do
    local each = table_remove(list)
    local ok, err = xpcall(scope.fail_after, task.note_trace, SECONDS_MAX, each.fn)
    if not ok then
      pcall(report, each.place, err, task.trace())
    end
  end
end

--- Runs what was deferred, and forgets it.
---@async
---@param of lightuserdata the exchange of the running task, or that task
---@param is_exchange boolean
function defer.run(of, is_exchange)
  local list = lists[of]
  if list then
    pcall(scope.shield, run_all, of, list, is_exchange)
    lists[of], live.count = nil, live.count - 1
    live.is_any = live.count > 0
  end
  owners[of] = nil
end

return defer
