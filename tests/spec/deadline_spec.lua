-- Scopes, deadlines, shields and the policies of gather, each once; on the virtual clock.
local core = require "tidegate.core"
local t = require "tidegate.testing"
local task = require "tidegate.task"
local tg = require "tidegate"

local function sleeper(seconds, value)
  return function()
    tg.sleep(seconds)
    return value
  end
end

describe("a deadline", function()
  it("raises, or moves on, exactly when it passes", function()
    local started = tg.now()
    local ok, err = pcall(tg.fail_after, 0.5, tg.sleep, 5)
    assert.is_false(ok)
    assert.equal("deadline", err.kind)
    assert.equal(504, err.status)
    assert.is_nil(tg.move_on_after(0.5, sleeper(5, "late")))
    assert.equal(1, tg.now() - started)
  end)

  it("returns what its function returns in time", function()
    assert.same({ 1, nil, 3 }, { tg.fail_after(1, function()
      tg.sleep(0.5)
      return 1, nil, 3
    end) })
  end)

  it("of nested ones the earliest wins, and reaches the children", function()
    local ended = 0
    local ok, err = pcall(tg.fail_after, 1, function()
      tg.fail_after(5, function()
        tg.gather { function()
          assert.equal(1, tg.remaining())
          local fine = pcall(tg.sleep, 100)
          ended = ended + (fine and 0 or 1)
          tg.sleep(0)
        end }
      end)
    end)
    assert.is_false(ok)
    assert.matches("deadline of 1 s", tostring(err), 1, true)
    assert.equal(1, ended)
    assert.is_nil(tg.remaining())
    tg.sleep(1) -- nothing is left of it
  end)

  it("is kept off by a shield, and raises behind it", function()
    local cleaned, reached = false, false
    tg.move_on_after(1, function()
      tg.shield(function()
        tg.sleep(3)
        cleaned = true
      end)
      tg.sleep(1)
      reached = true
    end)
    assert.is_true(cleaned)
    assert.is_false(reached)
  end)
end)

describe("a scope", function()
  it("waits for its tasks, and hands their results over", function()
    local values = { tg.scope(function(scope)
      local handle = scope:spawn(function(a, b)
        tg.sleep(1)
        return a + b, nil, "end"
      end, 1, 2)
      return handle:wait()
    end) }
    assert.same({ 3, nil, "end" }, values)
  end)

  it("is cancelled by its first failure, which is raised as it is, with the lines of its task", function()
    local failure, body = { "boom" }, nil
    local trace
    xpcall(function()
      tg.scope(function(scope)
        scope:spawn(function()
          tg.sleep(1)
          error(failure)
        end)
        body = { pcall(tg.sleep, 100) }
        tg.sleep(100)
      end)
    end, function(value)
      assert.equal(failure, value)
      task.note_trace(value)
      trace = task.trace()
    end)
    assert.is_false(body[1])
    assert.matches("deadline_spec.lua:%d+.*spawned at [^\n]*deadline_spec.lua:%d+.*waited for by", trace)
  end)

  it("ends in silence where it is cancelled itself, and one child can be cancelled alone", function()
    local others = tg.scope(function(scope)
      local handle = scope:spawn(tg.sleep, 100)
      handle:cancel()
      local ok, err = pcall(handle.wait, handle)
      assert.is_false(ok)
      assert.equal("cancelled_child", err.kind)
      return scope:spawn(sleeper(1, "went on")):wait()
    end)
    assert.equal("went on", others)
    assert.is_nil(tg.scope(function(scope)
      scope:spawn(tg.sleep, 100)
      scope:cancel()
      tg.sleep(100)
    end))
  end)
end)

describe("the policies of gather and map", function()
  it("max", function()
    local now, most = 0, 0
    local results = tg.map(tg.range(1, 20), function(number)
      now = now + 1
      most = math.max(most, now)
      tg.sleep(1)
      now = now - 1
      return number
    end, { max = 3 })
    assert.same(tg.range(1, 20), results)
    assert.equal(3, most)
  end)

  it("collect", function()
    local results = tg.gather({ a = sleeper(1, "x"), b = function()
      tg.sleep(2)
      error("down", 0)
    end }, { on_error = "collect" })
    assert.same({ ok = true, value = "x", seconds = 1 }, results.a)
    assert.same({ ok = false, error = "down", seconds = 2 }, results.b)
  end)

  it("required", function()
    local function down()
      error("down", 0)
    end
    local results, failed = tg.gather({ a = sleeper(1, "x"), b = down }, { required = { "a" } })
    assert.equal("x", results.a)
    assert.is_nil(results.b)
    assert.same({ b = "down" }, failed)
    local ok, err = pcall(tg.gather, { a = down, b = sleeper(9) }, { required = { "a" } })
    assert.is_false(ok)
    assert.equal("down", err)
  end)

  it("quorum, and race", function()
    local started = tg.now()
    local results = tg.map({ 3, 1, 2, 9 }, function(seconds)
      tg.sleep(seconds)
      return seconds
    end, { quorum = 2 })
    assert.same({ [2] = 1, [3] = 2 }, results)
    assert.equal(2, tg.now() - started)
    assert.equal("fast", tg.race { sleeper(5, "slow"), sleeper(1, "fast"), error })
  end)

  it("leave no task, however many are cancelled", function()
    local before = core.task_count()
    for _ = 1, 2000 do
      tg.move_on_after(0.001, tg.gather, { sleeper(9), sleeper(9), sleeper(9) })
    end
    assert.equal(before, core.task_count())
  end)
end)

describe("the canonical example", function()
  it("takes exactly a second on the virtual clock", function()
    local client = t.app "routes"
    local started = t.clock.now()
    local answer = client:get "/async/api_aggregated/"
    assert.equal(1, t.clock.now() - started)
    local body = answer:json()
    assert.equal("fetch executed in 1.00 seconds.", body.debug_message)
    for index, response in ipairs(body.responses) do
      assert.same({ message = "Hello World!", task_id = tostring(index - 1) }, response)
    end
    assert.equal(10, #body.responses)
  end)

  it("has a total time where it is given one", function()
    local client = t.app(function(app)
      app:get("/slow", sleeper(5, "late"), { request_timeout_ms = 1000 })
      app:get("/left", function()
        return { left = tg.remaining() or "any" }
      end)
    end)
    assert.equal(504, client:get("/slow").status)
    assert.equal("any", client:get("/left"):json().left)
    assert.equal(0.25, client:get("/left", { headers = { ["X-Request-Timeout-Ms"] = 250 } }):json().left)
    assert.equal(2, tg.fail_after(2, client.get, client, "/left", { forward_deadline = true }):json().left)
    assert.equal(400, client:get("/left", { headers = { ["X-Request-Timeout-Ms"] = "nan" } }).status)
  end)
end)
