-- Sending JSON, and the two routes that do little else. Beside bench/routes/hello.lua and proxy.lua.
-- luacheck: globals ngx

local cjson = require "cjson"

local answer = {}

-- The length is set by hand: without it nginx would send chunks.
local function send(body)
  ngx.header["Content-Length"] = #body
  ngx.print(body)
end

function answer.json(value)
  send(cjson.encode(value))
end

function answer.hello()
  answer.json({ message = "Hello World!" })
end

function answer.proxy()
  local response = ngx.location.capture("/small/hello")
  ngx.status = response.status
  send(response.body)
end

return answer
