local tg = require "tidegate"

local function drain(channel)
  local values = {}
  for value in channel:values() do
    values[#values + 1] = value
  end
  return values
end

describe("a channel", function()
  for _, capacity in ipairs { 0, 1, 7 } do
    it("hands every value over once and in order, with room for " .. capacity, function()
      local channel = tg.channel(capacity)
      local results = tg.gather {
        function()
          for number = 1, 100 do
            channel:send(number)
            assert.is_true(channel:statistics().buffered <= capacity)
          end
          channel:close()
        end,
        function()
          return drain(channel)
        end,
      }
      assert.same(tg.range(1, 100), results[2])
      assert.same({ capacity = capacity, buffered = 0, senders_waiting = 0, receivers_waiting = 0, closed = true },
        channel:statistics())
    end)
  end

  it("serves several senders and receivers, and false is a value", function()
    local channel, sum = tg.channel(2), 0
    tg.scope(function(scope)
      for _ = 1, 3 do
        scope:spawn(function()
          for value in channel:values() do
            sum = sum + value
          end
        end)
      end
      tg.map(tg.range(1, 20), function(number)
        channel:send(number)
      end)
      channel:close()
    end)
    assert.equal(210, sum)
    local one = tg.channel(1)
    one:send(false)
    assert.is_false(one:receive())
  end)

  it("ends its receivers with nil and its senders with an error of kind closed", function()
    local channel, kinds, ends = tg.channel(), {}, 0
    tg.scope(function(scope)
      scope:spawn(function()
        local _, err = pcall(channel.send, channel, 1)
        kinds[#kinds + 1] = err.kind
      end)
      tg.sleep(0.01)
      channel:close()
      channel:close()
    end)
    tg.gather { function()
      ends = ends + (channel:receive() == nil and 1 or 0)
    end }
    local _, err = pcall(channel.send, channel, 1)
    assert.equal("closed", err.kind)
    assert.same({ "closed" }, kinds)
    assert.equal(1, ends)
  end)

  it("keeps what is buffered when it is closed", function()
    local channel = tg.channel(3)
    for number = 1, 3 do
      channel:send(number)
    end
    channel:close()
    assert.same({ 1, 2, 3 }, drain(channel))
  end)

  it("loses nothing to senders and receivers that are cancelled", function()
    local channel = tg.channel(1)
    channel:send "kept"
    tg.move_on_after(1, channel.send, channel, "given up")
    assert.equal(0, channel:statistics().senders_waiting)
    assert.equal("kept", channel:receive())
    tg.move_on_after(1, channel.receive, channel)
    assert.equal(0, channel:statistics().receivers_waiting)
    channel:send "next"
    assert.equal("next", channel:receive())
  end)

  it("takes no nil, and no odd number of places", function()
    local ok, err = pcall(function()
      tg.channel(1):send(nil)
    end)
    assert.is_false(ok)
    assert.matches("channel_spec.lua:%d+: channel:send: nil cannot be sent", err)
    assert.is_false((pcall(tg.channel, -1)))
  end)

  it("does without waiting where it is asked to", function()
    local channel = tg.channel(1)
    assert.is_nil(channel:receive_nowait())
    assert.is_true(channel:send_nowait "a")
    assert.is_false(channel:send_nowait "b")
    assert.equal("a", channel:receive_nowait())
  end)
end)
