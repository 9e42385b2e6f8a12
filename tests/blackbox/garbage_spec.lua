-- The garbage of pieces, in a process of its own: what it measures is the heap, and others' would be part of it.
local gateway = require "tests.support.gateway"

describe("the garbage of pieces", function()
  it("is collected by its bytes", function()
    local result = gateway.command { "test", "tests/support/garbage_alone.lua" }
    assert.matches("4 successes / 0 failures / 0 errors", result.out, 1, true)
    assert.equal(0, result.status)
  end)
end)
