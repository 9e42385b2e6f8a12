-- Waits for time and for child tasks: see ../kinds_of_wait.lua.
local tg = require "tidegate"
local assert = require "luassert"

return function(add)
  local LONG_SECONDS = 1000

  add("tg.sleep", "tg.sleep", function()
    return {
      wait = function()
        tg.sleep(LONG_SECONDS)
      end,
    }
  end)

  local function scoped(run)
    return function()
      local event, children = tg.event(), 0
      local function child()
        children = children + 1
        local ok, err = pcall(event.wait, event)
        children = children - 1
        if not ok then
          error(err, 0)
        end
        return "value"
      end
      return {
        wait = function()
          return run(child)
        end,
        complete = function()
          event:set()
        end,
        whole = function()
          assert.equal(0, children)
          assert.equal(0, event:statistics().waiting)
        end,
      }
    end
  end

  add("tg.gather", "tg.gather", scoped(function(child)
    return tg.gather({ child, child })[2]
  end))
  add("tg.gather with options", "tg.gather", scoped(function(child)
    return tg.gather({ child, child, child }, { max = 2, on_error = "collect" })[3].value
  end))
  add("tg.map", "tg.map", scoped(function(child)
    return tg.map({ 1, 2 }, child)[1]
  end))
  add("tg.race", "tg.race", scoped(function(child)
    return tg.race { child, child }
  end))
  add("tg.scope", "tg.scope", scoped(function(child)
    local result
    tg.scope(function(scope)
      scope:spawn(function()
        result = child()
      end)
    end)
    return result
  end))
  add("handle:wait", "handle:wait", scoped(function(child)
    return tg.scope(function(scope)
      return scope:spawn(child):wait()
    end)
  end))
end
