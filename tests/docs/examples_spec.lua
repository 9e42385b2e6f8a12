-- Every example of the documentation, run; see README.md of this folder.
local page = require "tests.docs.support.page"
local site = require "tests.docs.support.site"

for _, path in ipairs(page.paths) do
  describe(path .. " #realtime", function()
    local text = assert(page.read(path), path .. " is not there")
    local blocks = page.blocks(path, text)
    local here = site.new(blocks, page.files_before(text))

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
