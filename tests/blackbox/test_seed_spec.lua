-- `tidegate test --seed`: what is left to chance in a test comes from the seed.
local runner = require "tests.support.runner"

-- Writes down everything that chance decides.
local SPEC = [[
local t, tg = require "tidegate.testing", require "tidegate"
local function write(...) print("order", ...) end

it("starts", function() tg.gather { function() write "first" end, function() write "second" end } end)

describe("block", function()
  it("runs tasks", function()
    local order = {}
    tg.map(tg.range(1, 20), function(number) tg.sleep(1) order[#order + 1] = number end)
    write(table.concat(order, " "))
  end)

  it("starts functions that have names", function()
    local order, functions = {}, {}
    for _, name in ipairs { "user", "posts", "advice", "weather", "news", "stocks" } do
      functions[name] = function() order[#order + 1] = name end
    end
    tg.gather(functions)
    tg.gather(functions, { max = 1 })
    pcall(tg.race, functions)
    write(table.concat(order, " "))
  end)

  it("wakes who waits for a task", function()
    local order = {}
    tg.scope(function(scope)
      local first = scope:spawn(tg.sleep, 1)
      for number = 1, 10 do scope:spawn(function() first:wait() order[#order + 1] = number end) end
    end)
    write(table.concat(order, " "))
  end)

  it("draws numbers", function() write(math.random(1e6), math.random(1e6), tg.blocking("math", "random", 1e6)) end)

  it("waits with jitter", function()
    local beats = {}
    t.app(function(app)
      app:every(1, function() beats[#beats + 1] = ("%.6f"):format(t.clock.now() % 1) end)
    end)
    t.clock.advance(5)
    write(table.concat(beats, " "))
  end)

  it("serves requests", function()
    local order = {}
    local client = t.app(function(app)
      app:get("/{n}", function(request) tg.sleep(0.5) order[#order + 1] = request.params.n return "x" end)
    end)
    tg.map(tg.range(1, 10), function(number) client:get("/" .. number) end)
    write(table.concat(order, " "))
  end)
end)
]]

local function orders(...)
  local result = runner.run({ ["tests/x_spec.lua"] = SPEC }, ...)
  assert.same({ 7, 0, 0 }, { runner.counts(result) }, result.out)
  local lines = {}
  for line in result.out:gmatch "order\t[^\n]*" do
    lines[#lines + 1] = line
  end
  return lines, result
end

describe("tidegate test --seed", function()
  it("is printed, and repeats the very same run", function()
    local first, result = orders()
    local seed = result.out:match "^the order of ready tasks has the seed (%d+); %-%-seed=%d+ repeats it\n"
    for _, argument in ipairs { { "--seed=" .. seed }, { "--seed", seed } } do
      assert.same(first, (orders(unpack(argument))))
    end
  end)

  it("changes the run with another seed", function()
    local one, other = orders "--seed=1", orders "--seed=2"
    for _, index in ipairs { 3, 6, 7 } do
      assert.not_equal(one[index], other[index])
    end
    assert.not_same(one, other)
  end)

  it("repeats a test alone as it ran among others", function()
    local all = orders "--seed=7"
    local result = runner.run({ ["tests/x_spec.lua"] = SPEC }, "--seed=7", "--filter=serves requests")
    assert.equal(all[#all], result.out:match "order\t[^\n]*")
  end)

  it("of 0 runs tasks in the order in which they become ready", function()
    local lines = orders "--seed=0"
    assert.equal("order\tfirst", lines[1])
    assert.equal("order\tsecond", lines[2])
    assert.matches("\t1 2 3 4 5 6 7 8 9 10$", lines[5])
  end)
end)
