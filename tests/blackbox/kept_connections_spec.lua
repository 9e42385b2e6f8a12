-- Connections to upstreams: which are kept, and what becomes of those that the upstream closes.
local tg = require "tidegate"
local gateway = require "tests.support.gateway"
local socket = require "tests.support.socket"
local wait = require "tests.support.wait"

local ROUTES = [[
local tg = require "tidegate"

return function(app)
  app:get("/get", function(request)
    return tg.http.get(request.query.url):body()
  end)
  app:get("/post", function(request)
    return tg.http.post(request.query.url, { body = "once" }):body()
  end)
  app:get("/why-post", function(request)
    local _, err = pcall(tg.http.post, request.query.url, { body = "once" })
    return tostring(err)
  end)
  app:get("/post-large", function(request)
    return tg.http.post(request.query.url, { body = ("x"):rep(16000000) }):body()
  end)
end
]]

local FINE = "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nfine"

describe("a connection to an upstream", function()
  local serving = gateway.of_block { routes = { ["routes.lua"] = ROUTES } }
  local upstream = socket.of_each_test()

  local function get(path)
    return serving:get(path or "/get", { query = { url = upstream.url } })
  end

  -- Calls once, so that the gateway keeps a connection; returns the upstream's end of it.
  local function kept_connection()
    return tg.gather({
      upstream = function()
        local connection = upstream:accept()
        connection:read_head()
        connection:write(FINE)
        return connection
      end,
      client = function()
        assert.equal("fine", get():body())
      end,
    }).upstream
  end

  it("is kept and used again", function()
    local connection = kept_connection()
    for _ = 1, 3 do
      tg.gather {
        function()
          connection:read_head()
          connection:write(FINE)
        end,
        function()
          assert.equal("fine", get():body())
        end,
      }
    end
    assert.is_nil(upstream:accept_nowait())
    connection:close()
  end)

  it("is not kept where the upstream says so", function()
    for _, head in ipairs {
      "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 4\r\n\r\n",
      "HTTP/1.0 200 OK\r\nContent-Length: 4\r\n\r\n",
    } do
      tg.gather {
        function()
          local connection = upstream:accept()
          connection:read_head()
          connection:write(head .. "fine")
          assert.equal("", connection:read_rest())
          connection:close()
        end,
        function()
          assert.equal("fine", get():body())
        end,
      }
    end
  end)

  it("is not kept where the answer came before the request was sent", function()
    local connection
    tg.gather {
      function()
        connection = upstream:accept()
        connection:read_head()
        connection:write(FINE)
      end,
      function()
        assert.equal("fine", get("/post-large"):body())
      end,
    }
    assert.is_true(#connection:read_rest() < 16000000)
    connection:close()
  end)

  it("that the upstream closed meanwhile is not used", function()
    local connection = kept_connection()
    connection:close()
    wait.until_true("the gateway has seen it close", function()
      return serving:statistics().upstreams.idle == 0
    end)
    kept_connection():close()
  end)

  it("that the upstream closed a moment ago is not used, whatever the method", function()
    for _ = 1, 20 do
      local connection = kept_connection()
      connection:close()
      tg.gather {
        function()
          local second = upstream:accept()
          second:read_head()
          second:write "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 4\r\n\r\nfine"
          second:close()
        end,
        function()
          assert.equal("fine", get("/post"):body())
        end,
      }
    end
  end)

  it("over which 408 came a moment ago is not used", function()
    local connection = kept_connection()
    connection:write "HTTP/1.1 408 Request Timeout\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"
    tg.gather {
      function()
        local second = upstream:accept()
        second:read_head()
        second:write(FINE)
        second:close()
      end,
      function()
        assert.equal("fine", get("/post"):body())
      end,
    }
    connection:close()
  end)

  it("that the upstream closes as the request arrives is tried once more, on a new one", function()
    local connection = kept_connection()
    tg.gather {
      function()
        connection:read_head()
        connection:close()
        local second = upstream:accept()
        second:read_head()
        second:write(FINE)
        second:close()
      end,
      function()
        assert.equal("fine", get():body())
      end,
    }
  end)

  it("is not tried a third time", function()
    local connection = kept_connection()
    tg.gather {
      function()
        connection:read_head()
        connection:reset()
        local second = upstream:accept()
        second:read_head()
        second:close()
      end,
      function()
        assert.equal(502, get().status)
      end,
    }
    assert.is_nil(upstream:accept_nowait())
  end)

  it("is not tried again once some of the answer has come, nor for a POST", function()
    local connection = kept_connection()
    tg.gather {
      function()
        connection:read_head()
        connection:write "HTTP/1.1 200"
        connection:close()
      end,
      function()
        assert.equal(502, get().status)
      end,
    }
    connection = kept_connection()
    tg.gather {
      function()
        connection:read_head()
        connection:close()
      end,
      function()
        assert.matches("as it may have acted on the request, a method that is not idempotent is not sent again",
          get("/why-post"):body(), 1, true)
      end,
    }
    assert.is_nil(upstream:accept_nowait())
  end)

  it("on which bytes come that nobody asked for is closed", function()
    local connection = kept_connection()
    connection:write "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil"
    connection:read_rest()
    connection:close()
    kept_connection():close()
  end)
end)
