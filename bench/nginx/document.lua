-- Takes a document and gives it back. Beside bench/routes/json.lua.
-- luacheck: globals ngx

local cjson = require "cjson"
local answer = require "answer"

local document = {}

function document.back()
  ngx.req.read_body()
  answer.json(cjson.decode(ngx.req.get_body_data()))
end

return document
