-- Ten calls at once, each decoded, put into one answer. The gateway calls itself over real sockets.

local tg = require "tidegate"

local self_url = os.getenv("BENCH_SELF")

local function aggregate(url)
  local started = tg.now()
  local responses = tg.map(tg.range(0, 9), function(task_id)
    return tg.http.get(url, { query = { task_id = task_id } }):json()
  end)
  return {
    responses = responses,
    debug_message = ("fetch executed in %.2f seconds."):format(tg.now() - started),
  }
end

return function(app)
  app:get("/aggregate", function()
    return aggregate(self_url .. "/hello")
  end)

  app:get("/async/api_aggregated/", function()
    return aggregate(self_url .. "/sync/api/")
  end)
end
