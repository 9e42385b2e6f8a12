local tg = require "tidegate"

describe("a wait inside a coroutine of one's own", function()
  it("is a wait of the task, with coroutine.wrap", function()
    local next_number = coroutine.wrap(function()
      for number = 1, 3 do
        tg.sleep(0.001)
        coroutine.yield(number)
      end
    end)
    assert.equal(1, next_number())
    assert.equal(2, next_number())
    assert.equal(3, next_number())
  end)

  it("is a wait of the task, with coroutine.create and resume", function()
    local co = coroutine.create(function(first)
      tg.sleep(0)
      local second = coroutine.yield(first + 1)
      tg.sleep(0)
      return second + 1, "last"
    end)
    assert.same({ true, 2 }, { coroutine.resume(co, 1) })
    assert.same({ true, 11, "last" }, { coroutine.resume(co, 10) })
    assert.equal("dead", coroutine.status(co))
  end)

  it("reaches through several levels", function()
    local outer = coroutine.wrap(function()
      local middle = coroutine.wrap(function()
        local inner = coroutine.wrap(function()
          tg.sleep(0.001)
          coroutine.yield "inner"
        end)
        local value = inner()
        tg.sleep(0)
        coroutine.yield("middle of " .. value)
      end)
      coroutine.yield("outer of " .. middle())
    end)
    assert.equal("outer of middle of inner", outer())
  end)

  it("gathers", function()
    local co = coroutine.wrap(function()
      coroutine.yield(tg.map({ 1, 2 }, function(number)
        tg.sleep(0)
        return number * 2
      end))
    end)
    assert.same({ 2, 4 }, co())
  end)

  it("does not hold up other tasks", function()
    local order = {}
    tg.gather {
      function()
        coroutine.wrap(function()
          tg.sleep(0.005)
        end)()
        order[#order + 1] = "slow"
      end,
      function()
        tg.sleep(0)
        order[#order + 1] = "fast"
      end,
    }
    assert.same({ "fast", "slow" }, order)
  end)

  it("passes nils and many values both ways", function()
    local co = coroutine.wrap(function(...)
      tg.sleep(0)
      local count = select("#", ...)
      return count, select("#", coroutine.yield(nil, count, nil)), nil
    end)
    assert.equal(3, select("#", co(nil, nil)))
    local first, second = co(nil, nil, nil)
    assert.equal(2, first)
    assert.equal(3, second)
  end)

  it("raises its error where wrap's function is called", function()
    local failure = { "an object" }
    local co = coroutine.wrap(function()
      tg.sleep(0)
      error(failure)
    end)
    local ok, err = pcall(co)
    assert.is_false(ok)
    assert.equal(failure, err)
  end)

  it("returns its error from resume", function()
    local co = coroutine.create(function()
      tg.sleep(0)
      error("boom", 0)
    end)
    assert.same({ false, "boom" }, { coroutine.resume(co) })
    assert.is_false((coroutine.resume(co)))
  end)

  it("is cancelled with its task", function()
    local reason
    pcall(tg.gather, {
      function()
        coroutine.wrap(function()
          local _, err = pcall(tg.sleep, 1000)
          reason = err.reason
          error(err, 0)
        end)()
      end,
      function()
        tg.sleep(0)
        error "boom"
      end,
    })
    assert.equal("a sibling failed", reason)
  end)
end)

describe("coroutine.yield", function()
  it("raises outside a coroutine of one's own, where it would stop the task for good", function()
    local ok, message = pcall(coroutine.yield, 1)
    assert.is_false(ok)
    assert.matches("coroutine.yield outside a coroutine of your own", message, 1, true)
  end)

  it("raises in a child of gather too", function()
    local ok, message = pcall(tg.gather, { function()
      coroutine.yield()
    end })
    assert.is_false(ok)
    assert.matches("coroutine.yield outside", message, 1, true)
  end)

  it("yields inside one, as ever", function()
    local squares = {}
    for square in coroutine.wrap(function()
      for number = 1, 3 do
        coroutine.yield(number * number)
      end
    end) do
      squares[#squares + 1] = square
    end
    assert.same({ 1, 4, 9 }, squares)
  end)
end)

describe("A coroutine that is resumed where nothing can wait", function()
  local function resumed_by_sort(fn)
    return pcall(table.sort, { 2, 1 }, function(a, b)
      coroutine.wrap(fn)()
      return a < b
    end)
  end

  it("cannot wait either", function()
    local ok, message = resumed_by_sort(function()
      tg.sleep(0)
    end)
    assert.is_false(ok)
    assert.matches("tg.sleep waits, and nothing can wait inside a function that C code calls back", message, 1, true)
  end)

  it("cannot open a scope", function()
    local started = false
    assert.is_false((resumed_by_sort(function()
      tg.gather { function()
        started = true
      end }
    end)))
    tg.sleep(0)
    assert.is_false(started)
  end)

  it("still yields to it, and leaves the task as it was", function()
    assert.is_true((resumed_by_sort(function()
      coroutine.yield(1)
    end)))
    tg.sleep(0.001)
  end)
end)

describe("the end of the stack, reached around coroutine.resume,", function()
  local left -- how often a coroutine is still resumed near the end

  local function resume_one()
    return coroutine.resume(coroutine.create(function(...)
      return ...
    end), 1, 2, 3)
  end

  local function resume_from_c()
    return ("x"):gsub("x", resume_one)
  end

  -- Goes to the end, and on its way back resumes coroutines with less room than that takes, and then with more.
  local function go_deep(resumes)
    pcall(go_deep, resumes)
    if left > 0 then
      left = left - 1
      pcall(resumes)
    end
  end

  for name, resumes in pairs { ["where the task could wait"] = resume_one, ["where it could not"] = resume_from_c } do
    it(name .. ", leaves nothing counted", function()
      for _ = 1, 10 do
        left = 100
        go_deep(resumes)
      end
      local function nest(levels)
        if levels == 0 then
          tg.sleep(0.001)
          return "waited"
        end
        return coroutine.wrap(nest)(levels - 1)
      end
      assert.equal("waited", nest(150))
    end)
  end

  it("is 200 coroutines inside one another, whoever has resumed them", function()
    local deepest = 0
    local function nest(levels)
      deepest = math.max(deepest, levels)
      return assert(coroutine.resume(coroutine.create(nest), levels + 1))
    end
    for _ = 1, 2 do
      deepest = 0
      local ok, message = pcall(nest, 0)
      assert.is_false(ok)
      assert.matches("200 coroutines are resumed inside one another", message, 1, true)
      assert.equal(200, deepest)
    end
  end)

  it("is not counted for a coroutine that cannot be resumed", function()
    local co
    co = coroutine.create(function()
      for _ = 1, 300 do
        assert.is_false((coroutine.resume(co)))
      end
      tg.sleep(0.001)
      return coroutine.wrap(function() return "fine" end)()
    end)
    assert.same({ true, "fine" }, { coroutine.resume(co) })
    assert.same({ false, "cannot resume dead coroutine" }, { coroutine.resume(co) })
    assert.is_false((pcall(coroutine.resume, nil)))
  end)
end)
