-- The user's own coroutines inside a task.
--
-- A wait inside a coroutine that a handler made (an iterator of coroutine.wrap, a generator) is a wait of the whole
-- task: it travels out through coroutine.resume to the loop, and its results travel back in. So coroutine.resume and
-- coroutine.wrap are replaced; Lua code sees no difference. Where the resumer itself cannot yield (it is inside a
-- table.sort comparator, say), the core sees that, and no wait begins. A deadline or a shield around a coroutine.yield
-- is for what the coroutine does, and not for what its resumer does meanwhile.
-- luacheck: ignore 122
local core = require "tidegate.core"
local task = require "tidegate.task"

local resume, yield, create = coroutine.resume, coroutine.yield, coroutine.create
local is_yieldable, running = coroutine.isyieldable, coroutine.running
local status = coroutine.status
local is_task_thread = core.is_task_thread
local PARK = core.park_mark()
local error, type, setmetatable = error, type, setmetatable
local innermost = task.innermost

-- [coroutine] = true: it is a task's own, which the loop alone resumes: it would take the values of anybody else for
-- the results of what it waits for.
local is_task = core.task_coroutines()

-- [coroutine] = true while it waits: its task alone goes on with it.
local waits = setmetatable({}, { __mode = "k" })
-- [coroutine] = the innermost of the scopes inside which it has yielded
local aside = setmetatable({}, { __mode = "k" })

-- Coroutines that are resumed inside one another take C stack each, which nobody else bounds. [coroutine] = how deep it
-- is; and FROM_C more where the core must let nothing wait in it. What a coroutine is in is written down when it is
-- resumed, and never counted back: an error, as at the end of the stack, may leave each line here.
local levels, FROM_C = core.coroutine_levels()
local DEPTH_MAX = 200

local pass

local function wake(co, ...)
  waits[co] = nil
  return pass(co, resume(co, ...))
end

-- What a coroutine has yielded or returned, as it comes out of it.
function pass(co, ok, first, ...)
  if ok and first == PARK then
    waits[co] = true
    return wake(co, yield(PARK))
  end
  return ok, first, ...
end

-- The level of what is resumed here.
local function next_level()
  local level = (levels[running() or false] or 0) + 1
  return level < FROM_C and not is_yieldable() and level + FROM_C or level
end

-- Sets aside what the coroutine has left open, and passes on what it has yielded or returned.
local function settle(co, around, ...)
  if innermost() ~= around then
    aside[co] = task.set_aside(around)
  end
  return ...
end

local function go_on(co, ...)
  if waits[co] then
    return false, "cannot resume a coroutine that waits in another task"
  elseif is_task[co] then
    return false, "cannot resume the coroutine of a task, which the gateway resumes when what it waits for has come; "
      .. "wake a task with tg.event or tg.channel"
  elseif type(co) ~= "thread" or status(co) ~= "suspended" then
    local ok, why = resume(co, ...) -- which says what is wrong with it
    return ok, why
  end
  local level = next_level()
  if level % FROM_C > DEPTH_MAX then
    return false, "stack overflow: 200 coroutines are resumed inside one another"
  end
  local around, own = innermost(), aside[co]
  if own then
    if task.is_below(own) then
      return false, "cannot resume a coroutine from a task of a scope that it has open: they would wait for each other"
    end
    aside[co] = nil
    task.take_up(own)
  end
  levels[co] = level
  return settle(co, around, pass(co, resume(co, ...)))
end

local function values_or_error(co, ok, first, ...)
  if ok then
    return first, ...
  end
  if type(first) == "string" then
    first = debug.traceback(co, first)
  end
  error(first, 0)
end

coroutine.resume = go_on

function coroutine.wrap(fn)
  local co = create(fn)
  return function(...)
    return values_or_error(co, go_on(co, ...))
  end
end

function coroutine.yield(...)
  if is_task_thread() then
    error("coroutine.yield outside a coroutine of your own: a task waits with tg.sleep, tg.http and the like", 2)
  end
  return yield(...)
end
