-- Temporary folders of files.
local ffi = require "ffi"
local directory = require "pl.dir"
local lfs = require "lfs"
local belongings = require "tests.support.belongings"

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
  belongings.add(self)
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

-- Removes what is at a path. A symbolic link is removed, and what it leads to is not looked at: pl.dir.rmtree would go
-- there.
local function remove(path)
  if lfs.symlinkattributes(path, "mode") == "directory" then
    for name in lfs.dir(path) do
      if name ~= "." and name ~= ".." then
        remove(path .. "/" .. name)
      end
    end
  end
  assert(os.remove(path))
end

--- Removes the folder and all that is in it; links in it lead nowhere.
function Folder:remove()
  assert(self.path:find("/tidegate%-test%-%w+$"), "only folders of its own")
  belongings.remove(self)
  remove(self.path)
end

Folder.dispose = Folder.remove

--- Makes a symbolic link in the folder.
function Folder:link(name, target)
  assert(lfs.link(target, self:file(name), true))
end

return folder
