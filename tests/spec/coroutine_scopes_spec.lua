-- Deadlines, shields and scopes that a coroutine of one's own has open while it is suspended.
local core = require "tidegate.core"
local task = require "tidegate.task"
local tg = require "tidegate"

-- Runs fn in a child that handle:cancel ends once `ready` is set; what fn returns.
local function cancelled_when(ready, fn)
  local results
  tg.scope(function(scope)
    local handle = scope:spawn(function()
      results = { fn() }
    end)
    ready:wait()
    handle:cancel()
  end)
  return unpack(results or {})
end

describe("a deadline around a coroutine.yield", function()
  it("binds the coroutine alone, and not the one that resumes it", function()
    local ended
    local generate = coroutine.wrap(function()
      ended = { pcall(tg.fail_after, 1, function()
        coroutine.yield(tg.remaining())
        tg.sleep(5)
      end) }
    end)
    local started = tg.now()
    assert.equal(1, generate())
    assert.is_nil(tg.remaining())
    tg.sleep(3) -- the deadline passes meanwhile, and is not the resumer's
    assert.is_nil(ended)
    generate()
    assert.is_false(ended[1])
    assert.equal("deadline", ended[2].kind)
    assert.equal(3, tg.now() - started) -- it had passed when the next wait began
    tg.sleep(1)
  end)

  it("goes on while the coroutine is suspended, and ends its wait", function()
    local generate = coroutine.wrap(function()
      return tg.move_on_after(2, function()
        coroutine.yield(tg.remaining())
        coroutine.yield(tg.remaining())
        tg.sleep(5)
        return "late"
      end) or "moved on"
    end)
    local started = tg.now()
    assert.equal(2, generate())
    tg.sleep(0.5)
    assert.equal(1.5, generate())
    tg.sleep(0.5)
    assert.equal("moved on", generate())
    assert.equal(2, tg.now() - started)
  end)

  it("stands inside the deadlines of who resumes it, one after the other", function()
    local generate = coroutine.wrap(function()
      tg.fail_after(10, function()
        while true do
          coroutine.yield(tg.remaining())
        end
      end)
    end)
    assert.equal(10, generate())
    assert.equal(2, tg.fail_after(2, generate))
    assert.equal(10, tg.fail_after(20, generate))
    assert.equal(10, generate())
    assert.is_nil(tg.remaining())
  end)

  it("is not in the way of a deadline of its resumer, opened before it and closed before it", function()
    local generate = coroutine.wrap(function()
      tg.fail_after(100, function()
        coroutine.yield "first"
        tg.sleep(50)
        coroutine.yield "second"
      end)
    end)
    assert.equal("first", tg.fail_after(1, generate))
    local ok, err = pcall(tg.fail_after, 1, generate)
    assert.is_false(ok)
    assert.matches("the deadline of 1 s passed", tostring(err), 1, true)
    tg.sleep(200) -- nothing of either is left
  end)

  it("is that of each level where coroutines are nested", function()
    local log = {}
    local outer = coroutine.wrap(function()
      tg.fail_after(8, function()
        local inner = coroutine.wrap(function()
          tg.fail_after(4, function()
            while true do
              log[#log + 1] = tg.remaining()
              coroutine.yield()
            end
          end)
        end)
        while true do
          inner()
          log[#log + 1] = tg.remaining()
          coroutine.yield()
        end
      end)
    end)
    outer()
    tg.sleep(1)
    outer()
    assert.same({ 4, 8, 3, 7 }, log)
    assert.is_nil(tg.remaining())
  end)

  it("holds in children of gather, each with a coroutine of its own", function()
    local started = tg.now()
    local results = tg.map({ 1, 2, 3 }, function(seconds)
      local generate = coroutine.wrap(function()
        coroutine.yield((tg.move_on_after(seconds, function()
          coroutine.yield "begun"
          tg.sleep(100)
          return true
        end)) or tg.now() - started)
      end)
      assert.equal("begun", generate())
      assert.is_nil(tg.remaining())
      return generate()
    end)
    assert.same({ 1, 2, 3 }, results)
  end)
end)

describe("a suspended coroutine that another task resumes", function()
  it("takes its deadline along", function()
    local generate = coroutine.wrap(function()
      local ok, err = pcall(tg.fail_after, 2, function()
        coroutine.yield(1)
        tg.sleep(100)
      end)
      return ok, err.kind, tg.now()
    end)
    local started = tg.now()
    tg.gather { function()
      assert.equal(1, generate()) -- and this task ends
    end }
    tg.sleep(1)
    local ok, kind, at = unpack(tg.gather { function()
      return { generate() }
    end }[1])
    assert.is_false(ok)
    assert.equal("deadline", kind)
    assert.is_true(at - started <= 2)
  end)

  it("keeps its deadline where the first task goes on", function()
    local generate = coroutine.wrap(function()
      local ok, err = pcall(tg.fail_after, 2, function()
        coroutine.yield(1)
        assert.equal(1, tg.remaining())
        tg.sleep(100)
      end)
      return { ok, err.kind, tg.now() }
    end)
    local started = tg.now()
    generate()
    local result = tg.gather({ function()
      tg.sleep(1)
      return generate()
    end, function()
      tg.sleep(9)
    end })[1]
    assert.same({ false, "deadline", started + 2 }, result)
  end)

  it("is bound by that task's cancellation and no longer by that of the first", function()
    local ready, reason = tg.event(), nil
    local generate = coroutine.wrap(function()
      tg.fail_after(100, function()
        coroutine.yield(1)
        tg.sleep(1)
        coroutine.yield "not cancelled"
        local _, err = pcall(tg.sleep, 50)
        reason = err.reason
        error(err, 0)
      end)
    end)
    tg.scope(function(scope)
      local first = scope:spawn(function()
        generate()
        ready:set()
        tg.sleep(100)
      end)
      ready:wait()
      first:cancel()
      assert.equal("not cancelled", scope:spawn(generate):wait())
      local last = scope:spawn(generate)
      tg.sleep(1)
      last:cancel()
    end)
    assert.equal("its handle was cancelled", reason)
  end)

  it("says clearly why not, where it waits in the other task", function()
    local co = coroutine.create(function()
      tg.sleep(1)
      return "done"
    end)
    local wrapped = coroutine.wrap(function()
      tg.sleep(1)
    end)
    local results = tg.gather {
      function()
        return { coroutine.resume(co) }
      end,
      function()
        tg.sleep(0.5)
        return { coroutine.resume(co) }
      end,
      function()
        wrapped()
        return {}
      end,
      function()
        tg.sleep(0.5)
        return { pcall(wrapped) }
      end,
    }
    assert.same({ true, "done" }, results[1])
    assert.same({ false, "cannot resume a coroutine that waits in another task" }, results[2])
    assert.is_false(results[4][1])
    assert.matches("cannot resume a coroutine that waits in another task", results[4][2], 1, true)
  end)

  it("says so too to a child of a gather that the coroutine itself waits for", function()
    local generate
    generate = coroutine.wrap(function()
      return tg.gather({ function()
        return select(2, pcall(generate))
      end })[1]
    end)
    assert.matches("waits in another task", generate(), 1, true)
  end)

  it("says why not to a task of a scope that it has open, for they would wait for each other", function()
    local generate, result
    generate = coroutine.wrap(function()
      tg.scope(function(scope)
        scope:spawn(function()
          result = tg.gather({ function()
            return select(2, pcall(generate))
          end })[1]
        end)
        coroutine.yield()
      end)
      return "ended"
    end)
    generate()
    tg.sleep(1)
    assert.matches("cannot resume a coroutine from a task of a scope that it has open", result, 1, true)
    assert.equal("ended", generate())
  end)

  it("has the children of its scope, which end with it", function()
    local ticks = 0
    local generate = coroutine.wrap(function()
      return tg.scope(function(scope)
        scope:spawn(function()
          for _ = 1, 5 do
            tg.sleep(1)
            ticks = ticks + 1
          end
        end)
        coroutine.yield "open"
        return "closed"
      end)
    end)
    local result = tg.gather({ function()
      assert.equal("open", generate())
      tg.sleep(2.5)
      return ticks
    end, function()
      tg.sleep(1)
      return generate()
    end })
    assert.same({ 2, "closed" }, result)
    assert.equal(5, ticks)
  end)
end)

describe("a shield around a coroutine.yield", function()
  it("does not shield who resumes the coroutine", function()
    local ready = tg.event()
    local reason, cleaned = cancelled_when(ready, function()
      local generate = coroutine.wrap(function()
        tg.shield(function()
          coroutine.yield()
          tg.sleep(1)
          coroutine.yield "cleaned up"
        end)
      end)
      generate()
      ready:set()
      local _, err = pcall(tg.sleep, 100)
      return err.reason, generate() -- where the clean-up may wait, though the task is cancelled
    end)
    assert.equal("its handle was cancelled", reason)
    assert.equal("cleaned up", cleaned)
  end)

  it("ends with it, and the cancellation comes through", function()
    local ready, outcome = tg.event(), nil
    cancelled_when(ready, function()
      local generate = coroutine.wrap(function()
        tg.shield(function()
          ready:set()
          tg.sleep(1)
          coroutine.yield()
        end)
        outcome = select(2, pcall(tg.sleep, 1))
        error(outcome, 0)
      end)
      generate()
      generate()
    end)
    assert.is_true(task.is_cancellation(outcome))
  end)
end)

describe("a coroutine that nobody resumes any more", function()
  it("is let go at its task's end, with its deadline and its children", function()
    local before, reason = core.task_count(), nil
    local started = tg.now()
    tg.gather { function()
      local generate = coroutine.wrap(function()
        tg.fail_after(1000, function()
          tg.scope(function(scope)
            scope:spawn(function()
              local _, err = pcall(tg.sleep, 1000)
              reason = err.reason
              error(err, 0)
            end)
            coroutine.yield(1)
          end)
        end)
      end)
      assert.equal(1, generate())
      tg.sleep(1)
    end }
    assert.equal(1, tg.now() - started)
    tg.sleep(0)
    assert.equal("its scope was abandoned", reason)
    assert.equal(before, core.task_count())
  end)

  it("has children that are below no other task, though that may be kept in the same place", function()
    local seen, done = nil, tg.event()
    local function swallowing()
      pcall(tg.sleep, 1000)
      tg.gather { function()
        local all = {}
        for _ = 1, 8 do -- one of them is kept where the task was that has ended
          all[#all + 1] = function()
            seen = tg.remaining() or "none"
            local above = core.task_info(core.current()).parent
            for _ = 1, 10 do
              above = above and core.task_info(above).parent
            end
            assert(above == nil, "a circle")
          end
        end
        tg.gather(all)
      end }
    end
    tg.gather { function()
      coroutine.wrap(function()
        tg.scope(function(scope)
          scope:spawn(function()
            pcall(swallowing)
            done:set()
          end)
          coroutine.yield()
        end)
      end)()
      tg.sleep(1)
    end }
    done:wait()
    assert.equal("none", seen)
  end)

  it("leaves nothing that a later task could meet", function()
    for _ = 1, 200 do
      tg.gather { function()
        local generate = coroutine.wrap(function()
          tg.fail_after(1, function()
            tg.shield(coroutine.yield)
          end)
        end)
        generate()
      end }
    end
    tg.map(tg.range(1, 50), function()
      assert.is_nil(tg.remaining())
      tg.sleep(5)
    end)
  end)

  it("leaves nothing behind where its task lives long", function()
    local scopes, rounds = setmetatable({}, { __mode = "k" }), 100
    for _ = 1, rounds do
      coroutine.wrap(function()
        tg.fail_after(1, tg.shield, function()
          scopes[task.innermost()] = true
          scopes[task.innermost().outer] = true
          coroutine.yield()
        end)
      end)()
    end
    tg.sleep(2)
    collectgarbage()
    collectgarbage()
    local left = 0
    for _ in pairs(scopes) do
      left = left + 1
    end
    assert.is_true(left <= 2) -- the stack may still hold the last
  end)
end)
