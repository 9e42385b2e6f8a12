-- What `tidegate test` says of tests that leave something behind, that cannot end, or that do not let time pass.
local runner = require "tests.support.runner"

local HEAD = [[
local core, t, tg = require "tidegate.core", require "tidegate.testing", require "tidegate"
]]

-- Runs the body of a test, and behind it a test that must not notice.
local function run(body, name)
  return runner.run({
    ["tests/x_spec.lua"] = ('%sit("%s", function()\n%s\nend)\nit("comes behind", function() tg.sleep(1) end)'):format(
      HEAD, name or "leaves", body),
    ["in_thread.lua"] = "local ffi = require 'ffi' ffi.cdef 'int usleep(unsigned);'\n"
      .. "return { sleep = function(us) ffi.C.usleep(us) end }",
  })
end

local function leaves(what, body, name)
  local result = run(body, name)
  assert.same({ 1, 0, 1 }, { runner.counts(result) }, result.out)
  assert.matches(what, result.out)
  assert.equal(1, result.status)
  return result
end

local function passes(body, name)
  local result = run(body, name)
  assert.same({ 2, 0, 0 }, { runner.counts(result) }, result.out)
  assert.equal(0, result.status)
end

describe("A test that leaves behind", function()
  it("a task", function()
    leaves("x_spec.lua:2: the test leaves behind: a task waits in tg.sleep at [^\n]*x_spec.lua:3\n",
      "core.spawn(pcall, function() tg.sleep(1000) end)")
  end)

  it("a background task", function()
    leaves("leaves behind: a background task waits in event:wait at [^\n]*x_spec.lua:3\n",
      "tg.background(function() tg.event():wait() end)")
  end)

  it("the request of a server of its own", function()
    leaves("leaves behind: the request GET /x waits in tg.sleep at [^\n]*x_spec.lua:4;", [[
      local server = core.serve { gone = print, stopped = print, request = function()
        tg.sleep(1000)
      end }
      core.listen_in_memory(server, "left.test", 80)
      tg.move_on_after(1, tg.http.get, "http://left.test/x")
      tg.background(function() pcall(tg.http.get, "http://left.test/x") end)
      tg.sleep(1)]])
  end)

  it("a stream", function()
    leaves("leaves behind: 2 open streams", [[
      local kept = {}
      local listener = core.listen_stream_in_memory("left.test", 80, function(stream) kept[2] = stream end)
      kept[1] = tg.tcp.connect("left.test", 80)
      core.close_stream_listener(listener)
      _G.kept = kept]])
  end)

  it("a listener in memory", function()
    leaves("leaves behind: 1 listener in memory\n", "core.listen_stream_in_memory('left.test', 80, print)")
  end)

  it("a server", function()
    leaves("leaves behind: 1 server\n", "core.serve { request = print, gone = print, stopped = print }")
  end)

  it("a deadline", function()
    leaves("leaves behind: a deadline in 7.00 s\n", "core.deadline(7, { deadline = tg.now() + 7 })")
  end)

  it("a call in a thread", function()
    leaves("leaves behind: 1 call of tg.blocking\n",
      "tg.move_on_after(0.01, tg.blocking, 'in_thread', 'sleep', 1500000)")
  end)

  it("a value that C keeps", function()
    leaves("leaves behind: a pin of the function of [^\n]*x_spec.lua:3\n", [[
      local function pinned() end
      local registry = debug.getregistry()
      registry[#registry + 1] = pinned]])
  end)

  it("something on the real clock", function()
    leaves("leaves behind: a task waits in tg.sleep", "core.spawn(pcall, tg.sleep, 1000)", "leaves #realtime")
  end)

  it("a task where one that was there before has ended", function()
    local result = runner.run { ["tests/x_spec.lua"] = HEAD .. [[
      local gate
      before_each(function()
        gate = tg.event()
        core.spawn_root(pcall, gate.wait, gate)
        tg.sleep(0.01)
      end)
      it("leaves", function()
        gate:set()
        tg.sleep(1)
        core.spawn(pcall, tg.sleep, 1000) -- in the place of the other one
      end)
    ]] }
    assert.same({ 0, 0, 1 }, { runner.counts(result) }, result.out)
  end)
end)

describe("A test leaves nothing behind", function()
  it("that ends with its task, or soon", function()
    passes [[
      coroutine.wrap(function() tg.fail_after(1000, coroutine.yield) end)()
      tg.background(function() for _ = 1, 20 do tg.sleep(0) end end)]]
  end)

  it("that it has closed", function()
    passes [[
      local server = core.serve { request = function() core.respond((core.request_line()), 204) end, gone = print,
        stopped = print }
      core.listen_in_memory(server, "closed.test", 80)
      assert.equal(204, tg.http.get("http://closed.test/").status)
      core.close_server(server)]]
  end)

  it("of what t.app and t.upstream have opened", function()
    passes [[
      t.upstream { address = "http://up.test", routes = { ["GET /"] = "x" } }
      local client = t.app(function(app)
        app:every(1, function() tg.sleep(0.5) end)
        app:get("/", function() return tg.http.get("http://up.test/"):body() end)
      end)
      assert.equal("x", client:get("/"):body())]]
  end)

  it("but a call in a thread that is about to end", function()
    passes "tg.move_on_after(0.001, tg.blocking, 'in_thread', 'sleep', 50000)"
  end)

  it("a clean-up that waits for threads one after the other", function()
    passes "tg.background(function() for _ = 1, 5 do tg.blocking('in_thread', 'sleep', 30000) end end)"
  end)

  it("of its connections to real servers, which are closed", function()
    passes([[
      local server = core.serve { request = function() core.respond((core.request_line()), 204) end, gone = print,
        stopped = print }
      local address = core.listen(server, "127.0.0.1:0")
      assert.equal(204, tg.http.get("http://" .. address .. "/").status)
      assert.equal(1, core.client_statistics().idle)
      core.close_server(server)]], "leaves #realtime")
    local result = runner.run { ["tests/x_spec.lua"] = HEAD .. [[
      local server = core.serve { request = function() core.respond((core.request_line()), 204) end, gone = print,
        stopped = print }
      local address = core.listen(server, "127.0.0.1:0")
      it("opens #realtime", function()
        tg.http.get("http://" .. address .. "/")
        assert.equal(1, core.client_statistics().idle)
      end)
      it("sees none of it", function() assert.equal(0, core.client_statistics().connections) end)
    ]] }
    assert.same({ 2, 0, 0 }, { runner.counts(result) }, result.out)
  end)
end)

describe("A test that waits long beside what beats", function()
  local function beside_a_beat(body)
    passes([[
      local beats, event = 0, tg.event()
      t.app(function(app)
        app:every(0.5, function() beats = beats + 1 end)
        app:every(86400, function() event:set() end, { jitter = 0 })
      end)
      ]] .. body)
  end

  it("passes where it sleeps, has a deadline, or what it waits for comes at last", function()
    beside_a_beat "tg.sleep(150000) assert.is_true(beats > 200000)"
    beside_a_beat "tg.move_on_after(150000, function() tg.event():wait() end)"
    beside_a_beat "event:wait() assert.is_true(beats > 150000)"
    beside_a_beat "tg.background(function() tg.sleep(150000) event = nil end) while event do tg.sleep(1000) end"
  end)
end)

describe("A test that cannot end", function()
  it("because nothing can wake it, fails and names its waits", function()
    leaves("nothing can wake the test: a task waits in event:wait at [^\n]*x_spec.lua:3\n", "tg.event():wait()")
  end)

  it("because two tasks wait for each other, names both and the circle", function()
    local place = "[^\n]*x_spec.lua:"
    leaves("nothing can wake the test: .*; these wait for each other: [^;\n]*x_spec.lua:%d → " .. place .. "%d → "
      .. place .. "%d\n", [[
      tg.scope(function(scope)
        local first, second
        first = scope:spawn(function() tg.sleep(1) second:wait() end)
        second = scope:spawn(function() first:wait() end)
      end)]])
  end)

  it("because tasks wait for each other through a scope, names the circle", function()
    leaves("these wait for each other: [^;\n]*x_spec.lua:%d → [^;\n]*x_spec.lua:%d → [^;\n]*x_spec.lua:%d → "
      .. "[^;\n]*x_spec.lua:%d\n", [[
      tg.scope(function(scope)
        local first, second
        first = scope:spawn(function() tg.sleep(1) second:wait() end)
        second = scope:spawn(function()
          tg.gather { function() first:wait() end, function() tg.sleep(5) end }
        end)
      end)]])
  end)

  -- The beats are looked at right behind a jump of the clock: one waits in tg.sleep, or has just been woken.
  it("because only what beats wakes anything, fails and names its waits", function()
    local result = leaves("nothing wakes the test, while others run again and again: a task waits in event:wait at "
      .. "[^\n]*x_spec.lua:7; a background task ", [[
      t.app(function(app)
        app:every(1, function() end)
        app:every(0.5, function() tg.sleep(0.1) end)
      end)
      tg.event():wait()]])
    local count = 0
    for doing in result.out:gmatch "; a background task ([%l.]+ [%l.]+ [%l.]+) at " do
      assert.is_true(doing == "waits in tg.sleep" or doing == "is always ready", doing)
      count = count + 1
    end
    assert.equal(2, count)
  end)

  it("because a background task beats, which calls the app", function()
    leaves("nothing wakes the test, while others run again and again: a task waits in tg.scope", [[
      local client = t.app(function(app) app:get("/", function() tg.sleep(0.1) end) end)
      tg.background(function()
        while true do
          tg.sleep(1)
          client:get "/"
        end
      end)
      tg.scope(function(scope) scope:spawn(function() tg.event():wait() end) end)]])
  end)

  it("because a task polls for ever, fails and names that task", function()
    leaves("no time can pass in the test: .*million times.*: a task is always ready at [^\n]*x_spec.lua:4\n", [[
      tg.gather { function() tg.sleep(5) end, function()
        while true do tg.sleep(0) end
      end }]])
  end)

  it("because what it has left behind polls for ever", function()
    leaves("leaves behind: a background task is always ready at [^\n]*x_spec.lua:3", [[
      tg.background(function() while true do tg.sleep(0) end end)]])
  end)

  it("even when it is cancelled, ends the run with a message", function()
    local result = run "while true do pcall(tg.sleep, 0) end"
    assert.equal(1, result.status)
    assert.matches("a task is always ready at [^\n]*x_spec.lua:3 %(and it goes on when it is cancelled%)\n$",
      result.err)
  end)
end)
