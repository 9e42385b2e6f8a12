-- Waits for what tasks share: see ../kinds_of_wait.lua.
local core = require "tidegate.core"
local tg = require "tidegate"
local assert = require "luassert"

return function(add)
  add("event:wait", "event:wait", function()
    local event = tg.event()
    return {
      immediate = true,
      wait = function()
        event:wait()
        return "value"
      end,
      complete = function()
        event:set()
      end,
      whole = function()
        assert.equal(0, event:statistics().waiting)
      end,
    }
  end)

  add("semaphore:acquire", "semaphore:acquire", function()
    local permits, released = tg.semaphore(1), false
    assert(permits:acquire_nowait())
    return {
      immediate = true,
      wait = function()
        permits:acquire()
        return "value"
      end,
      complete = function()
        released = true
        permits:release()
      end,
      whole = function(got)
        assert.same({ value = (released and not got) and 1 or 0, max = 1, waiting = 0 }, permits:statistics())
      end,
    }
  end)

  add("lock:acquire", "lock:acquire", function()
    local lock, enough = tg.lock(), tg.event()
    core.spawn_root(lock.run, lock, enough.wait, enough) -- another task has it
    while not lock:statistics().locked do
      tg.sleep(0)
    end
    local function give_back()
      enough:set()
    end
    return {
      wait = function()
        lock:acquire()
        lock:release()
        return "value"
      end,
      complete = give_back,
      whole = function()
        assert.equal(0, lock:statistics().waiting)
        give_back()
        tg.sleep(0)
        assert.is_true(lock:acquire_nowait())
        lock:release()
      end,
    }
  end)

  add("channel:send", "channel:send", function()
    local channel = tg.channel(1)
    assert(channel:send_nowait "first")
    local received = false
    return {
      immediate = true,
      wait = function()
        channel:send "second"
        return "value"
      end,
      complete = function()
        assert.equal("first", channel:receive_nowait())
        received = true
      end,
      whole = function(got)
        assert.equal(0, channel:statistics().senders_waiting)
        if not received then
          assert.equal("first", channel:receive_nowait())
        end
        assert.equal(got and "second" or nil, channel:receive_nowait())
      end,
    }
  end)

  add("channel:receive", "channel:receive", function()
    local channel, sent = tg.channel(1), false
    return {
      immediate = true,
      wait = function()
        return channel:receive()
      end,
      complete = function()
        sent = channel:send_nowait "value"
      end,
      whole = function(got)
        assert.equal(0, channel:statistics().receivers_waiting)
        assert.equal((sent and not got) and "value" or nil, channel:receive_nowait())
      end,
    }
  end)
end
