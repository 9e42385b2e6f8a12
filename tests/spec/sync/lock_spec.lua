local tg = require "tidegate"

describe("a lock", function()
  it("lets one task in at a time", function()
    local lock, inside = tg.lock(), 0
    tg.map(tg.range(1, 50), function()
      lock:run(function()
        inside = inside + 1
        assert.equal(1, inside)
        tg.sleep(0.001)
        inside = inside - 1
      end)
    end)
    assert.same({ locked = false, waiting = 0 }, lock:statistics())
  end)

  it("is not taken twice by its owner, and not given back by another", function()
    local lock = tg.lock()
    lock:acquire()
    local ok, err = pcall(lock.acquire, lock)
    assert.is_false(ok)
    assert.matches("this task has the lock already", err, 1, true)
    tg.gather { function()
      assert.is_false((pcall(lock.release, lock)))
      assert.is_false(lock:acquire_nowait())
    end }
    lock:release()
    assert.is_false((pcall(lock.release, lock)))
  end)

  it("stays locked when its owner ends, whoever is kept in that one's place later", function()
    local lock = tg.lock()
    tg.gather { function()
      lock:acquire()
    end }
    local refused = 0
    for _ = 1, 20 do
      tg.gather { function()
        refused = refused + (pcall(lock.release, lock) and 0 or 1)
      end }
    end
    assert.equal(20, refused)
    assert.is_true(lock:statistics().locked)
  end)

  it("belongs to the waiter that it was handed to", function()
    local lock = tg.lock()
    lock:acquire()
    tg.scope(function(scope)
      scope:spawn(function()
        lock:acquire()
        assert.is_false((pcall(lock.acquire, lock)))
        lock:release()
      end)
      tg.sleep(1)
      lock:release()
      assert.is_false((pcall(lock.release, lock)))
    end)
    assert.same({ locked = false, waiting = 0 }, lock:statistics())
  end)

  it("passes over a waiter that was cancelled", function()
    local lock, got = tg.lock(), {}
    lock:acquire()
    tg.scope(function(scope)
      local first = scope:spawn(lock.run, lock, table.insert, got, "first")
      tg.sleep(0.01)
      scope:spawn(lock.run, lock, table.insert, got, "second")
      tg.sleep(0.01)
      first:cancel()
      lock:release()
    end)
    assert.same({ "second" }, got)
    assert.is_false(lock:statistics().locked)
  end)

  it("raises the function's own error, also where that has given it back", function()
    local lock = tg.lock()
    local ok, err = pcall(lock.run, lock, function()
      lock:release()
      error("its own", 0)
    end)
    assert.same({ false, "its own" }, { ok, err })
    assert.is_false(lock:statistics().locked)
  end)
end)
