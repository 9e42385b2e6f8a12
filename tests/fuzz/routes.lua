-- The app behind the fuzzer of connections: the first letter of a path says what its handler does.
local tg = require "tidegate"
local core = require "tidegate.core"

local HOUR_S = 3600

local acts = {}

function acts.s(request) -- sleeps
  tg.sleep(#request.path / 10)
  return "slept"
end

function acts.n() -- sleeps for so long that somebody loses patience
  tg.sleep(HOUR_S)
  return "slept long"
end

function acts.b(request) -- reads the body, twice
  return request:body() .. request:body()
end

function acts.c(request) -- reads the body beside something else
  local both = tg.gather {
    function()
      return request:body()
    end,
    function()
      tg.sleep(1)
      return "slept"
    end,
  }
  return both[1] .. both[2]
end

function acts.j(request)
  return tg.json.encode { value = request:json() }
end

function acts.f(request)
  return tg.values(request:form(), "a")[1] or "no field"
end

function acts.q(request)
  return request.query.a or "no key"
end

function acts.h(request)
  return ("%s %s %s"):format(request.headers.a or "", request.cookies.a or "", request.host or "")
end

function acts.u(request)
  return tg.http.get("http://upstream.test/" .. #request.path):body()
end

function acts.g()
  local answers = tg.map(tg.range(0, 9), function(number)
    return tg.http.get("http://upstream.test/slow", { query = { number = number } }):body()
  end)
  return table.concat(answers, " ")
end

function acts.r(request)
  return tg.race {
    function()
      return request:body()
    end,
    function()
      return tg.http.get("http://upstream.test/slow"):body()
    end,
  }
end

function acts.d()
  return tg.fail_after(0.5, function()
    tg.sleep(HOUR_S)
  end)
end

function acts.m(request)
  return tg.move_on_after(0.5, function()
    return request:body()
  end) or "moved on"
end

function acts.k()
  tg.background(function()
    tg.sleep(5)
  end)
  return "later"
end

function acts.w()
  tg.shield(function()
    tg.sleep(2)
  end)
  return "shielded"
end

function acts.e()
  error("broken")
end

function acts.t(request)
  tg.abort(418, "no " .. request.path)
end

function acts.l()
  return ("x"):rep(200000)
end

function acts.z()
  return ""
end

function acts.p(request) -- swallows its cancellation
  local ok = pcall(tg.sleep, HOUR_S)
  return tostring(ok) .. tostring(pcall(request.body, request))
end

local function handler(request)
  local act = acts[request.path:sub(2, 2)]
  local body = act and act(request) or request.method .. " " .. request.path
  return 200, body, { ["X-Path"] = request.path }
end

return function(testing)
  local upstream
  upstream = testing.upstream {
    address = "http://upstream.test",
    routes = {
      ["GET /slow"] = function()
        upstream.requests = {}
        tg.sleep(1)
        return "slow"
      end,
      ["GET /3"] = { status = 503 },
      ["GET /5"] = "five",
    },
  }
  testing.app(function(app)
    for _, method in ipairs { "get", "post", "put", "delete" } do
      app[method](app, "/{rest...}", handler)
    end
  end, { request_timeout_ms = 20 * 1000, body_bytes_max = 5000 })
  require("tidegate.log").error = function() end -- thousands a second, of no use
  require("tidegate.log").info = function() end
  core.on_stuck(function() end)
end
