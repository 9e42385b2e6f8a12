-- What fails in a test where nobody hears of it: it fails that test, by its name and with the task's traceback, unless
-- the test takes it with t.failures().
local runner = require "tests.support.runner"

local HEAD = [[
local t, tg = require "tidegate.testing", require "tidegate"
local function nap() tg.sleep(1000) end
local function fail() assert.equal("right", "wrong") end
local function route(fn) return t.app(function(app) app:get("/x", fn) end) end
]]

-- [what fails] = {the body of a test, how often it fails where that is not once}
local KINDS = {
  ["a background task"] = { "tg.background(fail)" },
  ["a background task, later"] = { "tg.background(function() tg.sleep(1) fail() end) tg.sleep(2)" },
  ["a background task of a background task"] = { "tg.background(function() tg.background(fail) end)" },
  ["a child of a background task"] = { "tg.background(function() tg.gather { function() tg.sleep(1) fail() end, nap } "
    .. "end) tg.sleep(2)" },
  ["a background task of a route"] = { "route(function() tg.background(fail) return 'x' end):get '/x'" },
  ["a handler that is answered with 500"] = {
    "assert.equal(500, route(function() fail() return 1 end):get('/x').status)" },
  ["a child of a handler"] = { "route(function() tg.gather { fail, nap } return 1 end):get '/x'" },
  ["an answer in pieces"] = { "pcall(function() return route(function() return tg.response { body = function(write) "
    .. "write 'x' fail() end } end):get('/x'):body() end)" },
  ["a middleware"] = { "t.app(function(app) app:use(fail) app:get('/x', function() return 1 end) end):get '/x'" },
  ["app:on_error"] = {
    "t.app(function(app) app:on_error(fail) app:get('/x', function() tg.abort(404) end) end):get '/x'" },
  ["app:after"] = {
    "t.app(function(app) app:after(fail) app:get('/x', function() return 'x' end) end):get '/x'" },
  ["app:every"] = { "t.app(function(app) app:every(10, fail, { jitter = 0 }) end) tg.sleep(25)", 2 },
  ["what was deferred"] = { "route(function() tg.defer(fail) return 'x' end):get '/x'" },
  ["the clean-up of a task that is cancelled"] = {
    "tg.move_on_after(1, tg.gather, { function() pcall(nap) fail() end, nap })" },
  ["a shielded clean-up"] = {
    "tg.move_on_after(1, tg.gather, { function() pcall(nap) tg.shield(function() tg.sleep(1) fail() end) end })" },
  ["the clean-up beside a failure"] = {
    "pcall(tg.gather, { function() pcall(nap) fail() end, function() tg.sleep(1) error 'first' end })" },
  ["the clean-up of a loser"] = { "tg.race { function() pcall(nap) fail() end, function() tg.sleep(1) return 1 end }" },
  ["one of a race"] = { "tg.race { fail, function() tg.sleep(1) return 1 end }" },
  ["a handler whose client is gone"] = { "local app = route(function() pcall(nap) fail() end) "
    .. "tg.move_on_after(1, app.get, app, '/x') tg.sleep(1)" },
  ["a task of a coroutine that is dropped"] = { "tg.gather { function() local co = coroutine.create(function() "
    .. "tg.scope(function(scope) scope:spawn(function() pcall(nap) fail() end) coroutine.yield() end) end) "
    .. "coroutine.resume(co) tg.sleep(1) end }" },
}

local function result_of(files, ...)
  for name, text in pairs(files) do
    files[name] = HEAD .. text
  end
  return runner.run(files, ...)
end

local function test_of(body)
  return ('it("before", print)\nit("that one", function()\n%s\nend)\nit("behind", function() tg.sleep(1) end)'):format(
    body)
end

