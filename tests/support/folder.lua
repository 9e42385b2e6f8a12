-- Temporary folders of files.
local ffi = require "ffi"
local directory = require "pl.dir"

ffi.cdef "char *mkdtemp(char *path_template);"

local Folder = {}
Folder.__index = Folder

local folder = {}

--- A new folder with files in it.
---@param files? table<string, string> text by name
function folder.new(files)
  local template = (os.getenv("TMPDIR") or "/tmp") .. "/tidegate-test-XXXXXX"
  local buffer = ffi.new("char[?]", #template + 1, template)
  assert(ffi.C.mkdtemp(buffer) ~= nil, "no temporary folder")
  local self = setmetatable({ path = ffi.string(buffer) }, Folder)
  for name, text in pairs(files or {}) do
    self:write(name, text)
  end
  return self
end

--- Writes a file; folders in its name are made.
function Folder:write(name, text)
  local path = self:file(name)
  directory.makepath((path:match("^(.*)/")))
  local file = assert(io.open(path, "w"))
  file:write(text)
  file:close()
  return path
end

--- The path of a file in the folder.
function Folder:file(name)
  return self.path .. "/" .. name
end

--- The text of a file; "" when there is none.
function Folder:read(name)
  local file = io.open(self:file(name))
  if not file then
    return ""
  end
  local text = file:read("*a")
  file:close()
  return text
end

function Folder:remove()
  directory.rmtree(self.path)
end

return folder
