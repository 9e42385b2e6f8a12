-- The folders of tests: what they remove is their own, wherever a link in them leads.
local folder = require "tests.support.folder"
it("a temporary folder that is removed takes nothing along that a link in it leads to", function()
  local victim = folder.new { ["a/b.txt"] = "keep" }
  local f = folder.new { ["x/y.txt"] = "1" }
  f:link("x/out", victim.path)
  f:remove()
  assert.equal("keep", victim:read "a/b.txt")
  victim:remove()
end)
