-- The aggregator's ten calls once more, and when each began and ended: what the page at / draws.
local tg = require "tidegate"

local function microseconds(seconds)
  return math.floor(seconds * 1e6 + 0.5) / 1e6
end

return function(app)
  app:get("/async/timeline/", function()
    local upstream = tg.env("TIDEGATE_UPSTREAM") or app:url()
    local began = tg.now()
    local function elapsed()
      return microseconds(tg.now() - began)
    end
    local calls = tg.map(tg.range(0, 9), function(task_id)
      local started = elapsed()
      tg.http.get(upstream .. "/sync/api/", { query = { task_id = task_id } }):json()
      return { task_id = task_id, started = started, ended = elapsed() }
    end)
    return { calls = calls }
  end)
end
