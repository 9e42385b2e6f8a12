-- The app whose memory runs out. LuaJIT itself crashes where that happens in compiled code, so nothing is compiled.
jit.off()

local tg = require "tidegate"

return function(testing)
  local upstream
  upstream = testing.upstream {
    address = "http://upstream.test",
    routes = {
      ["GET /"] = function()
        upstream.requests = {}
        tg.sleep(1)
        return "upstream"
      end,
    },
  }
  testing.app(function(app)
    app:get("/hello", function()
      return { message = "Hello World!" }
    end)
    app:post("/json", function(request)
      return { got = request:json() }
    end)
    app:post("/form", function(request)
      return request:form().a
    end)
    app:post("/echo", function(request)
      return request:body()
    end)
    app:get("/item/{name}", function(request)
      return request.params.name .. (request.query.a or "") .. (request.headers.a or "") .. (request.cookies.a or "")
    end)
    app:get("/proxy", function()
      return tg.http.get("http://upstream.test/"):body()
    end)
    app:get("/aggregate", function()
      return tg.map(tg.range(0, 9), function(number)
        return tg.http.get("http://upstream.test/", { query = { number = number } }):body()
      end)
    end)
    app:get("/deadline", function()
      return tg.fail_after(1, tg.sleep, 3600)
    end)
    app:get("/waits", function()
      tg.sleep(30)
      return "waited"
    end)
    app:get("/background", function()
      tg.background(function()
        tg.sleep(1)
      end)
      return "later"
    end)
    app:get("/blocking", function()
      return "blocking " .. tg.blocking("math", "max", 1, 3)
    end)
    app:get("/error", function()
      error("broken")
    end)
    app:get("/big", function()
      return ("x"):rep(100000)
    end)
    app:get("/race", function()
      return tg.race {
        function()
          tg.sleep(1)
          return "slow"
        end,
        function()
          tg.sleep(0.5)
          return "fast"
        end,
      }
    end)
  end, { body_bytes_max = 10000, request_timeout_ms = 60000 })
end
