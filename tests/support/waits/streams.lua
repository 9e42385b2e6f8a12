-- Waits on streams: see ../kinds_of_wait.lua.
local tg = require "tidegate"
local listen = require "tests.support.listen_in_memory"
local socket = require "tests.support.socket"
local assert = require "luassert"

return function(add)
  -- The peer has sent two bytes; `take` of them are read before the wait.
  local function reading(read, take)
    return function()
      local streams, close = listen "peer.test"
      local stream = tg.tcp.connect("peer.test", 80)
      local sent = false
      while not streams[1] do
        tg.sleep(0)
      end
      streams[1]:write "va"
      if take then
        assert.equal("va", stream:read(take))
      end
      return {
        wait = function()
          return read(stream)
        end,
        complete = function()
          sent = true
          streams[1]:write "lue"
        end,
        whole = function(got)
          if not got then -- everything is still there for the next reader
            streams[1]:write(sent and "." or "lue.")
            assert.equal(take and "lue." or "value.", stream:read_until ".")
          end
        end,
        close = function()
          stream:close()
          close()
        end,
      }
    end
  end

  add("stream:read", "stream:read", reading(function(stream)
    return stream:read()
  end, 2))

  add("stream:read_until", "stream:read", reading(function(stream)
    return stream:read_until "value"
  end))

  add("tg.tcp.connect", "tg.tcp.connect", function()
    local full = socket.listen_full()
    return {
      wait = function()
        return tg.tcp.connect("127.0.0.1", full.port)
      end,
      close = function()
        full:close()
      end,
    }
  end)

  add("stream:write", "stream:write", function()
    local listener = socket.listen()
    local stream = tg.tcp.connect("127.0.0.1", listener.port)
    local peer = listener:accept()
    listener:close()
    return {
      wait = function()
        while true do
          stream:write(("x"):rep(1000000))
        end
      end,
      whole = function() -- what was written goes out once the peer reads, and nothing follows a close
        stream:close()
        assert.is_true(#peer:read_rest() > 0)
      end,
      close = function()
        stream:close()
        peer:close()
      end,
    }
  end, true)
end