describe("A failed assertion fails its test, in", function()
  for what, case in pairs(KINDS) do
    it(what, function()
      local result = result_of { ["tests/x_spec.lua"] = test_of(case[1]) }
      assert.same({ 2, 1, 0 }, { runner.counts(result) }, result.out)
      assert.equal(1, result.status)
      assert.matches("Failure %-> tests/x_spec.lua @ 6\nthat one\ntests/x_spec.lua:3: Expected objects to be equal",
        result.out)
      assert.matches("stack traceback:\n%s*tests/x_spec.lua:3: in function", result.out)
    end)

    it(what .. ", which may take it", function()
      local body = ([[
        %s
        local list = t.failures()
        assert.equal(%d, #list)
        assert.matches('Expected objects', list[1].message)
        assert.same({}, t.failures())]]):format(case[1], case[2] or 1)
      local result = result_of { ["tests/x_spec.lua"] = test_of(body) }
      assert.same({ 3, 0, 0 }, { runner.counts(result) }, result.out)
    end)
  end

  it("a hook, a setup and a teardown", function()
    for hook, name in pairs { before_each = "s that one", after_each = "s that one", setup = "s setup",
      teardown = "s teardown", lazy_setup = "s lazy_setup" } do
      local result = result_of { ["tests/x_spec.lua"] = ([[
        describe("s", function()
          %s(function() tg.background(fail) end)
          it("that one", function() end)
        end)]]):format(hook) }
      assert.equal(1, result.status)
      assert.matches("\n" .. name .. "\ntests/x_spec.lua:3: Expected objects to be equal", result.out, nil, hook)
    end
  end)
end)

describe("Any error fails its test", function()
  it("with its text, and once where it comes again and again", function()
    local result = result_of { ["tests/x_spec.lua"] = test_of(
      "t.app(function(app) app:every(1, function() error 'boom' end) end) tg.sleep(100)") }
    assert.same({ 2, 0, 1 }, { runner.counts(result) }, result.out)
    assert.matches("that one\ntests/x_spec.lua:7: boom\nin the background task of tests/x_spec.lua:7 (a test that "
      .. "expects this failure takes it with t.failures())\nstack traceback:\n", result.out, 1, true)
    assert.matches("\nand 9%d more\n", result.out)
  end)

  it("but not what its caller hears of, or what may fail", function()
    local result = result_of { ["tests/x_spec.lua"] = test_of [[
      local app = route(function() error "boom" end)
      assert.equal(500, app:get("/x").status)
      pcall(tg.gather, { error, nap })
      tg.race { error, function() tg.sleep(1) return 1 end }
      tg.gather({ error }, { on_error = "collect" })
      for _, name in ipairs { "a", "b" } do
        t.upstream { address = "http://" .. name .. ".test", failure = "refused" }
      end
      app = route(function() return tg.map({ "http://a.test", "http://b.test" }, tg.http.get) end)
      assert.equal(502, app:get("/x").status)
      tg.move_on_after(1, app.get, app, "/x")]] }
    assert.same({ 3, 0, 0 }, { runner.counts(result) }, result.out)
  end)

  it("beside what the test itself fails with", function()
    local result = result_of { ["tests/x_spec.lua"] = test_of "tg.background(error, 'beside') tg.sleep(1) error 'own'" }
    assert.matches("x_spec.lua:7: own", result.out, 1, true)
    assert.matches("beside\nin the background task of tests/x_spec.lua:7 ", result.out, 1, true)
  end)

  it("that comes when what a setup has started fails behind all tests", function()
    local result = result_of { ["tests/x_spec.lua"] = [[
      local event = tg.event()
      setup(function() tg.background(function() event:wait() error "late" end) end)
      it("fine", function() end)
      teardown(function() event:set() end)]] }
    assert.equal(1, result.status)
    assert.matches("late", result.out, 1, true)
  end)

  it("that could not go on, whoever catches what has ended it", function()
    local waits = "pcall(function() tg.event():wait() end)"
    for _, body in ipairs { waits, "pcall(nap) " .. waits } do
      local result = result_of { ["tests/x_spec.lua"] = test_of(body) }
      assert.matches("that one\n", result.out, 1, true)
      assert.equal(1, result.status, body)
    end
  end)

  it("but not that of a setup which has failed itself", function()
    local result = result_of { ["tests/x_spec.lua"] = [[
      describe("broken", function()
        setup(function() tg.background(function() error "from the setup" end) error "of the setup" end)
        it("is not run", function() end)
      end)
      describe("another", function() it("is fine", function() end) end)]] }
    assert.matches("of the setup", result.out, 1, true)
    assert.same({ 1, 0, 1 }, { runner.counts(result) }, result.out)
  end)

  it("in what an upstream of a test does, its answers too", function()
    for body, text in pairs {
      ["'GET /x'] = function() fail() end"] = "Expected objects to be equal",
      ["'GET /x'] = function() error 'boom' end"] = "boom",
      ["'GET /x'] = { f = print }"] = "cannot encode as JSON",
    } do
      local result = result_of { ["tests/x_spec.lua"] = test_of(
        ("t.upstream { address = 'http://up.test', routes = { [%s } } "):format(body)
          .. "pcall(tg.http.get, 'http://up.test/x')") }
      assert.equal(1, result.status)
      assert.matches("that one\n[^\n]*" .. text, result.out, nil, text)
    end
  end)
end)
