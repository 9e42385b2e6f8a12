-- Very many tasks that all sleep until the same moment, and how long it takes until the last of them is awake.

local tg = require "tidegate"
local clock = require "lib.clock"

return function(app)
  app:get("/sleepers", function(request)
    local wake_at = tg.now() + tonumber(request.query.seconds)
    local first, last
    local woken = tg.map(tg.range(1, tonumber(request.query.count)), function()
      tg.sleep(wake_at - tg.now())
      last = clock.wall()
      first = first or last
      return true
    end)
    return { woken = #woken, spread_seconds = last - first }
  end)
end
