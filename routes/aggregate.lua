-- The aggregator: ten calls of the delayed API at once, one answer.
-- The upstream is TIDEGATE_UPSTREAM ("http://host:port"), or the gateway itself.
local tg = require "tidegate"

return function(app)
  app:get("/async/api_aggregated/", function()
    local upstream = tg.env("TIDEGATE_UPSTREAM") or app:url()
    local started = tg.now()
    local responses = tg.map(tg.range(0, 9), function(task_id)
      return tg.http.get(upstream .. "/sync/api/", { query = { task_id = task_id } }):json()
    end)
    return {
      responses = responses,
      debug_message = ("fetch executed in %.2f seconds."):format(tg.now() - started),
    }
  end)
end
