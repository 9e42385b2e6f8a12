-- Waits of a call to an upstream, and for the body of a request: see ../kinds_of_wait.lua.
local core = require "tidegate.core"
local t = require "tidegate.testing"
local tg = require "tidegate"
local listen = require "tests.support.listen_in_memory"
local socket = require "tests.support.socket"
local assert = require "luassert"

return function(add)
  local function idle_statistics()
    local count = core.client_statistics()
    return { connections = count.connections - count.idle, waiting = count.waiting }
  end

  local function calling(url, more)
    local self = more or {}
    self.wait = function()
      return tg.http.get(url):body()
    end
    self.whole = function()
      assert.same({ connections = 0, waiting = 0 }, idle_statistics())
    end
    return self
  end

  add("a call that connects", "tg.http", function()
    local full = socket.listen_full()
    return calling(full.url, { close = function()
      full:close()
    end })
  end)

  -- An upstream in memory that answers with what is here and now, and then with the rest.
  local function answering(first, rest)
    return function()
      local streams, close = listen "upstream.test"
      local self = calling("http://upstream.test/", { close = close })
      self.ready = function() -- the call has come, and the first part of the answer went out
        while not streams[1] do
          tg.sleep(0)
        end
        streams[1]:read_until "\r\n\r\n"
        streams[1]:write(first)
        for _ = 1, 5 do
          tg.sleep(0)
        end
      end
      self.complete = function()
        pcall(streams[1].write, streams[1], rest) -- a call that was cancelled has closed its connection
      end
      return self
    end
  end

  local HEAD = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: close\r\n\r\n"

  add("a call that waits for the head", "tg.http", answering("", HEAD .. "value"))
  add("a call within the head", "tg.http", answering(HEAD:sub(1, 20), HEAD:sub(21) .. "value"))
  add("a call within the body", "tg.http", answering(HEAD .. "va", "lue"))

  add("a call in its pool's queue", "tg.http", function()
    local CONNECTIONS_PER_ORIGIN_MAX = 1024
    local streams, close = listen "busy.test"
    for _ = 1, CONNECTIONS_PER_ORIGIN_MAX do
      core.spawn_root(pcall, tg.http.get, "http://busy.test/")
    end
    while #streams < CONNECTIONS_PER_ORIGIN_MAX do
      tg.sleep(0)
    end
    return {
      wait = function()
        return tg.http.get("http://busy.test/"):body()
      end,
      ready = function()
        assert.equal(1, core.client_statistics().waiting)
      end,
      complete = function()
        streams[1]:read_until "\r\n\r\n"
        streams[1]:write "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"
      end,
      whole = function()
        assert.equal(0, core.client_statistics().waiting)
      end,
      close = close, -- and the calls fail
    }
  end)

  -- --- a request whose body is still coming ---

  add("request:body", "request:body", function()
    local request, over = nil, tg.event()
    t.app(function(app)
      app:post("/", function(it)
        request = it
        over:wait()
        return "done"
      end)
    end, { host = "body.test" })
    local client = tg.tcp.connect("body.test", 80)
    client:write "POST / HTTP/1.1\r\nHost: body.test\r\nContent-Length: 5\r\n\r\nva"
    while not request do
      tg.sleep(0)
    end
    local sent = false
    return {
      wait = function()
        return request:body()
      end,
      complete = function()
        sent = true
        client:write "lue"
      end,
      whole = function() -- the body is there for who asks again
        if not sent then
          client:write "lue"
        end
        assert.equal("value", request:body())
      end,
      close = function()
        over:set()
        assert.matches("200 OK", client:read_until "\r\n\r\n")
        client:close()
      end,
    }
  end)
end
