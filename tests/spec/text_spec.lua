-- Texts for people; numbers on the wire are in numbers_spec.lua.
local text = require "tidegate.text"

describe("a text in the log", function()
  it("has a short form where it comes from outside", function()
    assert.equal(("x"):rep(1024), text.short(("x"):rep(1024)))
    assert.equal(("x"):rep(1024) .. "… (1,025 bytes)", text.short(("x"):rep(1025)))
    assert.equal(("é"):rep(512) .. "… (16,384 bytes)", text.short(("é"):rep(8192)))
  end)
end)
