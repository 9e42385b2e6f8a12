local core = require "tidegate.core"
local tg = require "tidegate"

describe("an event", function()
  it("wakes everybody who waits, and nobody waits once it is set", function()
    local event, woken = tg.event(), 0
    tg.scope(function(scope)
      for _ = 1, 5 do
        scope:spawn(function()
          event:wait()
          woken = woken + 1
        end)
      end
      tg.sleep(0.01)
      assert.same({ set = false, waiting = 5 }, event:statistics())
      assert.equal(0, woken)
      event:set()
    end)
    assert.equal(5, woken)
    event:wait()
    assert.is_true(event:is_set())
    event:clear()
    assert.is_nil(tg.move_on_after(1, function()
      event:wait()
      return "set"
    end))
  end)

  it("is left by a waiter that is cancelled", function()
    local event = tg.event()
    tg.move_on_after(1, event.wait, event)
    assert.same({ set = false, waiting = 0 }, event:statistics())
    event:set()
  end)

  it("cannot be waited for where nothing can wait", function()
    local event, before = tg.event(), core.task_count()
    local ok, err = pcall(table.sort, { 2, 1 }, function(a, b)
      event:wait()
      return a < b
    end)
    assert.is_false(ok)
    assert.matches("event:wait waits, and nothing can wait", err, 1, true)
    assert.equal(0, event:statistics().waiting)
    assert.equal(before, core.task_count())
  end)
end)
