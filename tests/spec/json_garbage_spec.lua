-- What JSON leaves behind in memory, and that the collector may come in the middle of it.
local json = require "tidegate.json"

describe("json.encode", function()
  it("is never disturbed by a finalizer that encodes and decodes", function()
    local long = ("y"):rep(2000)
    local function disturb()
      json.encode { disturbed = { long, { a = { b = {} } } } }
      json.decode('[{"disturbed":[{"a":"' .. long .. '"}]}]')
      pcall(json.encode, { print })
    end
    local text = json.encode { list = { 1, { a = { "x" }, b = ("z"):rep(1000) } }, word = ("w"):rep(1000) }
    for _ = 1, 200 do
      local proxy = newproxy(true)
      getmetatable(proxy).__gc = disturb
      proxy = nil -- luacheck: ignore 311
      collectgarbage "step"
      assert.is_true(text == json.encode(json.decode(text)))
    end
  end)

  it("leaves nothing behind but the text", function()
    local value = {}
    for number = 1, 100 do
      value[number] = { id = number, name = "n" .. number, tags = { "a", "b" }, [number] = 1.5, inner = { x = {} } }
    end
    local text = json.encode(value)
    local function garbage_of_ten()
      collectgarbage()
      collectgarbage "stop"
      local before = collectgarbage "count"
      for _ = 1, 10 do
        assert(json.encode(value) == text)
      end
      local garbage = collectgarbage "count" - before
      collectgarbage "restart"
      return garbage
    end
    local least = math.huge -- in one of the rounds the loop itself may be compiled, which takes memory
    for _ = 1, 5 do
      least = math.min(least, garbage_of_ten())
    end
    assert.is_true(least < 2, least)
  end)
end)

describe("json.raw", function()
  it("is collected when nobody needs it", function()
    local bytes = ("x"):rep(100000)
    collectgarbage()
    local before = collectgarbage "count"
    for number = 1, 100 do
      json.raw(bytes .. number)
    end
    collectgarbage()
    collectgarbage()
    assert.is_true(collectgarbage "count" - before < 1000)
  end)
end)
