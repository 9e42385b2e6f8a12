-- Waiting in tests: no test waits for a span of time and hopes; it waits until something is so, and gives up late.
local tg = require "tidegate"

local wait = {}

local PATIENCE_SECONDS = 60
local LOOK_SECONDS = 0.002

--- Calls `fn` and fails when it has not returned in time. The time is only there so that a hanging test fails.
---@async
function wait.within(fn, seconds)
  seconds = seconds or PATIENCE_SECONDS
  local finished, results = {}, nil
  local _, err = pcall(tg.gather, {
    function()
      results = { fn() }
      error(finished, 0)
    end,
    function()
      tg.sleep(seconds)
      error(("still waiting after %g s"):format(seconds), 0)
    end,
  })
  if err ~= finished then
    error(err, 0)
  end
  return unpack(results)
end

--- Calls `fn` again and again until it returns something true, and returns that.
---@async
function wait.until_true(what, fn)
  local given_up = tg.now() + PATIENCE_SECONDS
  while true do
    local value = fn()
    if value then
      return value
    elseif tg.now() > given_up then
      error(("waited %g s in vain until %s"):format(PATIENCE_SECONDS, what), 2)
    end
    tg.sleep(LOOK_SECONDS)
  end
end

return wait
