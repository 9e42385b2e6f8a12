-- Waits for threads and for the end of the process: see ../kinds_of_wait.lua.
local core = require "tidegate.core"
local tg = require "tidegate"
local folder = require "tests.support.folder"
local wait = require "tests.support.wait"
local assert = require "luassert"

return function(add)
  local MODULE = "tests.support.in_thread"

  local function blocking(queued)
    return function()
      local files = folder.new()
      local before = core.blocking_statistics()
      for _ = 1, queued and before.threads_max or 0 do
        core.spawn_root(pcall, tg.blocking, MODULE, "wait", files:file "gate")
      end
      local function until_it(field, number)
        wait.until_true(("%d are %s"):format(number, field), function()
          return core.blocking_statistics()[field] == number
        end)
      end
      if queued then
        until_it("running", before.threads_max)
      end
      return {
        wait = function()
          return tg.blocking(MODULE, "wait", files:file "gate", "value")
        end,
        ready = function()
          until_it(queued and "queued" or "running", 1)
        end,
        complete = function()
          files:write("gate", "")
        end,
        whole = function()
          if queued then
            assert.equal(0, core.blocking_statistics().queued)
          end
        end,
        close = function()
          files:write("gate", "")
          until_it("running", 0)
          files:remove()
        end,
      }
    end
  end

  add("tg.blocking that runs", "tg.blocking", blocking(false), true)
  add("tg.blocking that is queued", "tg.blocking", blocking(true), true)

  -- --- the end of the process ---

  add("background.drain", "draining background tasks", function()
    local loaded = package.loaded["tidegate.background"]
    package.loaded["tidegate.background"] = nil
    local background = require "tidegate.background" -- one of its own: what has drained once starts no task any more
    package.loaded["tidegate.background"] = loaded
    local event = tg.event()
    background.spawn(event.wait, event)
    return {
      wait = function()
        background.drain()
        return "value"
      end,
      complete = function()
        event:set()
      end,
      whole = function()
        assert.equal(event:is_set() and 0 or 1, background.statistics().running)
      end,
      close = function()
        event:set()
      end,
    }
  end)
end
