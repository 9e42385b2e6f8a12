-- One small answer of another server, handed on as it came.

local tg = require "tidegate"

local upstream = os.getenv("TIDEGATE_UPSTREAM") or os.getenv("BENCH_SELF")
local json_headers = { ["content-type"] = "application/json" }

return function(app)
  app:get("/proxy", function()
    local response = tg.http.get(upstream .. "/hello")
    return response.status, response:body(), json_headers
  end)
end
