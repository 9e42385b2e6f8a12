-- A task's own coroutine, which a script has by coroutine.running(): the gateway alone resumes it.
local core = require "tidegate.core"
local t = require "tidegate.testing"
local tg = require "tidegate"

local WHY = "cannot resume the coroutine of a task, which the gateway resumes when what it waits for has come"

local function check_refused(ok, message)
  assert.is_false(ok)
  assert.matches(WHY, message, 1, true)
end

-- What a task may wait for when somebody resumes its coroutine: each returns what it has got, and for how long.
local waits = {
  sleep = function()
    tg.sleep(5)
    return "slept"
  end,
  event = function(event)
    event:wait()
    return "set"
  end,
  channel = function(_, channel)
    return channel:receive()
  end,
  checkpoint = function()
    core.sleep(0)
    return "others ran"
  end,
  children = function()
    return tg.gather({ function()
      tg.sleep(2)
      return "child"
    end })[1]
  end,
  blocking = function()
    return tg.blocking("string", "rep", "from a thread", 1)
  end,
}

-- Whoever resumes it: another task, a child, a coroutine of another task's, a comparator.
local resumers = {
  ["another task"] = function(co)
    return coroutine.resume(co, "not for you")
  end,
  ["a coroutine of another task"] = function(co)
    return coroutine.wrap(function()
      return coroutine.resume(co, "not for you")
    end)()
  end,
  ["a comparator"] = function(co)
    local ok, message
    table.sort({ 2, 1 }, function(a, b)
      ok, message = coroutine.resume(co, "not for you")
      return a < b
    end)
    return ok, message
  end,
}

describe("A task's own coroutine", function()
  for name, wait in pairs(waits) do
    for who, resume in pairs(resumers) do
      it(("is not resumed by %s while it waits for: %s"):format(who, name), function()
        local event, channel = tg.event(), tg.channel(1)
        local co, got, took
        local tried = false
        tg.gather {
          function()
            co = coroutine.running()
            local started = tg.now()
            got = wait(event, channel)
            took = tg.now() - started
          end,
          function()
            while not co do
              tg.sleep(0)
            end
            for _ = 1, 3 do
              check_refused(resume(co))
            end
            tried = true
            event:set()
            channel:send "a value"
          end,
        }
        assert.is_true(tried)
        assert.equal(({
          sleep = "slept", event = "set", channel = "a value", checkpoint = "others ran", children = "child",
          blocking = "from a thread",
        })[name], got)
        if name == "sleep" or name == "children" then
          assert.equal(name == "sleep" and 5 or 2, took)
        end
      end)
    end
  end

  it("is not resumed by itself", function()
    check_refused(coroutine.resume(coroutine.running()))
  end)

  it("is not resumed by a coroutine of its own task", function()
    local own = coroutine.running()
    coroutine.wrap(function()
      check_refused(coroutine.resume(own))
    end)()
  end)

  it("is not resumed once its task has ended, nor when another task has it", function()
    local co
    tg.gather { function()
      co = coroutine.running()
    end }
    check_refused(coroutine.resume(co))
    local seen = false
    repeat
      tg.gather { function()
        seen = coroutine.running() == co
        if seen then
          tg.gather { function()
            check_refused(coroutine.resume(co))
          end }
        end
      end }
    until seen
    check_refused(coroutine.resume(co))
  end)

  it("of a request is not resumed by another request", function()
    local parked
    local client = t.app(function(app)
      app:get("/innocent", function()
        parked = coroutine.running()
        tg.sleep(3)
        return "slept"
      end)
      app:get("/guilty", function()
        tg.sleep(1)
        return { coroutine.resume(parked, "injected") }
      end)
    end)
    local innocent, guilty
    local started = tg.now()
    tg.gather {
      function() innocent = client:get "/innocent" end,
      function() guilty = client:get "/guilty" end,
    }
    assert.equal("slept", innocent:body())
    assert.equal(3, tg.now() - started)
    check_refused(unpack(guilty:json()))
  end)
end)

describe("A coroutine of the user's that waits", function()
  -- Runs fn(co, wrapped) while a coroutine waits in another task.
  local function while_waiting(fn)
    local got
    local wrapped = coroutine.wrap(function(...)
      tg.sleep(2)
      got = select("#", ...)
      coroutine.yield "yielded"
      return "returned"
    end)
    tg.gather {
      function()
        assert.equal("yielded", wrapped(1, 2, 3))
      end,
      function()
        tg.sleep(1)
        fn(wrapped)
      end,
    }
    assert.equal(3, got)
    return wrapped
  end

  it("is not resumed by another task, by way of the function of coroutine.wrap", function()
    local wrapped = while_waiting(function(wrapped)
      local ok, message = pcall(wrapped, "not for you")
      assert.is_false(ok)
      assert.matches("cannot resume a coroutine that waits in another task", message, 1, true)
    end)
    assert.equal("returned", wrapped())
  end)

  it("is not resumed by many at once", function()
    while_waiting(function(wrapped)
      tg.map(tg.range(1, 5), function()
        assert.is_false((pcall(wrapped)))
        tg.sleep(0.1)
        assert.is_false((pcall(wrapped)))
      end)
    end)
  end)

  it("goes on in another task once it has yielded and its first task has ended", function()
    local wrapped = while_waiting(function() end)
    local got
    tg.gather { function()
      got = wrapped()
    end }
    assert.equal("returned", got)
  end)

  it("ends with its task, and nobody resumes it then", function()
    local co = coroutine.create(function()
      tg.sleep(10)
    end)
    local ended = { pcall(tg.gather, {
      function() coroutine.resume(co) error("went on", 0) end,
      function() tg.sleep(1) error("boom", 0) end,
    }) }
    assert.same({ false, "boom" }, ended)
    t.failures() -- where the coroutine's end is what fails first
    assert.equal("dead", coroutine.status(co))
    assert.same({ false, "cannot resume dead coroutine" }, { coroutine.resume(co) })
  end)
end)
