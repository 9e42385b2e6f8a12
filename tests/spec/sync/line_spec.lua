-- Hand-overs and cancellations that meet in one turn, at each kind of wait and in each order: nothing is lost, nothing
-- is there twice, and nobody who was cancelled is left in a line.
local core = require "tidegate.core"
local task = require "tidegate.task"
local tg = require "tidegate"

local NAMES = { "first", "second", "third" }

-- Calls `wait` in three tasks that come to it one after the other, then `meet` with their handles. Returns what each
-- got: what `wait` returned, or "cancelled".
local function race(wait, meet)
  local got = {}
  tg.scope(function(scope)
    local handles = {}
    for _, name in ipairs(NAMES) do
      handles[name] = scope:spawn(function()
        local ok, value = pcall(wait, name)
        assert(ok or task.is_cancellation(value), value)
        got[name] = ok and (value or "got it") or "cancelled"
        if not ok then
          error(value, 0)
        end
      end)
      tg.sleep(0.01)
    end
    meet(handles)
  end)
  return got
end

-- Calls `wait` in a task that is cancelled already.
local function call_cancelled(wait, ...)
  local arguments, outcome, ended = { ... }, nil, tg.event()
  core.spawn(function()
    core.cancel(core.current(), task.cancellation "a test")
    local ok, value = pcall(wait, unpack(arguments))
    outcome = ok and "got it" or task.is_cancellation(value) and "cancelled" or value
    core.cancel(core.current(), nil)
    ended:set()
  end)
  return function()
    ended:wait()
    return outcome
  end
end

-- Calls `wait` where nothing can wait; returns the message.
local function call_in_callback(wait, ...)
  local arguments = { ... }
  local ok, message = pcall(string.gsub, "x", "x", function()
    wait(unpack(arguments))
  end)
  assert.is_false(ok)
  return message
end

-- What a semaphore and a lock have in common: {new, value that says it is free}
local held = {
  semaphore = function() return tg.semaphore(1) end,
  lock = function() return tg.lock() end,
}

for name, new in pairs(held) do
  describe("a " .. name, function()
    local object

    local function is_free()
      local about = object:statistics()
      return about.waiting == 0 and (about.value == 1 or about.locked == false)
    end

    local function use()
      object:acquire()
      object:release()
    end

    before_each(function()
      object = new()
    end)

    -- The one that is cancelled, and the order of the two events.
    for _, gone in ipairs(NAMES) do
      for _, order in ipairs { "cancelled, then given back", "given back, then cancelled" } do
        it(("passes on, with the %s of the line %s in one turn"):format(gone, order), function()
          object:acquire()
          local got = race(use, function(handles)
            if order == "cancelled, then given back" then
              handles[gone]:cancel()
              object:release()
            else
              object:release()
              handles[gone]:cancel()
            end
          end)
          -- Only the first has been handed anything when the cancellation comes second.
          local has_it = gone == "first" and order == "given back, then cancelled"
          for _, each in ipairs(NAMES) do
            assert.equal((each == gone and not has_it) and "cancelled" or "got it", got[each], each)
          end
          assert.is_true(is_free())
        end)
      end
    end

    it("is free when all who wait are cancelled in the turn in which it is given back", function()
      object:acquire()
      local got = race(use, function(handles)
        for _, each in ipairs(NAMES) do
          handles[each]:cancel()
        end
        object:release()
      end)
      assert.same({ first = "cancelled", second = "cancelled", third = "cancelled" }, got)
      assert.is_true(is_free())
      assert.is_true(object:acquire_nowait())
      object:release()
    end)

    it("starts nothing for a cancelled waiter", function()
      local started = 0
      object:acquire()
      tg.scope(function(scope)
        for _ = 1, 20 do
          scope:spawn(object.run, object, function()
            started = started + 1
          end)
        end
        tg.sleep(0.01)
        scope:cancel()
        object:release()
      end)
      assert.equal(0, started)
      assert.is_true(is_free())
    end)

    it("is not kept by a task that was cancelled before it came", function()
      assert.equal("cancelled", call_cancelled(object.acquire, object)())
      assert.is_true(is_free())
    end)

    it("is not kept where nothing can wait, free or not", function()
      assert.matches(name .. ":acquire waits, and nothing can wait", call_in_callback(object.acquire, object), 1, true)
      assert.is_true(is_free())
      tg.gather { function()
        object:run(function()
          tg.gather { function()
            local message = call_in_callback(object.acquire, object)
            assert.matches(name .. ":acquire waits, and nothing can wait", message, 1, true)
          end }
          assert.equal(0, object:statistics().waiting)
        end)
      end }
      assert.is_true(is_free())
    end)
  end)
