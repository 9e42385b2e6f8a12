-- Bodies of upstreams' answers, decoded by their Content-Encoding as those of requests are: what comes out is limited
-- as an answer's body is, and the ratio too. What cannot be decoded is an error of the upstream's, and no fault of a
-- client.
local compress = require "tidegate.compress"
local core = require "tidegate.core"
local errors = require "tidegate.errors"

local answer_decoding = {}

local CODING_BYTES_MAX = 100 -- of a name in a message

-- [status that a request would be ended with] = {kind, status, what the gateway's client is told}
local FAILURES = {
  [413] = { "too_large", 502, "an upstream answered with more than the gateway accepts" },
  [503] = { "busy", 503, nil },
}
local WRONG = { "encoding", 502, "an upstream's answer is not what its Content-Encoding says" }

--- The decoded body. Raises an error of kind "too_large" where it grows beyond what is taken, "busy" where too many
--- bodies are being decoded or memory is out, and "encoding" for what its coding does not fit and for one that is not
--- known.
---@async
---@param who string whose answer it is, for messages
---@param coding string its Content-Encoding
---@param body string
---@return string
function answer_decoding.whole(who, coding, body)
  local ok, result = pcall(compress.decode, coding, body, { bytes_max = core.call_body_limit() })
  if ok then
    return result
  elseif not errors.is_error(result) or result.kind ~= "abort" then
    error(result, 0)
  end
  local kind, status, detail = unpack(FAILURES[result.status] or WRONG, 1, 3)
  error(errors.new {
    kind = kind,
    status = status,
    detail = detail or result.detail,
    message = ("%s answered with a body that cannot be decoded (Content-Encoding: %s): %s"):format(who,
      coding:sub(1, CODING_BYTES_MAX), result.detail),
    cause = result.detail,
  }, 0)
end

return answer_decoding
