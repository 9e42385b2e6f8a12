-- Connections to Unix sockets for scripts.
local check = require "tidegate.check"
local core = require "tidegate.core"
local stream = require "tidegate.stream"

local unix = {}

--- Connects.
---@async
---@param path string absolute
---@return tidegate.Stream # close it when you are done; the garbage collector does it late
function unix.connect(path)
  if type(path) ~= "string" or path:sub(1, 1) ~= "/" then
    check.refuse("tg.unix.connect takes an absolute path", path)
  elseif path:find("\0", 1, true) then
    core.raise("tg.unix.connect: the path has a NUL byte")
  end
  return stream.connect(path, 0, path)
end

return unix
