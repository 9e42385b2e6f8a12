-- The options of gather and map: max, on_error, required and quorum, alone and together.
local core = require "tidegate.core"
local task = require "tidegate.task"
local tg = require "tidegate"

local function sleeper(seconds, value)
  return function()
    tg.sleep(seconds)
    return value
  end
end

local function failer(seconds, value)
  return function()
    tg.sleep(seconds)
    error(value, 0)
  end
end

-- Calls `fn`; its results, and the seconds that it took.
local function timed(fn, ...)
  local started = tg.now()
  local results, more = fn(...)
  return tg.now() - started, results, more
end

describe("max", function()
  it("lets so many run at once, and takes as long as that needs", function()
    for most, seconds in pairs { 10, 5, 4, [5] = 2, [9] = 2, [10] = 1, [1000] = 1 } do
      local running, top = 0, 0
      local took, results = timed(tg.map, tg.range(1, 10), function(number)
        running = running + 1
        top = math.max(top, running)
        tg.sleep(1)
        running = running - 1
        return number * number
      end, { max = most })
      assert.equal(seconds, took)
      assert.equal(math.min(most, 10), top)
      assert.same({ 1, 4, 9, 16, 25, 36, 49, 64, 81, 100 }, results)
    end
  end)

  it("starts the next in the order of the list, each as soon as there is room", function()
    local starts = {}
    local begun = tg.now()
    tg.map({ 5, 1, 1, 3, 1 }, function(seconds)
      starts[#starts + 1] = { tg.now() - begun, seconds }
      tg.sleep(seconds)
    end, { max = 2 })
    local times = {}
    for index, start in ipairs(starts) do
      times[index] = start[1]
    end
    assert.same({ 0, 0, 1, 2, 5 }, times)
    assert.same({ { 1, 1 }, { 2, 3 }, { 5, 1 } }, { starts[3], starts[4], starts[5] })
  end)

  it("one after the other with 1", function()
    local order = {}
    tg.map({ "a", "b", "c" }, function(name)
      order[#order + 1] = name .. "+"
      tg.sleep(1)
      order[#order + 1] = name .. "-"
    end, { max = 1 })
    assert.equal("a+ a- b+ b- c+ c-", table.concat(order, " "))
  end)

  it("keeps the keys of gather", function()
    local took, results, more = timed(tg.gather, {
      a = sleeper(1, "x"), b = sleeper(1, "y"), sleeper(1, "z"), [4.5] = sleeper(1, false),
    }, { max = 2 })
    assert.same({ a = "x", b = "y", "z", [4.5] = false }, results)
    assert.equal(2, took)
    assert.is_nil(more)
  end)

  it("starts nothing more when one fails", function()
    local started = 0
    local ok, err = pcall(tg.map, tg.range(1, 100), function(number)
      started = started + 1
      tg.sleep(number == 4 and 0.5 or 1)
      return number == 4 and error("four", 0) or nil
    end, { max = 5 })
    assert.is_false(ok)
    assert.equal("four", err)
    assert.equal(5, started)
  end)

  it("starts nothing more when it is cancelled", function()
    local started = 0
    tg.move_on_after(2.5, tg.map, tg.range(1, 100), function()
      started = started + 1
      tg.sleep(1)
    end, { max = 2 })
    assert.equal(6, started)
  end)

  it("starts functions that never wait one by one as well", function()
    local results = tg.map(tg.range(1, 2000), function(number)
      return number
    end, { max = 1 })
    assert.same(tg.range(1, 2000), results)
  end)
end)

describe('on_error = "collect"', function()
  it("tells of every child how it went, under its key", function()
    local failure = { "an object" }
    local took, results, more = timed(tg.gather, {
      fine = sleeper(2, "value"), bad = failer(1, failure), nothing = sleeper(0.5), no = sleeper(0.25, false),
    }, { on_error = "collect" })
    assert.equal(2, took)
    assert.same({ ok = true, value = "value", seconds = 2 }, results.fine)
    assert.same({ ok = true, seconds = 0.5 }, results.nothing)
    assert.same({ ok = true, value = false, seconds = 0.25 }, results.no)
    assert.is_false(results.bad.ok)
    assert.equal(failure, results.bad.error)
    assert.equal(1, results.bad.seconds)
    assert.is_nil(more)
  end)

  it("is a list for map, in its order, also with max; seconds count from each child's own start", function()
    local results = tg.map({ 3, 2, 1 }, function(seconds)
      tg.sleep(seconds)
      return seconds == 2 and error("two", 0) or seconds
    end, { on_error = "collect", max = 1 })
    assert.same({
      { ok = true, value = 3, seconds = 3 }, { ok = false, error = "two", seconds = 2 },
      { ok = true, value = 1, seconds = 1 },
    }, results)
  end)

  it("collects what is false or nil, and children that all fail", function()
    local results = tg.gather({ failer(0, false), failer(0), failer(1, 3) }, { on_error = "collect" })
    assert.equal(3, #results)
    assert.is_false(results[1].error)
    assert.is_nil(results[2].error)
    assert.is_false(results[2].ok)
    assert.equal(3, results[3].error)
  end)

  it("collects no cancellation from outside: that ends the whole", function()
    local results = "untouched"
    assert.is_nil(tg.move_on_after(1, function()
      results = tg.gather({ sleeper(5), sleeper(0.5) }, { on_error = "collect" })
    end))
    assert.equal("untouched", results)
  end)

  it("collects a child whose own deadline passes", function()
    local results = tg.map({ 1, 3 }, function(seconds)
      return tg.fail_after(2, sleeper(seconds, seconds))
    end, { on_error = "collect" })
    assert.same({ ok = true, value = 1, seconds = 1 }, results[1])
    assert.equal("deadline", results[2].error.kind)
    assert.equal(2, results[2].seconds)
  end)
end)

describe("required", function()
  it("fails with a child that it names, and cancels the others", function()
    local seen
    local took, ok, err = timed(function()
      return pcall(tg.gather, {
        user = failer(1, "no user"),
        posts = function()
          local _, reason = pcall(tg.sleep, 100)
          seen = reason
          error(reason, 0)
        end,
      }, { required = { "user" } })
    end)
    assert.equal(1, took)
    assert.is_false(ok)
    assert.equal("no user", err)
    assert.equal("a sibling failed", seen.reason)
  end)

  it("lets every other child fail, and returns their errors", function()
    local took, results, failed = timed(tg.gather, {
      user = sleeper(2, "Ada"), posts = failer(1, "no posts"), advice = failer(3, false), news = sleeper(1, 7),
    }, { required = { "user", "news" } })
    assert.equal(3, took)
    assert.same({ user = "Ada", news = 7 }, results)
    assert.same({ posts = "no posts", advice = false }, failed)
  end)

  it("returns an empty table of errors where none has failed", function()
    local results, failed = tg.gather({ a = sleeper(1, 1) }, { required = { "a" } })
    assert.same({ a = 1 }, results)
    assert.same({}, failed)
  end)

  it("of nobody lets all fail", function()
    local results, failed = tg.map({ 1, 2, 3 }, error, { required = {} })
    assert.same({}, results)
    assert.equal(3, #failed)
  end)

  it("names positions of map", function()
    local function odd(number)
      tg.sleep(number)
      return number % 2 == 1 and number or error("even", 0)
    end
    local results, failed = tg.map({ 1, 2, 3, 4 }, odd, { required = { 1, 3 }, max = 2 })
    assert.same({ 1, nil, 3 }, results)
    assert.same({ [2] = "even", [4] = "even" }, failed)
    assert.is_false((pcall(tg.map, { 1, 2 }, odd, { required = { 2 } })))
  end)

  it("together with collect tells of every child, and still fails", function()
    local results, failed = tg.gather({ a = sleeper(1, "x"), b = failer(2, "y") }, {
      required = { "a" }, on_error = "collect",
    })
    assert.same({ ok = true, value = "x", seconds = 1 }, results.a)
    assert.same({ ok = false, error = "y", seconds = 2 }, results.b)
    assert.same({ b = "y" }, failed)
    local ok, err = pcall(tg.gather, { a = failer(1, "x") }, { required = { "a" }, on_error = "collect" })
    assert.is_false(ok)
    assert.equal("x", err)
  end)
end)

describe("quorum", function()
  it("returns at so many successes, and cancels the rest", function()
    local reasons = {}
    local took, results, more = timed(tg.map, { 4, 1, 3, 2, 5 }, function(seconds)
      local ok, err = pcall(tg.sleep, seconds)
      if not ok then
        reasons[#reasons + 1] = err.reason
        error(err, 0)
      end
      return seconds
    end, { quorum = 3 })
    assert.equal(3, took)
    assert.same({ [2] = 1, [3] = 3, [4] = 2 }, results)
    assert.same({ "a sibling was enough", "a sibling was enough" }, reasons)
    assert.is_nil(more)
  end)

  it("bears as many failures as it can", function()
    local took, results = timed(tg.gather, {
      failer(1, "a"), failer(2, "b"), sleeper(4, "c"), sleeper(3, "d"), sleeper(9, "e"),
    }, { quorum = 2 })
    assert.equal(4, took)
    assert.same({ [3] = "c", [4] = "d" }, results)
  end)

  it("fails as soon as it cannot be reached, with the error that made it so", function()
    local took, ok, err = timed(function()
      return pcall(tg.gather, { failer(1, "a"), failer(2, "b"), sleeper(9, "c") }, { quorum = 2 })
    end)
    assert.is_false(ok)
    assert.equal("b", err)
    assert.equal(2, took)
  end)

  it("of all is as strict as none, and of one is a race", function()
    assert.same({ 1, 2 }, tg.gather({ sleeper(1, 1), sleeper(2, 2) }, { quorum = 2 }))
    assert.is_false((pcall(tg.gather, { sleeper(1), failer(2) }, { quorum = 2 })))
    assert.same({ [2] = "fast" }, tg.gather({ sleeper(2, "slow"), sleeper(1, "fast") }, { quorum = 1 }))
  end)

  it("with max starts others in place of those that fail", function()
    local started = {}
    local took, results = timed(tg.map, tg.range(1, 9), function(number)
      started[#started + 1] = number
      tg.sleep(1)
      return number > 3 and number or error("too small", 0)
    end, { quorum = 2, max = 2 })
    assert.equal(3, took)
    assert.same({ [4] = 4, [5] = 5 }, { [4] = results[4], [5] = results[5] })
    assert.is_true(#started <= 6)
  end)
end)

describe("bad options", function()
  local function none() end

  local cases = {
    { { max = 0 }, "max must be a whole number from 1" },
    { { max = 1.5 }, "max must be a whole number from 1" },
    { { max = "2" }, "max must be a whole number from 1" },
    { { max = 0 / 0 }, "max must be a whole number from 1" },
    { { on_error = "ignore" }, 'on_error must be "collect"' },
    { { required = "a" }, "required must be a list of keys" },
    { { required = { a = true } }, "required must be a list of keys" },
    { { required = { 1, "usr" } }, "required names usr, and there is no such child" },
    { { quorum = 0 }, "quorum must be a whole number from 1 to 2, the number of children" },
    { { quorum = 3 }, "quorum must be a whole number from 1 to 2, the number of children" },
    { { quorum = 1.5 }, "quorum must be a whole number from 1 to 2, the number of children" },
    { { quorum = 1, required = { 1 } }, "quorum cannot be combined with required or on_error" },
    { { quorum = 1, on_error = "collect" }, "quorum cannot be combined with required or on_error" },
    { { timeout = 3 }, 'has no option "timeout"; it has max, on_error, required and quorum' },
    { 5, "the options must be a table, not 5" },
  }

  local function line_of(level)
    return "gather_options_spec.lua:" .. debug.getinfo(level + 1, "l").currentline
  end

  it("are refused in the user's line, before any child starts", function()
    local started = false
    local function start()
      started = true
    end
    for _, case in ipairs(cases) do
      local line = line_of(1)
      local ok, message = pcall(function() tg.gather({ start, start }, case[1]) end)
      assert.is_false(ok)
      assert.matches("^[^\n]*gather_options_spec.lua:%d+: tg.gather", message)
      assert.equal(tonumber(line:match("%d+$")) + 1, tonumber(message:match("gather_options_spec.lua:(%d+)")))
      assert.matches(case[2], message, 1, true)
      ok, message = pcall(function() tg.map({ "x", "y" }, start, case[1]) end)
      assert.is_false(ok)
      assert.matches("tg.map", message, 1, true)
      assert.matches(case[2], message, 1, true)
    end
    tg.sleep(0)
    assert.is_false(started)
  end)

  it("do not depend on there being children", function()
    for _, options in ipairs { { max = 0 }, { on_error = 1 }, { required = { 1 } }, { quorum = 1 }, { no = 1 } } do
      assert.is_false((pcall(tg.gather, {}, options)))
      assert.is_false((pcall(tg.map, {}, none, options)))
    end
  end)
end)

describe("no children", function()
  it("give an empty table at once, with any options", function()
    for _, options in ipairs { {}, { max = 3 }, { on_error = "collect" }, { required = {} } } do
      local took, results = timed(tg.gather, {}, options)
      assert.same({}, results)
      assert.equal(0, took)
      assert.same({}, tg.map({}, error, options))
    end
  end)
end)

describe("the policies", function()
  it("leave a child's cancellation of its own making to them as an error", function()
    local foreign = task.cancellation "somebody else's"
    local results = tg.gather({ failer(0, foreign), sleeper(1, "fine") }, { on_error = "collect" })
    assert.equal(foreign, results[1].error)
    assert.equal("fine", results[2].value)
  end)

  it("leave no task, however they end", function()
    local before = core.task_count()
    local all = { { max = 2 }, { on_error = "collect" }, { required = { 1 } }, { quorum = 2 }, { max = 1, quorum = 1 } }
    for _, options in ipairs(all) do
      for _, first in ipairs { failer(1, "x"), sleeper(1, "x") } do
        pcall(tg.gather, { first, sleeper(2), failer(3), sleeper(4) }, options)
        tg.move_on_after(0.5, tg.gather, { first, sleeper(2), failer(3), sleeper(4) }, options)
        assert.equal(before, core.task_count())
      end
    end
  end)
end)
