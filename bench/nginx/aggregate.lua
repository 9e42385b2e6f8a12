-- Ten calls at once, each decoded, put into one answer. Beside bench/routes/aggregate.lua.
-- luacheck: globals ngx

local cjson = require "cjson"
local answer = require "answer"

local aggregate = {}

local function calls_to(path)
  local calls = {}
  for task_id = 0, 9 do
    calls[#calls + 1] = { path, { args = { task_id = task_id } } }
  end
  return calls
end

function aggregate.run(path)
  local started = ngx.now()
  local responses = { ngx.location.capture_multi(calls_to(path)) }
  for i, response in ipairs(responses) do
    responses[i] = cjson.decode(response.body)
  end
  answer.json({
    responses = responses,
    debug_message = ("fetch executed in %.2f seconds."):format(ngx.now() - started),
  })
end

return aggregate
