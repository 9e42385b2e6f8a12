local t = require "tidegate.testing"
local tg = require "tidegate"
local background = require "tidegate.background"
local server = require "tests.support.server"

local TASKS_MAX = 1000

-- An app with one route, GET /, and what else it registers.
local function app_with(handler, register)
  return t.app(function(app)
    app:get("/", handler)
    if register then
      register(app)
    end
  end)
end

describe("tg.background", function()
  it("calls the function with its arguments, after the request has been answered", function()
    local got
    local client = app_with(function()
      tg.background(function(...)
        tg.sleep(60)
        got = { ... }
      end, 1, nil, "three")
      return 202
    end)
    assert.equal(202, client:get("/").status)
    assert.is_nil(got)
    t.clock.advance(60)
    assert.same({ 1, nil, "three" }, got)
  end)

  it("goes on when the client of its request leaves", function()
    local request_ended, ended
    local client = app_with(function()
      tg.background(function()
        tg.sleep(60)
        ended = true
      end)
      local _, err = pcall(tg.sleep, 3600)
      request_ended = err
      error(err, 0)
    end)
    server.logged(function()
      tg.move_on_after(1, client.get, client, "/")
      t.clock.advance(60)
    end)
    assert.equal("the client is gone", request_ended.reason)
    assert.is_true(ended)
  end)

  it("goes on when the scope that started it is cancelled", function()
    local ended
    tg.move_on_after(1, function()
      tg.background(function()
        tg.sleep(5)
        ended = true
      end)
      tg.sleep(60)
    end)
    t.clock.advance(5)
    assert.is_true(ended)
  end)

  it("logs a failure with its traceback and where it was started", function()
    local lines = server.logged(function()
      tg.background(function()
        tg.sleep(1)
        error "boom"
      end)
      t.clock.advance(1)
    end)
    assert.equal(1, #lines)
    assert.equal("error", lines[1].level)
    assert.matches("^the background task of tests/spec/background_spec.lua:%d+ failed: tests/.-:%d+: boom\n",
      lines[1].message)
    assert.matches("stack traceback:\n.*background_spec.lua:%d+: in function", lines[1].message)
  end)

  it("may fail with anything", function()
    local values = { false, {}, print, setmetatable({}, { __tostring = function() error "no" end }) }
    for index = 1, 5 do
      local lines = server.logged(function()
        tg.background(error, values[index])
        t.clock.settle()
      end)
      assert.equal(1, #lines)
    end
    assert.equal(0, background.statistics().running)
  end)

  it("starts no more than it may, and says so with a 503", function()
    local gate = tg.event()
    local client = app_with(function()
      tg.background(gate.wait, gate)
      return 202
    end)
    for _ = 1, TASKS_MAX do
      tg.background(gate.wait, gate)
    end
    local ok, err = pcall(tg.background, gate.wait, gate)
    assert.is_false(ok)
    assert.equal("busy", err.kind)
    assert.equal(503, err.status)
    assert.equal("tg.background: 1000 tasks are running already, which is the limit", err.message)
    server.logged(function()
      local answer = client:get "/"
      assert.equal(503, answer.status)
      assert.equal("too many background tasks are running", answer:json().detail)
    end)
    assert.same({ running = TASKS_MAX, max = TASKS_MAX, periodic = 0 }, background.statistics())
    gate:set()
    t.clock.settle()
    assert.equal(202, client:get("/").status)
    t.clock.settle()
    assert.equal(0, background.statistics().running)
  end)

  it("takes a function", function()
    for _, wrong in ipairs { "text", {}, 5 } do
      local ok, err = pcall(tg.background, wrong)
      assert.is_false(ok)
      assert.matches("tg.background takes a function", err, 1, true)
    end
  end)
end)

-- Runs app:every for `total` seconds, and returns when the function was called, in seconds from the start.
local function calls_of(seconds, options, total, fn)
  local calls, started = {}, t.clock.now()
  t.app(function(app)
    app:every(seconds, function()
      calls[#calls + 1] = t.clock.now() - started
      if fn then
        fn(#calls)
      end
    end, options)
  end)
  t.clock.advance(total)
  return calls
end

describe("app:every", function()
  it("calls the function again and again", function()
    assert.same({ 1, 2, 3, 4, 5 }, calls_of(1, { jitter = 0 }, 5))
  end)

  it("never overlaps itself: the pause begins when the function has returned", function()
    local running, most = 0, 0
    local calls = calls_of(1, { jitter = 0 }, 20, function()
      running = running + 1
      most = math.max(most, running)
      tg.sleep(5)
      running = running - 1
    end)
    assert.equal(1, most)
    assert.same({ 1, 7, 13, 19 }, calls)
  end)

  local function pauses(calls)
    local least, longest, last = math.huge, 0, 0
    for _, at in ipairs(calls) do
      least, longest, last = math.min(least, at - last), math.max(longest, at - last), at
    end
    return least, longest
  end

  it("makes each pause shorter or longer, within the bounds of its jitter", function()
    for jitter, options in pairs { [0.1] = false, [0.5] = { jitter = 0.5 }, [1] = { jitter = 1 } } do
      local least, longest = pauses(calls_of(10, options or nil, 5000))
      assert.is_true(least >= 10 * (1 - jitter) - 1e-6 and longest <= 10 * (1 + jitter) + 1e-6,
        ("%g to %g with %g"):format(least, longest, jitter))
      assert.is_true(longest - least > 10 * jitter, "the pauses differ by too little")
    end
  end)

  it("goes on when the function fails, and logs each failure", function()
    local calls
    local lines = server.logged(function()
      calls = calls_of(1, { jitter = 0 }, 3, function(number)
        error("boom " .. number)
      end)
    end)
    assert.same({ 1, 2, 3 }, calls)
    assert.equal(3, #lines)
    for number, line in ipairs(lines) do
      assert.equal("error", line.level)
      assert.matches("^the background task of tests/spec/background_spec.lua:%d+ failed: .*: boom " .. number,
        line.message)
    end
  end)

  it("goes on when a deadline of its own passes", function()
    local calls
    local lines = server.logged(function()
      calls = calls_of(1, { jitter = 0 }, 6, function()
        tg.fail_after(1, tg.sleep, 60)
      end)
    end)
    assert.same({ 1, 3, 5 }, calls)
    assert.equal(3, #lines)
  end)

  it("is counted while it runs", function()
    calls_of(1, nil, 1)
    assert.equal(1, background.statistics().periodic)
    t.close()
    t.clock.settle()
    assert.same({ running = 0, max = TASKS_MAX, periodic = 0 }, background.statistics())
  end)

  it("takes a span of time, a function, and a jitter from 0 to 1", function()
    for _, wrong in ipairs { { 0, print }, { -1, print }, { "1", print }, { 1, "x" }, { 0 / 0, print },
      { math.huge, print }, { 1e10, print }, { 1, print, { jitter = 2 } }, { 1, print, { jitter = "x" } },
      { 1, print, { jiter = 0 } }, { 1, print, 5 } } do
      local ok, err = pcall(t.app, function(app)
        app:every(unpack(wrong))
      end)
      assert.is_false(ok, tostring(wrong[1]))
      assert.matches("background_spec.lua:%d+: app:every", err)
    end
  end)
end)
