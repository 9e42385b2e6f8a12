-- Every example of the documentation, run; see README.md of this folder.
local lfs = require "lfs"
local page = require "tests.docs.support.page"
local site = require "tests.docs.support.site"

-- The project's own routes, which the README talks about.
local function own_routes()
  local files = {}
  for name in lfs.dir("routes") do
    if name:sub(1, 1) ~= "." then
      files["routes/" .. name] = page.read("routes/" .. name)
    end
  end
  return files
end

for _, path in ipairs(page.paths) do
  describe(path .. " #realtime", function()
    local blocks = page.blocks(path, assert(page.read(path), path .. " is not there"))
    local here = site.new(blocks, path == "README.md" and own_routes() or nil)

    teardown(function()
      here:close()
    end)

    for _, block in ipairs(blocks) do
      it(("%s %s"):format(block.place, block.path or block.language), function()
        here:run(block)
      end)
    end
  end)
end
