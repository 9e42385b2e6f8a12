local returns = require "tidegate.returns"

local function nothing(source)
  return returns.nothing(assert(loadstring("local tg, request, fn = ... return function(...) " .. source .. " end"))({
    abort = function() end,
  }, {}, print))
end

-- A test for each of these sources.
local function each_is(expected, sources)
  for _, source in ipairs(sources) do
    it("is: " .. source, function()
      assert.equal(expected, nothing(source))
    end)
  end
end

describe("a function that returns a value nowhere", function()
  each_is(true, {
    "", "return", "local a = 1", "tg.x = 1", "print(1)", "tg.log()", "if request then return end print(1)",
    "for _ = 1, 3 do print(_) end", "while request.x do request.x = false end", "local f = function() return 1 end f()",
    "if request then tg.abort(404) end local a = { 1 }", "if request then error('x') end fn(request)", "do local a end",
    "local x = 1 local f = function() return x end fn(f)", "tg.sleep(1) fn()", "request:json()", "tg.http.get('x')",
  })
end)

describe("a function that returns a value somewhere", function()
  each_is(false, {
    "return 1", "return nil", "return {}", "return 'x'", "return 1, 2", "return fn()", "return fn(...)", "return ...",
    "return (fn())", "if request then return 1 end", "if request then return end return 5", "return request.x",
    "for _ = 1, 3 do if _ == 2 then return _ end end", "while true do return tg end", "return true", "return fn",
    "local x = 1 local f = function() return x end return f", "return request:json()", "return 200, ...",
    "local x = 1 fn(function() x = 2 end) if x then return x end",
  })
end)

describe("a function that ends in an error", function()
  each_is(false, {
    "tg.abort(410)", "tg.abort(410, 'gone')", "error('x')", "error({ status = 1 })",
    "print(1) tg.abort(410, request.x)",
    "error(tostring(request.x .. 'y'), 0)",
  })
end)

describe("a function of C's", function()
  it("is not looked into", function()
    assert.is_false(returns.nothing(print))
  end)

  it("may have been compiled", function()
    local function loop(count)
      local sum = 0
      for index = 1, count do
        sum = sum + index
      end
    end
    local function giving(count)
      local sum = 0
      for index = 1, count do
        sum = sum + index
      end
      return sum
    end
    for _ = 1, 1000 do
      loop(1000)
      giving(1000)
    end
    assert.is_true(returns.nothing(loop))
    assert.is_false(returns.nothing(giving))
  end)
end)
