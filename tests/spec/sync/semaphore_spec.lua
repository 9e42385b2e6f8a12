local tg = require "tidegate"

describe("a semaphore", function()
  it("lets no more than its number in", function()
    local permits, inside, most = tg.semaphore(3), 0, 0
    tg.map(tg.range(1, 1000), function()
      permits:run(function()
        inside = inside + 1
        most = math.max(most, inside)
        tg.sleep(0.001)
        inside = inside - 1
      end)
    end)
    assert.equal(3, most)
    assert.same({ value = 3, max = 3, waiting = 0 }, permits:statistics())
  end)

  it("lets them in in the order in which they came", function()
    local permits, arrived, order = tg.semaphore(1), {}, {}
    tg.map(tg.range(1, 100), function(number)
      arrived[#arrived + 1] = number
      permits:run(function()
        order[#order + 1] = number
        tg.sleep(0.001)
      end)
    end)
    assert.same(arrived, order)
  end)

  it("gives the permit back when the function fails", function()
    local permits = tg.semaphore(1)
    assert.is_false((pcall(permits.run, permits, error, "down")))
    assert.is_true(permits:acquire_nowait())
    assert.is_false(permits:acquire_nowait())
    permits:release()
  end)

  it("refuses more releases than acquires, on the user's line", function()
    local ok, err = pcall(function()
      tg.semaphore(1):release()
    end)
    assert.is_false(ok)
    assert.matches("semaphore_spec.lua:%d+: semaphore:release: more permits", err)
    for _, bad in ipairs { 0, -1, 1.5, "x" } do
      assert.is_false((pcall(tg.semaphore, bad)))
    end
  end)

  it("loses no permit to a waiter that is cancelled, wherever it stands in the line", function()
    for cancelled = 1, 3 do
      local permits, got = tg.semaphore(1), {}
      permits:acquire()
      tg.scope(function(scope)
        local handles = {}
        for number = 1, 3 do
          handles[number] = scope:spawn(function()
            permits:acquire()
            got[#got + 1] = number
            permits:release()
          end)
          tg.sleep(0.01)
        end
        handles[cancelled]:cancel()
        tg.sleep(0.01)
        assert.equal(2, permits:statistics().waiting)
        permits:release()
      end)
      local expected = { 1, 2, 3 }
      table.remove(expected, cancelled)
      assert.same(expected, got)
      assert.equal(1, permits:statistics().value)
    end
  end)

  it("has handed over what a later cancellation does not take back", function()
    local permits, had = tg.semaphore(1), false
    permits:acquire()
    tg.scope(function(scope)
      local handle = scope:spawn(function()
        permits:acquire()
        had = true
        permits:release()
      end)
      tg.sleep(0.01)
      permits:release() -- hands over …
      handle:cancel() -- … and only then it is cancelled
    end)
    assert.is_true(had)
    assert.equal(1, permits:statistics().value)
  end)
end)