end

describe("an event", function()
  it("wakes all but those that are cancelled, in each order", function()
    for _, order in ipairs { "set first", "cancelled first" } do
      local event = tg.event()
      local got = race(function() event:wait() end, function(handles)
        if order == "set first" then
          event:set()
          handles.second:cancel()
        else
          handles.second:cancel()
          event:set()
        end
      end)
      local second = order == "set first" and "got it" or "cancelled"
      assert.same({ first = "got it", second = second, third = "got it" }, got)
      assert.equal(0, event:statistics().waiting)
    end
  end)

  it("does not let a cancelled task pass", function()
    local event = tg.event()
    event:set()
    assert.equal("cancelled", call_cancelled(event.wait, event)())
  end)
end)

-- Everything that is in the channel now.
local function take_all(channel)
  local values = {}
  for value in function() return channel:receive_nowait() end do
    values[#values + 1] = value
  end
  return values
end

describe("a channel's receivers", function()
  for _, capacity in ipairs { 0, 1, 5 } do
    for _, gone in ipairs(NAMES) do
      it(("get each value once, the %s cancelled and then sent to; room for %d"):format(gone, capacity), function()
        local channel = tg.channel(capacity)
        local sent = 0
        local got = race(function() return channel:receive() end, function(handles)
          handles[gone]:cancel()
          for value = 1, 3 do
            sent = sent + (channel:send_nowait(value) and 1 or 0)
          end
        end)
        local next_value = 0
        for _, each in ipairs(NAMES) do
          if each == gone then
            assert.equal("cancelled", got[each])
          else
            next_value = next_value + 1
            assert.equal(next_value, got[each])
          end
        end
        assert.equal(capacity == 0 and 2 or 3, sent)
        assert.same(capacity == 0 and {} or { 3 }, take_all(channel))
      end)
    end

    it("keep what they were handed when they are cancelled after that; room for " .. capacity, function()
      local channel = tg.channel(capacity)
      local got = race(function() return channel:receive() end, function(handles)
        for value = 1, 3 do
          assert.is_true(channel:send_nowait(value))
        end
        handles.second:cancel()
      end)
      assert.same({ first = 1, second = 2, third = 3 }, got)
    end)
  end

  it("take nothing when they were cancelled before they came, and nobody is told that it was the end", function()
    local channel = tg.channel(2)
    channel:send(1)
    channel:send(2)
    channel:close()
    local outcome = call_cancelled(channel.receive, channel)
    local got = {}
    tg.map(tg.range(1, 3), function()
      local value = channel:receive() -- before the place in the list is looked up
      got[#got + 1] = value
    end)
    table.sort(got)
    assert.same({ 1, 2 }, got)
    assert.equal("cancelled", outcome())
    assert.equal(0, channel:statistics().buffered)
  end)

  it("leave the senders waiting when they were cancelled before they came", function()
    for _, capacity in ipairs { 0, 1 } do
      local channel = tg.channel(capacity)
      tg.scope(function(scope)
        if capacity == 1 then
          channel:send "buffered"
        end
        local sent = false
        scope:spawn(function()
          channel:send "waiting"
          sent = true
        end)
        tg.sleep(0.01)
        assert.equal("cancelled", call_cancelled(channel.receive, channel)())
        tg.sleep(0.01)
        assert.is_false(sent)
        assert.same({
          capacity = capacity, buffered = capacity, senders_waiting = 1, receivers_waiting = 0, closed = false,
        }, channel:statistics())
        assert.same(capacity == 1 and { "buffered", "waiting" } or { "waiting" }, take_all(channel))
      end)
    end
  end)

  it("take nothing where nothing can wait", function()
    local channel = tg.channel(1)
    channel:send(1)
    tg.scope(function(scope)
      scope:spawn(channel.send, channel, 2)
      tg.sleep(0.01)
      assert.matches("channel:receive waits, and", call_in_callback(channel.receive, channel), 1, true)
      assert.equal(1, channel:statistics().buffered)
      assert.equal(1, channel:statistics().senders_waiting)
      assert.same({ 1, 2 }, take_all(channel))
    end)
  end)
end)

describe("a channel's senders", function()
  for _, capacity in ipairs { 0, 1 } do
    for _, gone in ipairs(NAMES) do
      for _, order in ipairs { "cancelled first", "received first" } do
        local what = ("have sent or were cancelled, never both: the %s, %s, room for %d"):format(gone, order, capacity)
        it(what, function()
          local channel, received = tg.channel(capacity), {}
          for value = 1, capacity do
            channel:send(value)
          end
          local got = race(function(name) channel:send(name) end, function(handles)
            if order == "cancelled first" then
              handles[gone]:cancel()
              received = take_all(channel)
            else
              received = take_all(channel)
              handles[gone]:cancel()
            end
          end)
          local expected = {}
          for value = 1, capacity do
            expected[value] = value
          end
          for _, each in ipairs(NAMES) do
            local was_cancelled = each == gone and order == "cancelled first"
            assert.equal(was_cancelled and "cancelled" or "got it", got[each])
            if not was_cancelled then
              expected[#expected + 1] = each
            end
          end
          assert.same(expected, received)
        end)
      end
    end
  end

  it("send nothing when they were cancelled before they came", function()
    local channel = tg.channel(1)
    assert.equal("cancelled", call_cancelled(channel.send, channel, 1)())
    assert.same({}, take_all(channel))
    local to_receiver, got = tg.channel(), nil
    tg.scope(function(scope)
      scope:spawn(function()
        got = to_receiver:receive()
      end)
      tg.sleep(0.01)
      assert.equal("cancelled", call_cancelled(to_receiver.send, to_receiver, "too late")())
      tg.sleep(0.01)
      to_receiver:send "in time"
    end)
    assert.equal("in time", got)
  end)

  it("send nothing where nothing can wait", function()
    local channel = tg.channel(1)
    assert.matches("channel:send waits, and", call_in_callback(channel.send, channel, 1), 1, true)
    assert.same({}, take_all(channel))
  end)

  it("are told that it was closed, or cancelled, whichever came first", function()
    for _, order in ipairs { "closed first", "cancelled first" } do
      local channel, err = tg.channel(), nil
      tg.scope(function(scope)
        local handle = scope:spawn(function()
          local _, why = pcall(channel.send, channel, 1)
          err = why
        end)
        tg.sleep(0.01)
        if order == "closed first" then
          channel:close()
          handle:cancel()
        else
          handle:cancel()
          channel:close()
        end
      end)
      assert.equal(order == "closed first" and "closed" or "cancelled", err.kind)
    end
  end)
end)

-- Random use with random cancellations; the counts must come out even.
describe("a storm of cancellations", function()
  local function random_from(seed)
    return function(limit)
      seed = (seed * 1103515245 + 12345) % 2147483648
      return math.floor(seed / 65536) % limit
    end
  end

  for seed = 1, 5 do
    it("leaves every permit where it was, seed " .. seed, function()
      local random, before = random_from(seed), core.task_count()
      local permits, inside, most = tg.semaphore(3), 0, 0
      tg.map(tg.range(1, 300), function()
        for _ = 1, 5 do
          tg.move_on_after(random(6) / 1000, function()
            permits:run(function()
              inside = inside + 1
              most = math.max(most, inside)
              pcall(tg.sleep, random(3) / 1000)
              inside = inside - 1
            end)
          end)
        end
      end)
      assert.equal(3, most)
      assert.same({ value = 3, max = 3, waiting = 0 }, permits:statistics())
      assert.equal(before, core.task_count())
    end)

    it("delivers what was sent, once, seed " .. seed, function()
      local random = random_from(seed)
      for _, capacity in ipairs { 0, 1, 4 } do
        local channel, sent, received, twice = tg.channel(capacity), {}, {}, 0
        local sending = 40
        tg.scope(function(scope)
          for sender = 1, 40 do
            scope:spawn(function()
              for number = 1, 20 do
                local value = sender * 1000 + number
                tg.move_on_after(random(4) / 1000, function()
                  channel:send(value)
                  sent[value] = true
                end)
              end
              sending = sending - 1
              if sending == 0 then
                channel:close()
              end
            end)
          end
          for _ = 1, 10 do
            scope:spawn(function()
              local at_end = false
              while not at_end do
                tg.move_on_after(random(4) / 1000, function()
                  local value = channel:receive()
                  at_end = value == nil
                  if value then
                    twice = twice + (received[value] and 1 or 0)
                    received[value] = true
                  end
                end)
              end
            end)
          end
        end)
        assert.equal(0, twice)
        assert.same(sent, received)
        assert.is_not_nil(next(sent))
      end
    end)
  end
end)
