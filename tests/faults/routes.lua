-- The app whose memory runs out. LuaJIT itself crashes where that happens in compiled code, so nothing is compiled.
jit.off()

local tg = require "tidegate"
local core = require "tidegate.core"
local access_log = require "tidegate.access_log"
local settings = require "tidegate.cli.settings"

local FOLDER = debug.getinfo(1, "S").source:match "^@(.*)/"

access_log.start((settings.resolve { access_log = "/dev/null", access_log_buffer_bytes_max = "131072" }))

-- Every server logs what it does, as those of `tidegate run`.
local serve = core.serve
function core.serve(values)
  local server = serve(values)
  core.log_to_access_log(server)
  return server
end

local item = '{"id":1,"list":[[],{},null],"name":"' .. ("n"):rep(100) .. '","nested":{"a":{"b":{"c":[]}}},"price":0.1}'
local DOCUMENT = "[" .. (item .. ","):rep(20) .. '{"last":1}]'

local POEM = ("The tide comes in, the tide goes out. "):rep(100)

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
    app:get("/document", function()
      return tg.json.decode(DOCUMENT)
    end)
    app:get("/number-keys", function()
      local fields = {}
      for number = 1, 40 do
        fields[number * 10] = { [number + 1] = number }
      end
      return fields
    end)
    app:post("/form", function(request)
      return request:form().a
    end)
    app:post("/echo", function(request)
      return request:body()
    end)
    app:post("/decode", function(request)
      return request:body { decode = true }
    end)
    app:post("/decode-pieces", function(request)
      local pieces = {}
      for piece in request:chunks { decode = true } do
        pieces[#pieces + 1] = piece
      end
      return table.concat(pieces)
    end)
    app:post("/size", function(request)
      local bytes = 0
      for piece in request:chunks() do
        bytes = bytes + #piece
      end
      return { bytes = bytes }
    end)
    app:post("/parts", function(request)
      local sizes = {}
      for part in request:parts() do
        sizes[part.name] = #part:body()
      end
      return sizes
    end)
    app:post("/upper", function(request)
      return tg.response {
        body = function(write)
          for piece in request:chunks() do
            write(piece:upper())
          end
        end,
      }
    end)
    app:get("/pieces", function()
      return tg.response {
        body = function(write)
          write(("x"):rep(100000)) -- more than the stream takes at once
          tg.sleep(1)
          write "the last"
        end,
      }
    end)
    app:get("/breaks", function()
      return tg.response {
        body = function(write)
          write "the first"
          tg.sleep(1)
          error "broken"
        end,
      }
    end)
    app:get("/compressed", function()
      return POEM
    end, { compress = true })
    app:get("/compressed-pieces", function()
      return tg.response {
        headers = { ["Content-Type"] = "text/plain" },
        body = function(write)
          write(POEM)
          tg.sleep(1)
          write(POEM)
        end,
      }
    end, { compress = true })
    app:static("/files", FOLDER)
    app:static("/coded", FOLDER, { compress = true, types = { lua = "text/plain" } })
    app:group("/group", function(group)
      group:use(function(request, next)
        return next(request).body .. ", wrapped"
      end)
      group:get("/inner", function()
        return "inner"
      end)
    end)
    app:get("/cookies", function()
      return tg.response { cookies = { a = "b" }, body = "set" }
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
    app:get("/two-at-a-time", function()
      return tg.map({ 1, 2, 3, 4 }, function(number)
        tg.sleep(number)
        return number
      end, { max = 2 })
    end)
    app:get("/scope", function()
      return tg.scope(function(scope)
        local one, two = scope:spawn(tg.now), scope:spawn(function()
          tg.sleep(1)
          return 3
        end)
        one:wait()
        return tostring(two:wait())
      end)
    end)
    app:get("/channel", function()
      local channel = tg.channel()
      return tg.gather({
        function()
          channel:send "sent"
        end,
        function()
          return channel:receive()
        end,
      })[2]
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
