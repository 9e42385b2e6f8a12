-- math.random has a seed from the system in every process, and in every thread of tg.blocking. #realtime
local gateway = require "tests.support.gateway"

local ROUTE = [[
local tg = require "tidegate"
local at_load = math.random(2 ^ 52)
return function(app)
  app:get("/", function()
    return ("%.0f %.0f %.0f"):format(at_load, math.random(2 ^ 52), tg.blocking("math", "random", 2 ^ 52))
  end)
end
]]

describe("math.random #realtime", function()
  it("is another one in each process and each thread", function()
    local seen = {}
    for _ = 1, 2 do
      local serving = gateway.start { routes = { ["a.lua"] = ROUTE } }
      local body = serving:get("/"):body()
      serving:dispose()
      for number in body:gmatch "%d+" do
        assert.is_nil(seen[number])
        seen[number] = true
      end
    end
  end)
end)
