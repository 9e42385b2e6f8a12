local core = require "tidegate.core"
local errors = require "tidegate.errors"
local task = require "tidegate.task"
local t = require "tidegate.testing"
local tg = require "tidegate"

local function hostile(metatable)
  return setmetatable({}, metatable)
end

local function fail()
  error "no"
end

local function outcome(...)
  return { n = select("#", pcall(...)), pcall(...) }
end

-- Each runs the function as a child, whose failure is what it raises.
local scopes = {
  gather = function(fn)
    tg.gather { fn, function() tg.sleep(60) end }
  end,
  ["gather with options"] = function(fn)
    tg.gather({ fn, function() tg.sleep(60) end }, { max = 2 })
  end,
  map = function(fn)
    tg.map({ 1 }, fn)
  end,
  race = function(fn)
    tg.race { fn }
  end,
  ["spawn"] = function(fn)
    tg.scope(function(scope)
      scope:spawn(fn)
      tg.sleep(60)
    end)
  end,
  ["handle:wait"] = function(fn)
    tg.scope(function(scope)
      scope:spawn(fn):wait()
    end)
  end,
  fail_after = function(fn)
    tg.fail_after(60, fn)
  end,
  shield = function(fn)
    tg.shield(fn)
  end,
  ["semaphore:run"] = function(fn)
    local permits = tg.semaphore(1)
    permits:run(fn)
  end,
}

local errors_of_all_kinds = {
  ["a table whose __eq raises"] = hostile { __eq = fail },
  ["a table whose __index raises"] = hostile { __index = fail },
  ["a table whose __tostring raises"] = hostile { __tostring = fail },
  ["a table whose __tostring is no text"] = hostile { __tostring = function() return {} end },
  ["a table that hides its metatable"] = hostile { __metatable = false },
  ["false"] = false,
  ["a function"] = print,
  ["a coroutine"] = coroutine.create(print),
}

