local core = require "tidegate.core"

describe("core.number_text", function()
  local cases = {
    { 0, "0" }, { -0.0, "-0" }, { 7, "7" }, { -7, "-7" }, { 2 ^ 31, "2147483648" }, { 1e14, "100000000000000" },
    { 2 ^ 53, "9007199254740992" }, { -2 ^ 53, "-9007199254740992" }, { 0.1, "0.1" }, { 1 / 3, "0.3333333333333333" },
    { 0.1 + 0.2, "0.30000000000000004" }, { 1e21, "1e21" }, { 1e-7, "1e-7" }, { 5e-324, "5e-324" },
  }
  for _, case in ipairs(cases) do
    it("writes " .. case[2], function()
      local text = core.number_text(case[1])
      assert.equal(case[2], text)
      assert.equal(case[1], tonumber(text))
    end)
  end

  it("refuses what is not finite, and names it and the place", function()
    for name, number in pairs { inf = math.huge, ["-inf"] = -math.huge, nan = 0 / 0 } do
      local ok, message = pcall(function() return (core.number_text(number)) end)
      assert.is_false(ok)
      assert.matches("number_text_spec.lua:%d+: " .. name:gsub("%-", "%%-") .. " is not a number that can be sent",
        message)
    end
  end)

  it("takes a number only", function()
    assert.error_matches(function() core.number_text("1") end, "number expected, got string")
  end)
end)
