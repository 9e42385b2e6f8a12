-- The smallest route, and calls that block for as long as it is being asked.

local tg = require "tidegate"

local CALLS = 10

return function(app)
  app:get("/hello", function()
    return { message = "Hello World!" }
  end)

  -- `how` is a function of lib/slow.lua.
  app:get("/blocking/{how}", function(request)
    local how, seconds = request.params.how, tonumber(request.query.seconds)
    tg.map(tg.range(1, CALLS), function()
      return tg.blocking("lib.slow", how, seconds)
    end)
    return { calls = CALLS }
  end)
end
