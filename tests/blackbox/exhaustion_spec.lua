-- Class 20: scripts that exhaust a stack fail alone; the next request is right.
local gateway = require "tests.support.gateway"

local ROUTES = [[
return function(app)
  local function by_gsub(depth)
    return (("x"):gsub("x", function()
      return depth > 0 and by_gsub(depth - 1) or "y"
    end))
  end
  local function by_coroutines(depth)
    return coroutine.wrap(function()
      return depth > 0 and by_coroutines(depth - 1) or "y"
    end)()
  end
  local function by_calls(depth)
    return depth > 0 and by_calls(depth - 1) .. "" or "y"
  end
  app:get("/gsub/{depth}", function(request) return by_gsub(tonumber(request.params.depth)) end)
  app:get("/coroutines/{depth}", function(request) return by_coroutines(tonumber(request.params.depth)) end)
  app:get("/calls/{depth}", function(request) return by_calls(tonumber(request.params.depth)) end)
end
]]

describe("class 20: a script that recurses as deep as a client says", function()
  for _, way in ipairs { "gsub", "coroutines", "calls" } do
    it("fails alone, by " .. way, function()
      local serving = gateway.start { routes = { ["routes.lua"] = ROUTES }, unsanitized = true }
      assert.equal("y", serving:get("/" .. way .. "/10"):body())
      assert.equal(500, serving:get("/" .. way .. "/1000000").status)
      assert.equal("y", serving:get("/" .. way .. "/10"):body())
      serving:stop()
    end)
  end

  for what, limit in pairs { ["low"] = "-S -s 1024", ["low for good"] = "-s 1024" } do
    it("fails alone where the limit of the stack is " .. what, function()
      local serving = gateway.start { routes = { ["routes.lua"] = ROUTES }, unsanitized = true,
        prefix = { "/bin/sh", "-c", ('ulimit %s && exec "$0" "$@"'):format(limit) } }
      assert.equal(500, serving:get("/gsub/1000000").status)
      assert.equal("y", serving:get("/gsub/10"):body())
      serving:stop()
    end)
  end
end)
