-- What a test leaves behind: tasks that have not ended, what is open, and pins, the values that C code keeps alive.
--
-- A pin is named only where nothing else is left, which would have pins of its own.
local core = require "tidegate.core"
local task = require "tidegate.task"

local leftovers = {}

local SETTLE_ROUNDS_MAX = 50
local BLOCKING_ROUNDS_MAX = 500 -- of a millisecond each: a call in a thread cannot be cancelled
local ROUND_SECONDS = 0.001

local handle_names = {
  { "streams", "open stream" },
  { "servers", "server" },
  { "listeners", "listener in memory" },
  { "blocking", "call of tg.blocking" },
}

local function set_of(list)
  local set = {}
  for _, each in ipairs(list) do
    set[each] = true
  end
  return set
end

-- What luaL_ref keeps for code that may forget to give it back. A number there is a link of its list of free places.
local function pins()
  local list, own = {}, core.own_references()
  for key, value in pairs(debug.getregistry()) do
    if type(key) == "number" and type(value) ~= "number" and not own[key] then
      list[#list + 1] = value
    end
  end
  return list
end

--- What is there now, which no test answers for.
function leftovers.note()
  local tasks = {}
  for _, of in ipairs(core.tasks()) do
    tasks[core.task_number(of)] = true
  end
  return { tasks = tasks, handles = core.handles(), deadlines = set_of(core.deadlines()), pins = pins() }
end

--- The tasks that have begun since and have not ended.
---@param before table
---@param except lightuserdata? the one that asks
---@return lightuserdata[]
function leftovers.tasks(before, except)
  local list = {}
  for _, of in ipairs(core.tasks()) do
    if of ~= except and not before.tasks[core.task_number(of)] then
      list[#list + 1] = of
    end
  end
  return list
end

local function kind_of(of, info)
  local method, path = core.task_request(of)
  if method then
    return ("the request %s %s"):format(method, path)
  end
  return info.parent and "a task" or "a background task"
end

--- One line for each task: what it is doing that should have ended.
---@param list lightuserdata[]
---@param doing_what string? of those that wait for nothing now; "is always ready" where it is left out
function leftovers.describe(list, doing_what)
  local lines = {}
  for index, of in ipairs(list) do
    local info = core.task_info(of)
    local doing = info.waits_on and "waits in " .. info.waits_on or doing_what or "is always ready"
    lines[index] = ("%s %s at %s"):format(kind_of(of, info), doing, info.place or "?")
  end
  return lines
end

-- Will time alone wake it?
local function is_timed(of, info)
  return info.waits_on == "tg.sleep" or task.deadline(of) ~= nil
end

--- Is it a test's task, or a child of one?
---@param of lightuserdata?
---@param test lightuserdata
function leftovers.is_below(of, test)
  while of and of ~= test do
    of = task.parent(of)
  end
  return of ~= nil
end

--- Have the tasks of a test waited since then for what time alone does not bring, though others ran? Another task that
--- has slept for as long may bring it.
---@param test lightuserdata
---@param others lightuserdata[]
---@param since number
---@return boolean
function leftovers.wait_in_vain(test, others, since)
  for _, of in ipairs { test, unpack(others) } do
    local info = core.task_info(of)
    local has_waited = info.state == "waits" and core.now() - info.seconds <= since + 1e-6
    if has_waited and is_timed(of, info) or not has_waited and leftovers.is_below(of, test) then
      return false
    end
  end
  return true
end

-- [task] = those that it waits for: the one of a handle, or its children where it waits for all of them.
local function waited_for(list)
  local awaited = {}
  for _, of in ipairs(list) do
    local own, parent = task.awaited[of], task.home[of]
    awaited[of] = awaited[of] or {}
    table.insert(awaited[of], own)
    if parent and parent.waiting then
      awaited[parent.task] = awaited[parent.task] or {}
      table.insert(awaited[parent.task], of)
    end
  end
  return awaited
end

-- The tasks that wait for each other, from `of` on; nil where it waits in no circle.
local function circle_from(of, awaited, path, seen)
  if path[of] then
    return { unpack(path, path[of]) }
  elseif seen[of] then
    return nil
  end
  seen[of], path[#path + 1] = true, of
  path[of] = #path
  for _, each in ipairs(awaited[of] or {}) do
    local circle = circle_from(each, awaited, path, seen)
    if circle then
      return circle
    end
  end
  path[of], path[#path] = nil, nil
end

--- Which of these tasks wait for each other, as the end of a message; "" where none do.
---@param list lightuserdata[]
---@return string
function leftovers.describe_circle(list)
  local awaited, seen = waited_for(list), {}
  for _, of in ipairs(list) do
    local circle = circle_from(of, awaited, {}, seen)
    if circle then
      circle[#circle + 1] = circle[1]
      for index, each in ipairs(circle) do
        circle[index] = core.task_info(each).place or "?"
      end
      return "; these wait for each other: " .. table.concat(circle, " → ")
    end
  end
  return ""
end

-- Deadlines; the running task's own end with it.
local function add_deadlines(found, before)
  for _, object in ipairs(core.deadlines()) do
    local is_of_reports = object.on_passed -- of those that every test forgets
    if not before.deadlines[object] and object.task ~= core.current() and not is_of_reports then
      found[#found + 1] = ("a deadline in %.2f s"):format((object.deadline or core.now()) - core.now())
    end
  end
end

local function describe_pin(value)
  if type(value) ~= "function" then
    return "a pin of a " .. type(value)
  end
  local info = debug.getinfo(value, "S")
  return ("a pin of the function of %s:%d"):format(info.short_src, info.linedefined)
end

local function add_pins(found, before)
  local now, known = pins(), set_of(before.pins)
  if #now <= #before.pins then
    return
  end
  for _, value in ipairs(now) do
    if not known[value] then
      found[#found + 1] = describe_pin(value)
    end
  end
end

local function find_now(before)
  local found = leftovers.describe(leftovers.tasks(before, core.current()))
  local now, blocks = core.handles(), false
  for _, each in ipairs(handle_names) do
    local left = now[each[1]] - before.handles[each[1]]
    if left > 0 then
      found[#found + 1] = ("%d %s%s"):format(left, each[2], left == 1 and "" or "s")
      blocks = each[1] == "blocking"
    end
  end
  add_deadlines(found, before)
  if #found == 0 then
    add_pins(found, before)
  end
  return found, blocks
end

-- Lets happen what is about to. Returns the cancellation that came instead.
local function wait_a_round(is_virtual, blocks)
  if is_virtual and not blocks then
    return core.settle()
  end
  core.set_virtual(false)
  local err = core.sleep(ROUND_SECONDS)
  core.set_virtual(is_virtual)
  return err
end

--- What has been left since, once nothing more is about to end. What waits for a thread is: a clean-up, say.
---@async
---@return string[]
function leftovers.look(before, is_virtual)
  local settled, blocked = 0, 0
  while true do
    local found, blocks = find_now(before)
    if #found == 0 or settled >= SETTLE_ROUNDS_MAX or blocked >= BLOCKING_ROUNDS_MAX then
      return found
    elseif blocks then
      settled, blocked = 0, blocked + 1
    else
      settled = settled + 1
    end
    if wait_a_round(is_virtual, blocks) ~= nil then
      return (find_now(before))
    end
  end
end

--- Ends the tasks that are left, so that no later test has to do with them, and the connections that are kept.
---@async
function leftovers.clear(before, is_virtual)
  local value = task.cancellation "the test has ended"
  for _, of in ipairs(leftovers.tasks(before)) do
    task.cancel(of, value)
  end
  core.close_idle_connections()
  for _ = 1, SETTLE_ROUNDS_MAX do
    if #leftovers.tasks(before) == 0 then
      break
    end
    wait_a_round(is_virtual, false)
  end
end

return leftovers
