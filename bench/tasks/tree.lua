-- A tree of gathers inside gathers, with sleepers as its leaves, and how long it takes to cancel the whole.

local tg = require "tidegate"
local clock = require "lib.clock"

local WIDTH, DEPTH = 10, 3
local LEAVES = WIDTH ^ DEPTH

local asleep

local function grow(depth)
  if depth == 0 then
    asleep = asleep + 1
    return tg.sleep(3600)
  end
  local branches = {}
  for place = 1, WIDTH do
    branches[place] = function() grow(depth - 1) end
  end
  tg.gather(branches)
end

-- From the cancel to the end of the root.
local function cancel_seconds()
  local started
  asleep = 0
  tg.scope(function(scope)
    local root = scope:spawn(grow, DEPTH)
    repeat
      tg.sleep(0)
    until asleep == LEAVES
    started = clock.wall()
    root:cancel()
  end)
  return clock.wall() - started
end

return function(app)
  app:get("/tree", function(request)
    local seconds = {}
    for number = 1, tonumber(request.query.count) do
      seconds[number] = cancel_seconds()
    end
    return { seconds = seconds }
  end)
end
