-- Who is served, and when: in order, without being overtaken, and without starving anybody else.
local core = require "tidegate.core"
local task = require "tidegate.task"
local tg = require "tidegate"

local happened = tg.event()
happened:set()

-- Lets every ready task run once. Not tg.sleep(0): a virtual clock has its turn only when no task is ready.
local function let_others_run()
  happened:wait()
end

local new = {
  semaphore = function() return tg.semaphore(1) end,
  lock = function() return tg.lock() end,
}

describe("a semaphore", function()
  for _, max in ipairs { 1, 7 } do
    it(("serves 1,000 tasks in the order in which they came, %d at once"):format(max), function()
      local before = core.task_count()
      local permits, arrived, order, inside, most = tg.semaphore(max), {}, {}, 0, 0
      tg.map(tg.range(1, 1000), function(number)
        arrived[#arrived + 1] = number
        permits:acquire()
        order[#order + 1] = number
        inside = inside + 1
        most = math.max(most, inside)
        tg.sleep(0.001 * (1 + #order)) -- each longer than the one before, so that one permit comes back at a time
        inside = inside - 1
        permits:release()
      end)
      assert.equal(max, most)
      -- The first ones need not wait, and run on in any order.
      assert.same({ unpack(arrived, max + 1) }, { unpack(order, max + 1) })
      assert.same({ value = max, max = max, waiting = 0 }, permits:statistics())
      assert.equal(before, core.task_count())
    end)
  end
end)

for name, make in pairs(new) do
  describe("a " .. name, function()
    it("cannot be overtaken by the one who gives it back and comes again", function()
      local object, order = make(), {}
      local function use(who)
        for _ = 1, 20 do
          object:acquire()
          order[#order + 1] = who
          tg.sleep(0.001)
          object:release()
        end
      end
      tg.gather { function() use "a" end, function() use "b" end }
      for index = 2, #order do
        assert.not_equal(order[index - 1], order[index], "at " .. index)
      end
    end)

    it("is not to be had without waiting while it is on its way to a waiter", function()
      local object = make()
      object:acquire()
      tg.scope(function(scope)
        scope:spawn(object.run, object, tg.sleep, 0.01)
        tg.sleep(0.01)
        object:release()
        assert.is_false(object:acquire_nowait())
      end)
      assert.is_true(object:acquire_nowait())
      object:release()
    end)

    it("starves nobody when it is free and taken again and again", function()
      local object, others, stop = make(), 0, false
      tg.gather {
        function()
          while not stop do
            object:run(function() end)
          end
        end,
        function()
          for _ = 1, 100 do
            let_others_run()
            others = others + 1
          end
          stop = true
        end,
      }
      assert.equal(100, others)
    end)

    it("lets a loop that takes it be cancelled, though it never has to wait", function()
      local object, rounds = make(), 0
      tg.scope(function(scope)
        local handle = scope:spawn(function()
          while true do
            object:acquire()
            rounds = rounds + 1
            object:release()
          end
        end)
        let_others_run()
        let_others_run()
        handle:cancel()
      end)
      assert.is_true(rounds < 10)
    end)

    it("is held around another of its kind", function()
      local outer, inner, count = make(), make(), 0
      tg.map(tg.range(1, 50), function()
        outer:run(function()
          inner:run(function()
            tg.sleep(0.001)
            count = count + 1
          end)
        end)
      end)
      assert.equal(50, count)
      assert.equal(0, outer:statistics().waiting + inner:statistics().waiting)
    end)

    it("passes on what its function returns and takes, nil too", function()
      local object = make()
      assert.same({ n = 4, 1, nil, 3, nil }, (function(...)
        return { n = select("#", ...), ... }
      end)(object:run(function(...) return ... end, 1, nil, 3, nil)))
    end)

    it("passes on the very error of its function, with the lines on which it was raised", function()
      local object, err = make(), { kind = "mine" }
      local function raise()
        error(err)
      end
      local ok, value = xpcall(function()
        object:run(function()
          raise()
          return 1
        end)
        return 1
      end, task.note_trace)
      local trace = task.trace()
      assert.is_false(ok)
      assert.equal(err, value)
      assert.matches("in function 'raise'", trace, 1, true)
      assert.is_true(object:acquire_nowait())
      object:release()
    end)

    it("takes nothing for what is no function", function()
      local object = make()
      local ok, err = pcall(object.run, object, nil)
      assert.is_false(ok)
      assert.matches("fairness_spec.lua:%d+: " .. name .. ":run takes a function", err)
      assert.is_true(object:acquire_nowait())
      object:release()
    end)
  end)
end

describe("a storm of wake-ups", function()
  it("of an event lets the others run", function()
    local event, woken = tg.event(), 0
    local ran_at
    tg.scope(function(scope)
      for _ = 1, 1000 do
        scope:spawn(function()
          event:wait()
          woken = woken + 1
        end)
      end
      tg.sleep(0.01)
      assert.equal(1000, event:statistics().waiting)
      event:set()
      event:clear() -- who waited is woken all the same
      scope:spawn(function()
        tg.sleep(0)
        ran_at = tg.now()
      end)
    end)
    assert.equal(1000, woken)
    assert.is_not_nil(ran_at)
    assert.equal(0, event:statistics().waiting)
  end)

  it("leaves no gaps behind those who gave up, though one waits all the time", function()
    local event = tg.event()
    tg.scope(function(scope)
      scope:spawn(event.wait, event)
      tg.sleep(0)
      for _ = 1, 100 do
        tg.move_on_after(0.001, event.wait, event)
      end
      assert.equal(1, event:statistics().waiting)
      assert.equal(event.line.head, event.line.tail)
      event:set()
    end)
    assert.is_nil(event.line.head)
  end)
end)

describe("a channel", function()
  for _, capacity in ipairs { 0, 3 } do
    it("serves receivers in the order in which they wait, room for " .. capacity, function()
      local channel, arrived, order = tg.channel(capacity), {}, {}
      tg.scope(function(scope)
        for number = 1, 100 do
          scope:spawn(function()
            arrived[#arrived + 1] = number
            local value = channel:receive()
            order[value] = number
          end)
        end
        tg.sleep(0.01)
        for value = 1, 100 do
          channel:send(value)
        end
      end)
      assert.same(arrived, order)
    end)

    it("takes from senders in the order in which they wait, room for " .. capacity, function()
      local channel, arrived, received = tg.channel(capacity), {}, {}
      for _ = 1, capacity do
        channel:send "first"
      end
      tg.scope(function(scope)
        for number = 1, 100 do
          scope:spawn(function()
            arrived[#arrived + 1] = number
            channel:send(number)
          end)
        end
        tg.sleep(0.01)
        for _ = 1, capacity + 100 do
          local value = channel:receive()
          received[#received + 1] = value ~= "first" and value or nil
        end
      end)
      assert.same(arrived, received)
    end)
  end

  it("lets those wait for whom a quicker task left nothing", function()
    local channel, got = tg.channel(1), {}
    channel:send(1)
    tg.scope(function(scope)
      for _ = 1, 3 do -- all of them find one value, and go for it
        scope:spawn(function()
          local value = channel:receive()
          got[#got + 1] = value or "nothing"
        end)
      end
      tg.sleep(0.01)
      assert.same({ 1 }, got)
      assert.equal(2, channel:statistics().receivers_waiting)
      channel:send(2)
      channel:send(3)
    end)
    table.sort(got)
    assert.same({ 1, 2, 3 }, got)
    tg.scope(function(scope)
      for value = 1, 3 do -- all of them find room for one
        scope:spawn(channel.send, channel, value)
      end
      tg.sleep(0.01)
      assert.equal(1, channel:statistics().buffered)
      assert.equal(2, channel:statistics().senders_waiting)
      local received = { (channel:receive()), (channel:receive()), (channel:receive()) }
      table.sort(received)
      assert.same({ 1, 2, 3 }, received)
    end)
  end)

  it("starves nobody while one task sends and receives without ever having to wait", function()
    local channel, others, stop = tg.channel(1), 0, false
    tg.gather {
      function()
        while not stop do
          channel:send(1)
          channel:receive()
        end
      end,
      function()
        for _ = 1, 100 do
          let_others_run()
          others = others + 1
        end
        stop = true
      end,
    }
    assert.equal(100, others)
  end)
end)

describe("a lock outside any task", function()
  it("is not taken, and says so", function()
    local task_number = core.task_number
    local lock = tg.lock()
    core.task_number = function() end -- luacheck: ignore 122
    local ok, err = pcall(lock.acquire_nowait, lock)
    core.task_number = task_number -- luacheck: ignore 122
    assert.is_false(ok)
    assert.matches("lock:acquire_nowait: a lock belongs to a task", err, 1, true)
    assert.is_false(lock:statistics().locked)
  end)
end)
