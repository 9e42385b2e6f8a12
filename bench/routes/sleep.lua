-- Requests that wait: the canonical second, and as long as the memory measurement wants.

local tg = require "tidegate"

return function(app)
  app:get("/sync/api/", function(request)
    tg.sleep(1)
    return { message = "Hello World!", task_id = request.query.task_id or tg.null }
  end)

  app:get("/sleep", function(request)
    tg.sleep(tonumber(request.query.seconds) or 10)
    return { message = "awake" }
  end)
end
