-- What tasks cost that do nothing: the CPU time of loops that never wait for anything outside.

local tg = require "tidegate"
local clock = require "lib.clock"

local CHILDREN = 1000

local function empty() end

local ten = {}
for place = 1, 10 do
  ten[place] = empty
end

local items = tg.range(1, CHILDREN)

local function spawn_many(scope)
  for _ = 1, CHILDREN do
    scope:spawn(empty)
  end
end

local function spawn_one(scope)
  scope:spawn(empty)
end

-- {what runs, how many of what is measured that makes}
local loops = {
  spawn = { function() tg.scope(spawn_many) end, CHILDREN },
  map = { function() tg.map(items, empty) end, CHILDREN },
  gather = { function() tg.gather(ten) end, 1 },
  scope = { function() tg.scope(spawn_one) end, 1 },
}

local function seconds_each(run, makes, count)
  local runs = math.ceil(count / makes)
  local started = clock.cpu()
  for _ = 1, runs do
    run()
  end
  return (clock.cpu() - started) / (runs * makes)
end

return function(app)
  app:get("/cost", function(request)
    local seconds = {}
    for name, loop in pairs(loops) do
      seconds[name] = seconds_each(loop[1], loop[2], tonumber(request.query.count))
    end
    return seconds
  end)
end
