-- Requests that wait. Beside bench/routes/sleep.lua.
-- luacheck: globals ngx

local cjson = require "cjson"
local answer = require "answer"

local sleep = {}

function sleep.canonical()
  ngx.sleep(1)
  answer.json({ message = "Hello World!", task_id = ngx.var.arg_task_id or cjson.null })
end

function sleep.asked()
  ngx.sleep(tonumber(ngx.var.arg_seconds) or 10)
  answer.json({ message = "awake" })
end

return sleep
