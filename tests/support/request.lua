-- The bytes of requests.
local request = {}

--- A head with the host "test" and these lines.
---@param ... string "Name: value"
function request.head(method, target, ...)
  return table.concat({ ("%s %s HTTP/1.1\r\nHost: test"):format(method, target), ... }, "\r\n") .. "\r\n\r\n"
end

function request.get(target, ...)
  return request.head("GET", target, ...)
end

--- A POST with a body whose length is said.
function request.post(target, body, ...)
  return request.head("POST", target, "Content-Length: " .. #body, ...) .. body
end

local CHUNK_BYTES = 10000

--- A POST with a body in chunks.
function request.post_chunked(target, body, ...)
  local parts = { request.head("POST", target, "Transfer-Encoding: chunked", ...) }
  for first = 1, #body, CHUNK_BYTES do
    local piece = body:sub(first, first + CHUNK_BYTES - 1)
    parts[#parts + 1] = ("%x\r\n%s\r\n"):format(#piece, piece)
  end
  return table.concat(parts) .. "0\r\n\r\n"
end

return request
