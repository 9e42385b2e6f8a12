-- Clients that end their side behind their request and still read, over sockets of both kinds.
local gateway = require "tests.support.gateway"
local request = require "tests.support.request"
local socket = require "tests.support.socket"
local folder = require "tests.support.folder"
local answers = require "tests.support.answers"

local ROUTES = [[
local tg = require "tidegate"

return function(app)
  app:get("/whole", function() return "whole" end)
  app:get("/long", function() return ("x"):rep(8000000) end)
  app:get("/pieces", function()
    return tg.response { body = function(write)
      for number = 1, 5 do
        write(tostring(number))
        tg.sleep(0.01)
      end
    end }
  end)
  app:get("/for-ever", function()
    return tg.response { body = function(write)
      while true do
        write "more"
        tg.sleep(0.005)
      end
    end }
  end)
  app:get("/waits", function()
    tg.sleep(0.02)
    return "waited"
  end)
  app:get("/served", function()
    tg.sleep(0.02)
    return "waited"
  end, { half_closed = "serve" })
  app:static("/files", ".")
end
]]

local get = request.get

for _, mode in ipairs { "cancel", "serve" } do
  for _, kind in ipairs { "tcp", "unix" } do
    describe(("a client of %s that ends its side, with half_closed = %s,"):format(kind, mode), function()
      local place = folder.new {}
      local path = place:file "gateway.sock"
      local serving = gateway.of_block {
        routes = { ["routes.lua"] = ROUTES },
        listen = { "127.0.0.1:0", "unix:" .. path },
        environment = { TIDEGATE_HALF_CLOSED = mode },
      }

      teardown(function()
        place:remove()
      end)

      local function connect()
        return kind == "tcp" and socket.connect(serving.port) or socket.connect_unix(path)
      end

      local function bodies_of(requests)
        local connection = connect()
        connection:write(requests)
        connection:finish()
        local list = {}
        for index, answer in ipairs(answers.parse(connection:read_rest())) do
          assert.is_true(answer.whole)
          list[index] = answer.body
        end
        connection:close()
        return list
      end

      it("gets the answer that has begun", function()
        for _ = 1, 20 do
          assert.same({ "whole" }, bodies_of(get "/whole"))
          assert.same({ "12345" }, bodies_of(get "/pieces"))
          assert.same({ ROUTES }, bodies_of(get "/files/routes.lua"))
        end
        assert.same({ ("x"):rep(8000000) }, bodies_of(get "/long"))
      end)

      it("gets what it has pipelined", function()
        assert.same({ "whole", "12345", "waited", "whole" },
          bodies_of(get "/whole" .. get "/pieces" .. get "/waits" .. get "/whole"))
      end)

      it("is waited for where it says so", function()
        assert.same(mode == "serve" and { "waited" } or {}, bodies_of(get "/waits"))
        assert.same({ "waited" }, bodies_of(get "/served"))
      end)

      it("is let go once it is gone", function()
        for _ = 1, 10 do
          local connection = connect()
          connection:write(get "/for-ever")
          connection:read_until "more"
          connection:finish()
          connection:read_until "more"
          connection:read_until "more"
          connection:close()
        end
        serving:wait_until_idle()
      end)
    end)
  end
end
