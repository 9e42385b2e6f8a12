-- Loading a folder of route files.
local core = require "tidegate.core"
local check = require "tidegate.check"
local app = require "tidegate.app"
require "tidegate"

local loader = {}

local function route_files(folder)
  local names, why = core.list_folder(folder)
  if not names then
    error(("the routes folder %s cannot be read: %s"):format(folder, why), 0)
  end
  local files = {}
  for _, name in ipairs(names) do
    if name:match("^[^.].*%.lua$") then
      files[#files + 1] = name
    end
  end
  table.sort(files)
  if #files == 0 then
    error(("the routes folder %s holds no .lua file"):format(folder), 0)
  end
  return files
end

local function load_file(path, on)
  local text, why = core.read_file(path)
  if not text then
    error(("%s cannot be read: %s"):format(path, why), 0)
  end
  local chunk, message = loadstring(text, "@" .. path)
  if not chunk then
    error(message, 0)
  end
  local register = chunk(path)
  if type(register) ~= "function" then
    error(("%s: must return a function(app), and returns %s%s"):format(path, check.shown(register),
      register == nil and "; a route file ends in: return function(app) … end" or ""), 0)
  end
  register(on)
end

-- The modules of a folder come before all others; those of the folder loaded last come first.
local function search_in(folder)
  local own = ("%s/?.lua;%s/?/init.lua;"):format(folder, folder)
  local at, last = package.path:find(own, 1, true)
  local others = at and package.path:sub(1, at - 1) .. package.path:sub(last + 1) or package.path
  package.path = own .. others
end

--- Forgets the modules that the route files of a folder have required, so that the next load of it gets them anew: with
--- none of the state that they have come to hold.
---@param folder string
function loader.forget(folder)
  local own = ("%s/?.lua;%s/?/init.lua"):format(folder, folder)
  for name in pairs(package.loaded) do
    if type(name) == "string" and package.searchpath(name, own) then
      package.loaded[name] = nil
    end
  end
end

--- Loads every route file of a folder, in the order of their names. Modules that they require are looked for in the
--- folder first. Raises one message with file and line.
---@param folder string
---@return tidegate.App
function loader.load(folder)
  folder = folder:match "^.*[^/]" or folder:sub(1, 1)
  local on = app.new(folder)
  local files = route_files(folder)
  search_in(folder)
  for _, name in ipairs(files) do
    load_file(folder .. "/" .. name, on)
  end
  return on
end

return loader
