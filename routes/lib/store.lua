-- Files that grow piece by piece. routes/uploads.lua has these functions called in threads, because a disk can make one
-- wait; no file stays open between two calls, which need not run in the same thread.
local ffi = require "ffi"

ffi.cdef "char *mkdtemp(char *path_template);"

local store = {}

--- Makes a new folder that only this user can read.
---@return string # its path
function store.new_folder()
  local template = (os.getenv "TMPDIR" or "/tmp") .. "/tidegate-uploads-XXXXXX"
  local path = ffi.new("char[?]", #template + 1, template)
  assert(ffi.C.mkdtemp(path) ~= nil, "no folder can be made: " .. template)
  return ffi.string(path)
end

--- Makes an empty file. Raises where there is one of that name already.
---@param path string
function store.create(path)
  assert(assert(io.open(path, "wbx")):close())
end

--- Adds bytes to a file. Raises where it is gone, so that a piece which comes late does not bring it back.
---@param path string
---@param bytes string
function store.append(path, bytes)
  local file = assert(io.open(path, "r+b"))
  local ok, why = file:seek "end"
  if ok then
    ok, why = file:write(bytes)
  end
  local closed, why_not_closed = file:close() -- a full disk may show only here
  assert(ok, why)
  assert(closed, why_not_closed)
end

--- Removes files, as far as they are there.
---@param paths string[]
function store.remove(paths)
  for _, path in ipairs(paths) do
    os.remove(path)
  end
end

return store
