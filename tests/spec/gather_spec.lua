local core = require "tidegate.core"
local task = require "tidegate.task"
local t = require "tidegate.testing"
local tg = require "tidegate"

local function let_others_run()
  for _ = 1, 5 do
    tg.sleep(0)
  end
end

describe("tg.gather", function()
  it("returns the results under the keys of the functions", function()
    local results = tg.gather {
      function()
        return "first"
      end,
      user = function()
        tg.sleep(0.001)
        return { name = "Ada" }
      end,
      none = function() end,
    }
    assert.same({ "first", user = { name = "Ada" } }, results)
  end)

  it("runs the functions at once", function()
    local running, most = 0, 0
    local function child()
      running = running + 1
      most = math.max(most, running)
      tg.sleep(0.001)
      running = running - 1
    end
    tg.gather { child, child, child, child }
    assert.equal(4, most)
  end)

  it("returns an empty table for no functions", function()
    assert.same({}, tg.gather {})
  end)

  it("names the key of what is no function, and starts none", function()
    local started = false
    local ok, message = pcall(tg.gather, {
      function()
        started = true
      end,
      user = 5,
    })
    assert.is_false(ok)
    assert.matches("tg.gather: the value at user must be a function, not 5", message, 1, true)
    let_others_run()
    assert.is_false(started)
  end)

  it("raises the error object of the child that failed first", function()
    local failure = { "an object" }
    local ok, err = pcall(tg.gather, {
      function()
        tg.sleep(0.001)
        error(failure)
      end,
      function()
        tg.sleep(1000)
      end,
    })
    assert.is_false(ok)
    assert.equal(failure, err)
  end)

  it("raises false and nil too, when they are what was raised", function()
    for index = 1, 2 do
      local raised = ({ false, nil })[index]
      local ok, err = pcall(tg.gather, {
        function()
          error(raised, 0)
        end,
      })
      assert.is_false(ok)
      assert.equal(raised, err)
    end
  end)

  it("cancels the siblings of a child that fails, and waits for them to unwind", function()
    local seen, unwound
    local ok = pcall(tg.gather, {
      function()
        local _, err = pcall(tg.sleep, 1000)
        seen = err
        unwound = true
        error(err, 0)
      end,
      function()
        error "boom"
      end,
    })
    assert.is_false(ok)
    assert.is_true(task.is_cancellation(seen))
    assert.equal("a sibling failed", seen.reason)
    assert.equal("cancelled: a sibling failed", tostring(seen))
    assert.is_true(unwound)
  end)

  it("cancels a sibling that swallows its cancellation again at each wait", function()
    local raised = 0
    pcall(tg.gather, {
      function()
        for _ = 1, 3 do
          if not pcall(tg.sleep, 1000) then
            raised = raised + 1
          end
        end
      end,
      function()
        error "boom"
      end,
    })
    assert.equal(3, raised)
  end)

  it("keeps the first of several failures", function()
    local ok, err = pcall(tg.gather, {
      function()
        pcall(tg.sleep, 1000)
        error("later", 0)
      end,
      function()
        error("first", 0)
      end,
    })
    assert.is_false(ok)
    assert.equal("first", err)
    assert.equal("later", t.failures()[1].error)
  end)

  it("leaves no task behind when it fails", function()
    local before = core.task_count()
    pcall(tg.gather, {
      function()
        tg.map(tg.range(1, 10), function()
          tg.sleep(1000)
        end)
      end,
      function()
        tg.sleep(0.001)
        error "boom"
      end,
    })
    assert.equal(before, core.task_count())
  end)

  it("passes a failure up through nested gathers", function()
    local failure = {}
    local unwound = 0
    local ok, err = pcall(tg.gather, {
      function()
        tg.gather {
          function()
            tg.gather {
              function()
                tg.sleep(0.001)
                error(failure)
              end,
            }
          end,
          function()
            pcall(tg.sleep, 1000)
            unwound = unwound + 1
          end,
        }
      end,
      function()
        pcall(tg.sleep, 1000)
        unwound = unwound + 1
      end,
    })
    assert.is_false(ok)
    assert.equal(failure, err)
    assert.equal(2, unwound)
  end)

  it("goes on after a failure that was caught", function()
    pcall(tg.gather, {
      function()
        error "boom"
      end,
    })
    assert.same({ 1 }, tg.gather {
      function()
        tg.sleep(0)
        return 1
      end,
    })
  end)
end)

describe("tg.map", function()
  it("returns the results in the order of the items, whatever the order they end in", function()
    local ended = {}
    local results = tg.map({ 5, 1, 3 }, function(milliseconds)
      tg.sleep(milliseconds / 1000)
      ended[#ended + 1] = milliseconds
      return milliseconds * 10
    end)
    assert.same({ 50, 10, 30 }, results)
    assert.same({ 1, 3, 5 }, ended)
  end)

  it("returns an empty list for one", function()
    assert.same({}, tg.map({}, tostring))
  end)

  it("runs thousands at once", function()
    local running, most = 0, 0
    local results = tg.map(tg.range(1, 3000), function(number)
      running = running + 1
      most = math.max(most, running)
      tg.sleep(0.001)
      running = running - 1
      return -number
    end)
    assert.equal(3000, most)
    assert.equal(3000, #results)
    assert.equal(-3000, results[3000])
  end)

  it("cancels the rest at the first failure and raises it", function()
    local cancelled = 0
    local ok, err = pcall(tg.map, tg.range(1, 10), function(number)
      if number == 4 then
        tg.sleep(0.001)
        error("item 4", 0)
      end
      local _, reason = pcall(tg.sleep, 1000)
      cancelled = cancelled + 1
      error(reason, 0)
    end)
    assert.is_false(ok)
    assert.equal("item 4", err)
    assert.equal(9, cancelled)
  end)

  it("says what it takes", function()
    for _, call in ipairs { { 5, tostring }, { {} }, { nil, tostring } } do
      local ok, message = pcall(tg.map, call[1], call[2])
      assert.is_false(ok)
      assert.matches("tg.map takes a list and a function", message, 1, true)
    end
  end)
end)
