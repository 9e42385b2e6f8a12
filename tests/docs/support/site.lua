-- What the examples of one page share: a folder with the page's files, and a gateway that serves its routes.
local core = require "tidegate.core"
local places = require "tidegate.places"
local tg = require "tidegate"
local folder = require "tests.support.folder"
local gateway = require "tests.support.gateway"
local console = require "tests.docs.support.console"
local match = require "tests.docs.support.match"
local page = require "tests.docs.support.page"

---@class tests.Site
local Site = {}
Site.__index = Site

local site = {}

---@param blocks tests.Block[]
---@param before? table<string, string> files that are there before the page's own, text by path
---@return tests.Site
function site.new(blocks, before)
  local self = setmetatable({ files = before or {}, status = 0 }, Site)
  for _, block in ipairs(blocks) do
    if block.path then
      self:add(block)
    end
  end
  return self
end

function Site:add(block)
  assert(not self.files[block.path], block.place .. ": " .. block.path .. " is there twice")
  self.files[block.path] = block.text .. "\n"
end

--- The folder of the page's files.
function Site:path()
  self.folder = self.folder or folder.new(self.files)
  return self.folder.path
end

--- The page's gateway, which the first example that needs it starts.
---@async
function Site:gateway()
  self.running = self.running or gateway.start {
    routes = self:path() .. "/routes",
    options = { "--admin-socket=" .. self:path() .. "/admin.sock" },
  }
  return self.running
end

--- The path of the admin socket of the page's gateway.
---@async
function Site:admin_socket()
  self:gateway()
  return self:path() .. "/admin.sock"
end

--- Ends the gateway and removes the folder.
---@async
function Site:close()
  local running = self.running
  self.running = nil
  local ok, err = pcall(function()
    return running and running:stop()
  end)
  if self.folder then
    self.folder:remove()
  end
  assert(ok, err)
end

-- --- the kinds of blocks ---

-- A file that this project has too must be the project's.
local function check_file(block)
  local ours = page.read(block.path)
  local shown = block.text:gsub("^[^\n]*\n", "") .. "\n"
  if ours and ours ~= shown then
    error(("%s is not this project's %s, but for its first line"):format(block.place, block.path), 0)
  end
end

-- What a snippet's comments say that it prints, a line for each.
local function said(text)
  local lines = {}
  for line in text:gmatch("%-%->[ \t]*([^\n]*)") do
    lines[#lines + 1] = line
  end
  return table.concat(lines, "\n")
end

function Site:snippet_environment(printed)
  local environment = { tg = tg }
  function environment.print(...)
    local texts = {}
    for index = 1, select("#", ...) do
      texts[index] = tostring((select(index, ...)))
    end
    printed[#printed + 1] = table.concat(texts, " ")
  end
  return setmetatable(environment, {
    __index = function(_, name)
      return name == "upstream" and self:gateway().url or _G[name]
    end,
  })
end

function Site:run_snippet(block)
  local chunk = assert(loadstring(block.text, "=" .. block.place))
  local printed = {}
  setfenv(chunk, self:snippet_environment(printed))
  core.on_lost_place(function() end) -- the pages show messages without places
  local ok, err = pcall(chunk)
  core.on_lost_place(places.find)
  if not ok then
    error(err, 0)
  end
  match.text(block.place, said(block.text), table.concat(printed, "\n"))
end

--- Runs a block; raises where it is wrong.
---@async
---@param block tests.Block
function Site:run(block)
  if block.path then
    check_file(block)
  elseif block.language == "lua" then
    self:run_snippet(block)
  elseif block.language == "console" then
    console.run(self, block)
  end
end

return site
