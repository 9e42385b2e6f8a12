-- Random trees of everything that cancels and is cancelled. Whatever they do, they end, in time, and leave nothing.
local core = require "tidegate.core"
local task = require "tidegate.task"
local t = require "tidegate.testing"
local tg = require "tidegate"

local TREES, SECONDS = 400, 50

-- A generator of its own, so that a seed repeats a tree.
local function random_of(seed)
  local state = seed
  return function(most)
    state = (state * 1103515245 + 12345) % 2147483648
    return math.floor(state / 65536) % most + 1
  end
end

local function run_tree(seed)
  local random = random_of(seed)
  local permits, lock, channel, event = tg.semaphore(2), tg.lock(), tg.channel(1), tg.event()
  local nodes, held, shared = 0, 0, {}
  local grow

  local function child(depth)
    return function()
      return grow(depth - 1)
    end
  end

  local function children(depth)
    local list = {}
    for index = 1, random(3) do
      list[index] = child(depth)
    end
    return list
  end

  local function hold(depth)
    held = held + 1
    assert(held <= 2, "more than two have a permit")
    local ok, err = pcall(grow, depth - 1)
    held = held - 1
    if not ok then
      error(err, 0)
    end
  end

  local function generator(depth)
    return coroutine.wrap(function()
      for _ = 1, 2 do
        grow(depth - 1)
        tg.move_on_after(random(5), function()
          coroutine.yield(1)
          grow(depth - 1)
          tg.scope(function(scope)
            scope:spawn(child(depth))
            coroutine.yield(2)
          end)
        end)
        tg.shield(coroutine.yield, 3)
      end
    end)
  end

  local kinds = {
    function()
      tg.sleep(random(6) - 1)
    end,
    function(depth)
      tg.gather(children(depth))
    end,
    function(depth)
      tg.gather(children(depth), { max = 1, on_error = "collect" })
    end,
    function(depth)
      tg.race(children(depth))
    end,
    function(depth)
      tg.move_on_after(random(4) - 1, child(depth))
    end,
    function(depth)
      pcall(tg.fail_after, random(4) - 1, child(depth))
    end,
    function(depth)
      tg.shield(tg.move_on_after, 2, child(depth))
    end,
    function(depth)
      tg.scope(function(scope)
        local handle = scope:spawn(child(depth))
        scope:spawn(child(depth))
        grow(depth - 1)
        local what = random(4)
        if what == 1 then
          handle:cancel()
        elseif what == 2 then
          scope:cancel()
        elseif what == 3 then
          handle:wait()
        end
        grow(depth - 1)
      end)
    end,
    function(depth)
      pcall(grow, depth - 1) -- swallows what comes
    end,
    function()
      error("boom", 0)
    end,
    function(depth)
      permits:run(hold, depth)
    end,
    function()
      lock:run(tg.sleep, random(2))
    end,
    function()
      channel:send(random(9))
    end,
    function()
      channel:receive()
    end,
    function()
      if random(2) == 1 then
        event:set()
      end
      event:wait()
    end,
    function(depth)
      local generate = generator(depth)
      for _ = 1, random(3) do
        generate()
      end
      shared[#shared + 1] = generate
    end,
    function()
      local generate = shared[random(math.max(#shared, 1))]
      if generate then
        generate()
      end
    end,
  }

  function grow(depth)
    nodes = nodes + 1
    if depth <= 0 or nodes > 300 then
      return tg.sleep(random(3) - 1)
    end
    for _ = 1, random(2) do
      kinds[random(#kinds)](depth)
    end
  end

  pcall(tg.fail_after, SECONDS, tg.gather, { child(6), child(6), child(6) })
  return function()
    assert.same({ value = 2, max = 2, waiting = 0 }, permits:statistics())
    assert.same({ locked = false, waiting = 0 }, lock:statistics())
    assert.equal(0, event:statistics().waiting)
    local count = channel:statistics()
    assert.equal(0, count.senders_waiting + count.receivers_waiting)
  end
end

-- Coroutines that nobody resumes are let go when their tasks have ended; their children unwind after that.
local function settle(tasks)
  local given_up = tg.now() + SECONDS
  while core.task_count() > tasks and tg.now() < given_up do
    tg.sleep(1)
  end
end

describe("a random tree of tasks", function()
  it("ends in time, and leaves nothing behind", function()
    local tasks = core.task_count()
    for seed = 1, TREES do
      local started, check = tg.now(), nil
      tg.gather { function()
        check = run_tree(seed)
        assert.is_nil(tg.remaining())
        tg.sleep(0) -- no cancellation is left
      end }
      assert.is_true(tg.now() - started <= 2 * SECONDS)
      settle(tasks)
      assert.equal(tasks, core.task_count(), "tree " .. seed)
      check()
    end
    assert.is_nil(task.innermost())
    t.failures() -- of clean-ups
  end)
end)
