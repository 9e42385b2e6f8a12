-- The delayed API: waits a second, then answers.
local tg = require "tidegate"

return function(app)
  app:get("/sync/api/", function(request)
    tg.sleep(1)
    return { message = "Hello World!", task_id = request.query.task_id or tg.null }
  end)
end
