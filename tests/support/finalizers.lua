-- Finalizers that run in the middle of everything: while they are on, nearly every call that asks for memory runs one
-- of the functions given.
--
-- The collector goes on whenever something is made. Here it goes on from one round to the next without a pause; once it
-- comes to the finalizers it takes them one at a time, and there are many. Each that has run makes its successor.
local finalizers = {}

local PER_ROUND = 400 -- where nobody says otherwise
local STEP_ONE = 10 -- the least work of the collector: one finalizer
local STEP_MANY = 2000

local prototype, functions
local index, waiting, runs = 0, 0, 0
local per_round, most = PER_ROUND, math.huge

local function call_next()
  index = index % #functions + 1
  runs = runs + 1
  return functions[index]()
end

local function renew()
  for _ = 1, per_round do
    newproxy(prototype)
  end
  waiting = per_round
end

local function finalize()
  if not functions then
    return
  elseif runs >= most then
    return finalizers.stop()
  end
  waiting = waiting - 1
  collectgarbage("setstepmul", waiting > 0 and STEP_ONE or STEP_MANY)
  if waiting <= 0 then
    renew()
  end
  pcall(call_next)
end

--- Begins: each finalizer calls the next function of the list; what it raises goes nowhere.
---@param list fun()[]
---@param count? integer how many run for each round of the collector; 400
---@param runs_max? integer then it ends by itself: nothing is collected while they run, and they make garbage
function finalizers.start(list, count, runs_max)
  if not prototype then
    prototype = newproxy(true)
    getmetatable(prototype).__gc = finalize
  end
  functions, per_round, most = list, count or PER_ROUND, runs + (runs_max or math.huge)
  collectgarbage("setpause", 0)
  collectgarbage("setstepmul", STEP_MANY)
  collectgarbage("restart") -- from now on, and not when the pause of the last round is over
  renew()
end

--- Ends.
---@return integer # how many have run since the start of the process
function finalizers.stop()
  functions = nil
  collectgarbage("setpause", 200)
  collectgarbage("setstepmul", 200)
  return runs
end

--- Calls `fn` while finalizers call `finalizer`, until they have done so at least `least` times.
---@param finalizer fun()
---@param fn fun()
---@param least? integer 1000
function finalizers.around(finalizer, fn, least)
  local before = runs
  finalizers.start { finalizer }
  local ok, err = pcall(function()
    repeat
      fn()
      local _ = { tostring {} } -- memory is asked for, whatever fn does
    until runs - before >= (least or 1000)
  end)
  finalizers.stop()
  if not ok then
    error(err, 0)
  end
end

return finalizers