describe("the error of a child", function()
  for name, scope in pairs(scopes) do
    for kind, value in pairs(errors_of_all_kinds) do
      it(("is raised as it is: %s, through %s"):format(kind, name), function()
        local ok, err = pcall(scope, function()
          error(value)
        end)
        assert.is_false(ok)
        assert.is_true(rawequal(value, err))
        assert.equal("string", type(errors.text(err)))
      end)
    end

    it("is raised as it is: nil, through " .. name, function()
      assert.same({ n = 2, false, nil }, outcome(scope, function() error() end))
    end)
  end

  it("is not compared with what another error means by equal", function()
    local metatable = { __eq = fail }
    local first, second = hostile(metatable), hostile(metatable)
    local ok, err = pcall(tg.scope, function()
      pcall(tg.gather, { function() error(first) end })
      error(second)
    end)
    assert.is_false(ok)
    assert.is_true(rawequal(second, err))
  end)

  it("has a traceback that does not grow without end", function()
    local function down(levels)
      if levels == 0 then
        error "the bottom"
      end
      tg.gather { function() down(levels - 1) end }
    end
    local ok, err = xpcall(down, task.note_trace, 300)
    local trace = task.trace()
    assert.is_false(ok)
    assert.matches("the bottom", err)
    assert.matches("scope_spec.lua:%d+: in function 'down'", trace)
    assert.matches("and so on$", trace)
    assert.is_true(#trace < 20000)
  end)
end)

describe("a recursion without end", function()
  -- With more or fewer values on the stack at each level, the end comes in another line.
  local function with(count, recur)
    return function()
      return recur(unpack({}, 1, count))
    end
  end

  local function overflows(fn)
    local before = core.task_count()
    local ok, err = pcall(fn)
    assert.is_false(ok)
    assert.matches("stack overflow", errors.text(err))
    assert.equal(before, core.task_count())
    assert.is_nil(tg.remaining())
    tg.sleep(0.1) -- nothing is cancelled, and nothing fires
  end

  for count = 0, 2 do
    it(("through scopes leaves no task behind, %d values on the stack"):format(count), function()
      local function recur(...)
        local values = { ... }
        return tg.scope(function(scope)
          scope:spawn(tg.sleep, 3)
          return (recur(unpack(values, 1, count)))
        end)
      end
      overflows(with(count, recur))
    end)

    it(("through deadlines leaves none behind, %d values on the stack"):format(count), function()
      local function recur(...)
        local values = { ... }
        return tg.fail_after(60, function()
          return (recur(unpack(values, 1, count)))
        end)
      end
      overflows(with(count, recur))
    end)

    it(("through a semaphore gives every permit back, %d values on the stack"):format(count), function()
      local permits = tg.semaphore(100000)
      local function recur(...)
        local values = { ... }
        return permits:run(function()
          return (recur(unpack(values, 1, count)))
        end)
      end
      overflows(with(count, recur))
      assert.equal(100000, permits:statistics().value)
    end)
  end
end)

describe("handle:wait", function()
  it("returns all values, nil too, to each of several tasks", function()
    tg.scope(function(scope)
      local handle = scope:spawn(function()
        tg.sleep(1)
        return 1, nil, 3, nil
      end)
      for _ = 1, 3 do
        scope:spawn(function()
          assert.same({ n = 4, 1, nil, 3, nil }, { n = select("#", handle:wait()), handle:wait() })
        end)
      end
    end)
  end)

  it("is left by a task that is cancelled, and goes on for the others", function()
    local heard
    tg.scope(function(scope)
      local slow = scope:spawn(function()
        tg.sleep(1)
        return "slow"
      end)
      local gone = scope:spawn(function() slow:wait() end)
      scope:spawn(function() heard = slow:wait() end)
      tg.sleep(0.5)
      gone:cancel()
    end)
    assert.equal("slow", heard)
  end)

  it("of oneself, or of a task that one is within, says that it would never end", function()
    local handle
    local function wait()
      handle:wait()
    end
    for _, body in ipairs { wait, function() tg.gather { function() tg.scope(wait) end } end } do
      local ok, err = pcall(tg.scope, function(scope)
        handle = scope:spawn(body)
      end)
      assert.is_false(ok)
      assert.matches("^[^:]*scope_spec.lua:%d+: handle:wait: a task cannot wait for itself", err)
    end
  end)

  it("lets the others run, and can be cancelled, also where the task has ended", function()
    local turns = 0
    local ok = tg.move_on_after(1, tg.scope, function(scope)
      local handle = scope:spawn(function() end)
      scope:spawn(function()
        turns = turns + 1
        scope:cancel()
      end)
      while true do
        handle:wait()
      end
    end)
    assert.is_nil(ok)
    assert.equal(1, turns)
  end)

  it("raises an error of kind cancelled_child where the task was cancelled", function()
    tg.scope(function(scope)
      local handle = scope:spawn(tg.sleep, 60)
      handle:cancel() -- before it has run
      local ok, err = pcall(handle.wait, handle)
      assert.is_false(ok)
      assert.equal("cancelled_child", err.kind)
      assert.equal("its handle was cancelled", err.cause.reason)
    end)
  end)
end)

describe("a scope without children", function()
  local empty = {
    gather = function() tg.gather {} end,
    ["gather with options"] = function() tg.gather({}, { max = 1 }) end,
    map = function() tg.map({}, print) end,
    scope = function() tg.scope(function() end) end,
  }

  for name, open in pairs(empty) do
    it("lets the others run, and can be cancelled: " .. name, function()
      local turns = 0
      tg.scope(function(scope)
        scope:spawn(function()
          turns = turns + 1
          scope:cancel()
        end)
        while true do
          open()
        end
      end)
      assert.equal(1, turns)
    end)
  end
end)

describe("a scope that has ended", function()
  it("takes no more tasks, and its methods do nothing to others", function()
    local kept, handle
    tg.scope(function(scope)
      kept = scope
      handle = scope:spawn(function() end)
    end)
    handle:cancel()
    kept:cancel()
    local ok, err = pcall(kept.spawn, kept, print)
    assert.is_false(ok)
    assert.matches("scope:spawn: the scope has ended", err, 1, true)
    tg.sleep(1)
  end)
end)

describe("a scope that is cancelled", function()
  it("by its child ends without an error, that child's own too", function()
    local heard
    tg.scope(function(scope)
      scope:spawn(function()
        scope:cancel()
        heard = select(2, pcall(tg.sleep, 60))
      end)
      scope:spawn(function()
        tg.sleep(60)
        error "never"
      end)
      tg.sleep(60)
    end)
    assert.equal("its scope was cancelled", heard.reason)
  end)

  it("cancels what is spawned into it from then on", function()
    local reason
    tg.scope(function(scope)
      scope:cancel()
      scope:spawn(function()
        reason = select(2, pcall(tg.sleep, 60)).reason
      end)
    end)
    assert.equal("its scope was cancelled", reason)
  end)

  it("fails where a clean-up fails, but not with that where a sibling failed first", function()
    local function clean_up()
      pcall(tg.sleep, 60)
      error("the clean-up failed", 0)
    end
    local _, err = pcall(tg.scope, function(scope)
      scope:spawn(clean_up)
      tg.sleep(1)
      scope:cancel()
    end)
    assert.equal("the clean-up failed", err)
    _, err = pcall(tg.gather, { clean_up, function() tg.sleep(1) error("the first", 0) end })
    assert.equal("the first", err)
    assert.equal("the clean-up failed", t.failures()[1].error)
  end)

  it("waits for a child that goes on after its cancellation", function()
    local turns = 0
    local ok, err = pcall(tg.gather, {
      function()
        tg.sleep(1)
        error("the first", 0)
      end,
      function()
        for _ = 1, 50 do
          pcall(tg.sleep, 60)
          turns = turns + 1
        end
        return "late"
      end,
    })
    assert.same({ false, "the first", 50 }, { ok, err, turns })
  end)
end)

describe("what takes a function and its arguments", function()
  local calls = {
    fail_after = function(...) return tg.fail_after(1, ...) end,
    move_on_after = function(...) return tg.move_on_after(1, ...) end,
    shield = tg.shield,
    ["semaphore:run"] = function(...) return tg.semaphore(1):run(...) end,
    ["scope:spawn"] = function(...)
      local function spawn_and_wait(scope, ...)
        return scope:spawn(...):wait()
      end
      local values = { n = select("#", ...), ... }
      return tg.scope(function(scope)
        return spawn_and_wait(scope, unpack(values, 1, values.n))
      end)
    end,
    background = function(fn, ...)
      local values
      tg.background(function(...)
        values = { n = select("#", ...), fn(...) }
      end, ...)
      tg.sleep(1)
      return unpack(values, 1, values.n)
    end,
  }

  for name, call in pairs(calls) do
    it("hands on two hundred of them, nil too: " .. name, function()
      local function pass(...)
        return ...
      end
      local values = { [1] = 1, [199] = 199 }
      local returned = { n = select("#", call(pass, unpack(values, 1, 200))), call(pass, unpack(values, 1, 200)) }
      assert.equal(200, returned.n)
      assert.same({ 1, nil, 199, nil }, { returned[1], returned[2], returned[199], returned[200] })
    end)
  end
end)
