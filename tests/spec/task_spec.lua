local core = require "tidegate.core"
local task = require "tidegate.task"
local t = require "tidegate.testing"
local tg = require "tidegate"

-- A task of no scope, which the test ends by hand; the table says what became of it.
local function start(fn)
  local result = {}
  result.task = core.spawn(function()
    result.ok, result.value = pcall(fn)
    result.ended = true
  end)
  return result
end

local function let_others_run()
  for _ = 1, 5 do
    tg.sleep(0)
  end
end

-- Cancels a started task and waits for its end.
local function cancel(started, value)
  core.cancel(started.task, value)
  while not started.ended do
    tg.sleep(0)
  end
end

describe("tg.sleep", function()
  it("waits at least as long as it was told", function()
    local started = tg.now()
    tg.sleep(0.02)
    assert.near(0.02, tg.now() - started, 1e-9)
  end)

  it("lets the others run once with 0", function()
    local order = {}
    tg.gather {
      function()
        order[#order + 1] = "a1"
        tg.sleep(0)
        order[#order + 1] = "a2"
      end,
      function()
        order[#order + 1] = "b1"
        tg.sleep(0)
        order[#order + 1] = "b2"
      end,
    }
    table.sort(order, function(a, b)
      return a:sub(2) < b:sub(2)
    end)
    assert.equal("1122", table.concat(order):gsub("%a", ""))
  end)

  it("wakes in the order of the deadlines", function()
    local order = {}
    tg.map({ 6, 2, 4, 0 }, function(milliseconds)
      tg.sleep(milliseconds / 1000)
      order[#order + 1] = milliseconds
    end)
    assert.same({ 0, 2, 4, 6 }, order)
  end)

  it("refuses what is no span of time", function()
    for _, wrong in ipairs { -1, 0 / 0, 1 / 0, 1e10, "soon", {} } do
      assert.has_error(function()
        tg.sleep(wrong)
      end)
    end
    assert.has_error(function()
      tg.sleep()
    end)
  end)
end)

describe("tg.range", function()
  it("holds both ends", function()
    assert.same({ 0, 1, 2, 3 }, tg.range(0, 3))
    assert.same({ 5 }, tg.range(5, 5))
  end)

  it("takes a step", function()
    assert.same({ 1, 3, 5 }, tg.range(1, 6, 2))
    assert.same({ 3, 2, 1 }, tg.range(3, 1, -1))
  end)

  it("is empty when the end lies before the beginning", function()
    assert.same({}, tg.range(1, 0))
  end)
end)

describe("a cancelled task", function()
  it("cancels the children that it waits for, with the same reason, and waits for them", function()
    local reasons = {}
    local function child()
      local _, err = pcall(tg.sleep, 1000)
      reasons[#reasons + 1] = err.reason
      pcall(tg.sleep, 0) -- raises again
      reasons[#reasons + 1] = "unwound"
      error(err, 0)
    end
    local before = core.task_count()
    local waiter = start(function()
      tg.gather { child, function()
        tg.gather { child }
      end }
    end)
    let_others_run()
    local reason = task.cancellation "the client is gone"
    cancel(waiter, reason)
    assert.is_false(waiter.ok)
    assert.equal(reason, waiter.value)
    table.sort(reasons) -- the two children unwind at once
    local client_gone = "the client is gone"
    assert.same({ client_gone, client_gone, "unwound", "unwound" }, reasons)
    let_others_run()
    assert.equal(before, core.task_count())
  end)

  it("raises its own cancellation, whatever its children raise while they unwind", function()
    local waiter = start(function()
      tg.gather { function()
        pcall(tg.sleep, 1000)
        error "clean-up went wrong"
      end }
    end)
    let_others_run()
    local reason = task.cancellation "shutdown"
    cancel(waiter, reason)
    assert.equal(reason, waiter.value)
    assert.matches("clean%-up went wrong", t.failures()[1].message)
  end)

  it("raises at its first wait when it is cancelled before it began one", function()
    local waits = 0
    local waiter = start(function()
      waits = waits + 1
      tg.sleep(1000)
      waits = waits + 1
    end)
    local reason = task.cancellation "early"
    cancel(waiter, reason)
    assert.equal(1, waits)
    assert.equal(reason, waiter.value)
  end)

  it("cancels the children of a gather that it opens afterwards", function()
    local child_error
    local waiter = start(function()
      pcall(tg.sleep, 1000)
      tg.gather { function()
        local _, err = pcall(tg.sleep, 1000)
        child_error = err
      end }
    end)
    let_others_run()
    cancel(waiter, task.cancellation "shutdown")
    assert.is_false(waiter.ok)
    assert.is_true(task.is_cancellation(child_error))
  end)

  it("is woken once, even when what it waits for happens in the same turn", function()
    for _ = 1, 50 do
      local waiter = start(function()
        local ok = pcall(tg.sleep, 0)
        return ok
      end)
      tg.sleep(0)
      cancel(waiter, task.cancellation "race")
      assert.is_true(waiter.ok)
    end
  end)
end)

describe("task.cancellation", function()
  it("is an error value of its own", function()
    assert.equal("cancelled: shutdown", tostring(task.cancellation "shutdown"))
    assert.is_false(task.is_cancellation "shutdown")
    assert.is_false(task.is_cancellation { kind = "cancelled", reason = "shutdown" })
  end)
end)

describe("task.trace", function()
  local function raise_in_child()
    error "boom"
  end

  local function wait_for_child()
    tg.gather { raise_in_child }
  end

  local function trace_of(fn)
    assert.is_false(xpcall(fn, task.note_trace))
    return task.trace()
  end

  local function line_of(fn)
    return "task_spec.lua:" .. debug.getinfo(fn, "S").linedefined + 1
  end

  it("shows the lines of the child that failed and of who waited for it", function()
    local trace = trace_of(wait_for_child)
    local child = trace:find(line_of(raise_in_child), 1, true)
    local between = trace:find("waited for by", 1, true)
    local parent = trace:find(line_of(wait_for_child), 1, true)
    assert.is_truthy(child)
    assert.is_true(child < between and between < parent)
  end)

  it("shows every level of nested scopes", function()
    local trace = trace_of(function()
      tg.map({ 1 }, wait_for_child)
    end)
    local _, count = trace:gsub("waited for by", "")
    assert.equal(2, count)
    assert.matches(line_of(raise_in_child), trace, 1, true)
  end)

  it("shows only its own lines when no child is behind it", function()
    local trace = trace_of(raise_in_child)
    assert.matches(line_of(raise_in_child), trace, 1, true)
    assert.not_matches("waited for by", trace, 1, true)
  end)

  it("says nothing of who waited where that was a tail call", function()
    local trace = trace_of(function()
      tg.gather {
        function()
          return tg.gather { raise_in_child }
        end,
      }
    end)
    local _, count = trace:gsub("waited for by", "")
    assert.equal(1, count)
    assert.matches(line_of(raise_in_child), trace, 1, true)
  end)

  it("leaves out the function that blames a line of the user's", function()
    local trace = trace_of(function()
      tg.gather(5)
    end)
    assert.not_matches("'raise'", trace, 1, true)
  end)

  it("does not mix in a failure that an earlier task caught", function()
    local trace
    local function fail()
      error("the same", 0)
    end
    local catching = start(function()
      pcall(tg.gather, { fail })
    end)
    while not catching.ended do
      tg.sleep(0)
    end
    local failing = start(function()
      trace = trace_of(fail)
    end)
    while not failing.ended do
      tg.sleep(0)
    end
    assert.equal(catching.task, failing.task) -- the coroutine is used again, which makes the mix-up possible
    assert.not_matches("waited for by", trace, 1, true)
  end)
end)

describe("tg.sleep(0)", function()
  it("lets everything that is ready run first, in whatever order that runs", function()
    for _ = 1, 200 do
      local ran = 0
      tg.scope(function(scope)
        for _ = 1, 3 do
          scope:spawn(function() ran = ran + 1 end)
        end
        tg.sleep(0)
        assert.equal(3, ran)
      end)
    end
  end)
end)
