-- Everything that came on a connection, as answers.
local chunked = require "tests.support.chunked"

local answers = {}

--- The answers in a text, of which the last need not be whole. Fails where there is anything else.
---@return {status: integer, body: string, whole: boolean, closes: boolean}[]
function answers.parse(text)
  local list, at = {}, 1
  while at <= #text do
    local head, first = text:match("^(HTTP/1.1 %d%d%d .-\r\n\r\n)()", at)
    if not head then
      assert(("HTTP/1.1 "):find(text:sub(at, at + 8), 1, true) or not text:find("\r\n\r\n", at, true), "garbage")
      break
    end
    local answer = { status = tonumber(head:sub(10, 12)), closes = head:find("Connection: close", 1, true) ~= nil }
    local length = tonumber(head:match "\r\nContent%-Length: (%d+)")
    if head:find("Transfer-Encoding: chunked", 1, true) then
      answer.body, answer.whole, at = chunked.decode(text, first)
    elseif length then
      answer.body = text:sub(first, first + length - 1)
      answer.whole, at = #answer.body == length, first + length
    else
      answer.body, answer.whole, at = text:sub(first), true, #text + 1
    end
    at = at or #text + 1
    list[#list + 1] = answer
  end
  return list
end

return answers
