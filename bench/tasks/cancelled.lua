-- Gathers that are cancelled while their children sleep, in each of the ways that there are.

local tg = require "tidegate"

local CHILDREN = 3

local ended = 0

local function sleep()
  local _, why = pcall(tg.sleep, 3600)
  ended = ended + 1
  error(why, 0)
end

local function fail()
  ended = ended + 1
  error("on purpose", 0)
end

local function gather()
  tg.gather { sleep, sleep, sleep }
end

local function by_handle(scope)
  local child = scope:spawn(gather)
  tg.sleep(0)
  child:cancel()
end

local function by_scope(scope)
  scope:spawn(gather)
  tg.sleep(0)
  scope:cancel()
end

local ways = {
  function() tg.scope(by_handle) end,
  function() tg.scope(by_scope) end,
  function() tg.move_on_after(0, gather) end,
  function() pcall(tg.gather, { sleep, sleep, fail }) end,
}

return function(app)
  app:get("/cancelled", function(request)
    ended = 0
    local count = tonumber(request.query.count)
    for number = 1, count do
      ways[number % #ways + 1]()
    end
    return { right = ended == count * CHILDREN }
  end)
end
