-- A page of the documentation, taken apart into its fenced blocks.
local lfs = require "lfs"

local page = {}

---@class tests.Block
---@field language string what follows the backticks
---@field text string
---@field place string "docs/http.md:12"
---@field path string? the file that it is, from its first line

local KNOWN = { lua = true, console = true, sh = true, text = true }

local function check(block)
  assert(KNOWN[block.language], ("%s: a block of %q; see tests/docs/README.md"):format(block.place, block.language))
  local has_name = block.path or not block.text:match("^%s*return function%(app%)")
  assert(has_name, block.place .. ": a route file needs a first line with its name: -- routes/NAME.lua")
  return block
end

--- The blocks of a text.
---@param name string for messages
---@param text string Markdown
---@return tests.Block[]
function page.blocks(name, text)
  local blocks, open, number = {}, nil, 0
  for line in (text .. "\n"):gmatch("(.-)\n") do
    number = number + 1
    local fence = line:match("^%s*```(.*)$")
    if open and fence then
      open.text = table.concat(open.lines, "\n")
      open.path = open.language == "lua" and open.text:match("^%-%- ([%w_/.-]+%.lua)\n") or nil
      blocks[#blocks + 1], open = check(open), nil
    elseif open then
      open.lines[#open.lines + 1] = line
    elseif fence then
      open = { language = fence, lines = {}, place = ("%s:%d"):format(name, number) }
    end
  end
  assert(not open, name .. ": a block has no end")
  return blocks
end

--- The text of a file; nil where there is none.
function page.read(path)
  local file = io.open(path)
  if not file then
    return nil
  end
  local text = file:read("*a")
  file:close()
  return text
end

--- The files that a page begins with: those of the page that it says it goes on from.
---@param text string Markdown
---@return table<string, string> # text by path
function page.files_before(text)
  local files, before = {}, text:match "^<!%-%- goes on from (%S+) %-%->"
  for _, block in ipairs(before and page.blocks(before, assert(page.read(before), before .. " is not there")) or {}) do
    if block.path then
      files[block.path] = block.text .. "\n"
    end
  end
  return files
end

--- The pages of this project: the paths that the examples, names and links are checked on.
page.paths = { "README.md" }
for name in lfs.dir "docs" do
  if name:find "%.md$" then
    page.paths[#page.paths + 1] = "docs/" .. name
  end
end
table.sort(page.paths)

return page
