-- Blocking calls. They run in threads, so the clock is the real one; nothing here measures time.
local blocking_watch = require "tidegate.blocking_watch"
local core = require "tidegate.core"
local errors = require "tidegate.errors"
local task = require "tidegate.task"
local tg = require "tidegate"
local folder = require "tests.support.folder"
local wait = require "tests.support.wait"

local MODULE = "tests.support.in_thread"
local THREADS_MAX, QUEUE_MAX = 4, 1000

local function call(name, ...)
  return tg.blocking(MODULE, name, ...)
end

local function error_of(fn, ...)
  local ok, err = pcall(fn, ...)
  assert.is_false(ok)
  return err
end

local function statistics()
  return core.blocking_statistics()
end

local function wait_until(field, number)
  wait.until_true(("%s is %d"):format(field, number), function()
    return statistics()[field] == number
  end)
end

local function line_here()
  return "blocking_spec.lua:" .. debug.getinfo(2, "l").currentline .. ": "
end

describe("class 20: a blocking call #realtime", function()
  it("that runs out of stack in functions that C calls back fails alone", function()
    assert.matches("stack overflow", tostring(error_of(call, "recurse")), 1, true)
    assert.equal(1, (call("count", "x")))
  end)
end)

describe("what goes into a blocking call and comes out #realtime", function()
  local values = {
    ["true"] = true,
    ["false"] = false,
    zero = 0,
    ["a fraction"] = 1.5,
    ["a large number"] = 2 ^ 53,
    infinity = math.huge,
    ["an empty string"] = "",
    ["a string of bytes"] = "a\0\255\r\n",
    ["a long string"] = ("x"):rep(5000000),
    null = tg.null,
    ["an empty table"] = {},
    ["a list"] = { 1, 2, 3 },
    ["a table of tables"] = { name = "Ada", tags = { "a", "b", { deep = { deeper = tg.null } } } },
    ["keys of all kinds"] = { [1] = "one", [1.5] = "a fraction", [true] = "true", [""] = "empty", ["a b"] = { 1 } },
  }

  for name, value in pairs(values) do
    it("is the same: " .. name, function()
      local count, back = call("count", value)
      assert.equal(1, count)
      assert.same(value, back)
    end)
  end

  it("is the same: nil, wherever it stands", function()
    assert.equal(0, (call "count"))
    assert.equal(0, select("#", call "echo"))
    assert.equal(3, select("#", call("echo", nil, 1, nil)))
    assert.same({ "nil", "number", "nil" }, call("types", nil, 1, nil))
  end)

  it("is the same: what is no number, and the zero below zero", function()
    local nan, zero = call("echo", 0 / 0, -0.0)
    assert.is_true(nan ~= nan)
    assert.equal(-math.huge, 1 / zero)
  end)

  it("is the same: two hundred values", function()
    local results = { call("echo", unpack(tg.range(1, 200))) }
    assert.same(tg.range(1, 200), results)
  end)

  it("is the same: a hundred tables in one another", function()
    local nest = {}
    for _ = 2, 100 do
      nest = { nest }
    end
    assert.same(nest, (call("echo", nest)))
  end)

  it("is null on the other side too, and cjson is there", function()
    assert.is_true(call("is_null", tg.null))
    assert.equal('{"a":[1,null]}', call("json", { a = { 1, tg.null } }))
  end)

  it("is a copy", function()
    local list = { "as it was" }
    local changed, again = call("echo", list, list)
    assert.is_false(rawequal(changed, again))
    assert.same({ "changed" }, call("change", list))
    assert.same({ "as it was" }, list)
  end)
end)

describe("an argument of a blocking call that is no plain data", function()
  local circle = {}
  circle.circle = circle

  local doubled = {}
  for _ = 1, 99 do
    doubled = { doubled, doubled }
  end

  local bad = {
    { print, "argument 2 is a function" },
    { { a = { 1, print } }, "argument 2.a[2] is a function" },
    { { ["a b"] = { [true] = io.stdout } }, 'argument 2["a b"][true] is a userdata' },
    { coroutine.create(print), "argument 2 is a thread" },
    { 5LL, "argument 2 is a cdata" },
    { setmetatable({}, {}), "argument 2 is a table with a metatable" },
    { { tg.json.raw "[]" }, "argument 2[1] is a table with a metatable" },
    { { [print] = 1 }, "argument 2 is a table with a function for a key" },
    { circle, "argument 2 is a nest of more than 100 tables, or tables in a circle" },
    { doubled, "argument 2 is more than 1000000 tables" },
  }

  for _, case in ipairs(bad) do
    it("is an error at the call: " .. case[2], function()
      local err = error_of(call, "echo", "fine", case[1]):gsub(", which would be lost", "")
      assert.matches("tg.blocking: " .. case[2] .. "; only plain data can be handed to a thread", err, 1, true)
    end)
  end

  it("is blamed on the line of the call", function()
    local place
    local err = error_of(function()
      place = line_here() tg.blocking(MODULE, "echo", print)
      return nil
    end)
    assert.matches(place .. "tg.blocking: argument 1 is a function", err, 1, true)
  end)

  it("is a bad name", function()
    for _, names in ipairs { {}, { 1, "echo" }, { MODULE }, { MODULE, print } } do
      local err = error_of(function()
        tg.blocking(names[1], names[2])
      end)
      assert.matches("tg.blocking takes the name of a module, the name of a function in it, and the arguments", err, 1,
        true)
    end
  end)
end)

describe("an error in a blocking call #realtime", function()
  it("is raised here with the place where it was raised there", function()
    assert.matches("^%./tests/support/in_thread.lua:%d+: no good$", error_of(call, "fail", "no good"))
  end)

  it("is raised here as it is: a text without a place, a number, a table, nil", function()
    assert.equal("plain", error_of(call, "fail_with", "plain"))
    assert.equal(5, error_of(call, "fail_with", 5))
    assert.same({ code = 5, list = { "a" } }, error_of(call, "fail_with", { code = 5, list = { "a" } }))
    assert.is_nil(error_of(call, "fail_with", nil))
  end)

  it("is a text where it is no plain data", function()
    assert.equal("an object", error_of(call, "fail_with_object"))
    assert.matches("^function: builtin", error_of(call, "fail_with_function"))
  end)

  it("has a traceback of both sides", function()
    local function wait_for_it()
      call("fail_deep", "no good")
      return nil
    end
    assert.is_false(xpcall(wait_for_it, task.note_trace))
    local trace = task.trace()
    local raised = trace:find("in_thread.lua:%d+: in function 'inner'")
    local called = trace:find("in_thread.lua:%d+: in function <", raised)
    local joint = trace:find("\nin a thread, waited for by\n", 1, true)
    local waited = trace:find("blocking_spec.lua:%d+:", joint)
    assert.is_true(raised < called and called < joint and joint < waited)
    assert.not_matches("tidegate%.", trace)
    assert.not_matches("[C]: at", trace, 1, true)
  end)

  it("is a full stack", function()
    assert.matches("stack overflow", error_of(call, "overflow"), 1, true)
    assert.equal(1, call("echo", 1))
  end)

  it("is a result that is no plain data, blamed on the line of the call", function()
    local results = {
      give_function = "result 2.list[1] of tests.support.in_thread.give_function is a function",
      give_circle = "is a nest of more than 100 tables, or tables in a circle",
      give_file = "result 1 of tests.support.in_thread.give_file is a userdata",
    }
    for name, message in pairs(results) do
      local place
      local err = error_of(function()
        place = line_here() tg.blocking(MODULE, name)
        return nil
      end)
      assert.matches(message .. "; only plain data comes back from a thread", err, 1, true)
      assert.matches(place, err, 1, true)
    end
  end)

  it("is a module of the gateway, which has no loop there", function()
    for _ = 1, 2 do
      for _, name in ipairs { "tidegate", "tidegate.http", "tidegate.core", "tidegate.task" } do
        local err = error_of(call, "require", name)
        local message = 'require "' .. name .. '": what tg.blocking calls runs in a thread that has no loop'
        assert.matches(message, err, 1, true)
        assert.matches("^%./tests/support/in_thread.lua:%d+: ", err)
      end
    end
  end)

  it("is an exit of the process, and a coroutine.yield", function()
    assert.matches("in_thread.lua:%d+: os.exit in a blocking call would end the whole gateway", error_of(call, "exit"))
    assert.matches("coroutine.yield outside a coroutine of your own", error_of(call, "yield"), 1, true)
  end)
end)

describe("the module of a blocking call #realtime", function()
  local files, path

  before_each(function()
    files, path = folder.new(), package.path
    package.path = files.path .. "/?.lua;" .. path
  end)

  after_each(function()
    package.path = path
    files:remove()
  end)

  it("is loaded once in each thread", function()
    local counts, calls = {}, 0
    for _ = 1, 20 do
      local identity, count = call "identify"
      counts[identity] = math.max(counts[identity] or 0, count)
    end
    local states = 0
    for _, count in pairs(counts) do
      states, calls = states + 1, calls + count
    end
    assert.equal(20, calls)
    assert.is_true(states <= THREADS_MAX)
  end)

  it("shares nothing with the gateway's state", function()
    call("set_global", "there")
    assert.is_nil(rawget(_G, "a_global_of_specs"))
    rawset(_G, "a_global_of_specs", "here")
    assert.not_equal("here", (call "get_global"))
    rawset(_G, "a_global_of_specs", nil)
  end)

  it("is looked for where the gateway looks, also after that has changed", function()
    files:write("found.lua", "return { where = function() return 'first' end }")
    assert.equal("first", tg.blocking("found", "where"))
    local others = folder.new { ["found.lua"] = "return { where = function() return 'second' end }" }
    package.path = others.path .. "/?.lua;" .. package.path
    assert.equal("second", tg.blocking("found", "where"))
    others:remove()
  end)

  it("is not there: that is blamed on the line of the call", function()
    local place
    local err = error_of(function()
      place = line_here() tg.blocking("no.such.module", "f")
      return nil
    end)
    assert.matches(place .. "tg.blocking: module 'no.such.module' not found:\n", err, 1, true)
    assert.matches(files.path .. "/no/such/module.lua", err, 1, true)
  end)

  it("has no such function, or returns no table", function()
    files:write("number.lua", "return 5")
    assert.matches("tg.blocking: the module '" .. MODULE .. "' has no function 'nothing'", error_of(call, "nothing"), 1,
      true)
    assert.matches("has no function 'no_function'", error_of(call, "no_function"), 1, true)
    local err = error_of(tg.blocking, "number", "f")
    assert.matches("tg.blocking: the module 'number' returns a number, not a table of functions", err, 1, true)
  end)

  it("fails to load, each time, until it is mended", function()
    files:write("broken.lua", "local nothing = nil\nreturn nothing.field")
    for _ = 1, THREADS_MAX + 1 do
      assert.matches("broken.lua:2: attempt to index", error_of(tg.blocking, "broken", "f"), 1, true)
    end
    files:write("broken.lua", "return nothing nothing")
    assert.matches("broken.lua:1: ", error_of(tg.blocking, "broken", "f"), 1, true)
    files:write("broken.lua", "local too = require 'missing.too'\nreturn too")
    assert.matches("broken.lua:1: module 'missing.too' not found", error_of(tg.blocking, "broken", "f"), 1, true)
    files:write("broken.lua", "return { f = function() return 'mended' end }")
    assert.equal("mended", tg.blocking("broken", "f"))
  end)

  it("spoils its state for no later call", function()
    files:write("spoils.lua", [[
      local spoils = {}
      function spoils.hook() debug.sethook(function() error "a hook" end, "", 1) end
      function spoils.globals() for name in pairs(_G) do _G[name] = nil end end
      function spoils.nothing() return "fine" end
      return spoils
    ]])
    for _, name in ipairs { "hook", "globals" } do
      pcall(tg.blocking, "spoils", name)
      for _ = 1, 2 * THREADS_MAX do
        pcall(tg.blocking, "spoils", "nothing") -- the first one in that state may find out
      end
      for _ = 1, 2 * THREADS_MAX do
        assert.equal("fine", tg.blocking("spoils", "nothing"))
      end
    end
  end)

  it("may raise what __tostring makes no text of", function()
    files:write("odd.lua", [[
      return { fail = function() error(setmetatable({}, { __tostring = function() return {} end })) end }
    ]])
    assert.equal("an error that is a table", error_of(tg.blocking, "odd", "fail"))
  end)

  it("may be one whose functions are found by a metatable", function()
    files:write("lazy.lua", [[
return setmetatable({}, { __index = function(_, name)
  if name == "bad" then error("no such thing", 0) end
  return function() return name end
end })]])
    assert.equal("f", tg.blocking("lazy", "f"))
    assert.equal("no such thing", error_of(tg.blocking, "lazy", "bad"))
  end)
end)

describe("blocking calls #realtime", function()
  local files, gate

  before_each(function()
    files = folder.new()
    gate = files:file "gate"
  end)

  after_each(function()
    files:write("gate", "")
    wait_until("running", 0)
    files:remove()
  end)

  local function open_gate()
    files:write("gate", "")
  end

  local function exists(name)
    local file = io.open(files:file(name))
    return file ~= nil and file:close()
  end

  -- Fills every thread with a call that waits for the gate.
  local function fill(scope)
    for _ = 1, THREADS_MAX do
      scope:spawn(call, "wait", gate)
    end
    wait_until("running", THREADS_MAX)
  end

  it("run at once, ten over four threads, while the loop goes on", function()
    local turns = 0
    local results = tg.gather {
      calls = function()
        return tg.map(tg.range(1, 10), function(number)
          return call("wait", gate, number)
        end)
      end,
      loop = function()
        wait_until("queued", 10 - THREADS_MAX)
        for _ = 1, 1000 do
          tg.sleep(0)
          turns = turns + 1
        end
        local now = statistics()
        assert.equal(THREADS_MAX, now.threads)
        assert.equal(THREADS_MAX, now.running)
        assert.equal(10 - THREADS_MAX, now.queued)
        open_gate()
      end,
    }
    assert.same(tg.range(1, 10), results.calls)
    assert.equal(1000, turns)
    assert.same({ threads = THREADS_MAX, threads_max = THREADS_MAX, running = 0, queued = 0, queue_max = QUEUE_MAX },
      statistics())
  end)

  it("come and go by the thousand", function()
    local sum = 0
    for _, value in ipairs(tg.map(tg.range(1, 1000), function(number)
      return (call("echo", number))
    end)) do
      sum = sum + value
    end
    assert.equal(500500, sum)
  end)

  it("are refused when all threads are busy and the queue is full", function()
    tg.scope(function(scope)
      for _ = 1, THREADS_MAX + QUEUE_MAX do
        scope:spawn(call, "wait", gate)
      end
      wait_until("queued", QUEUE_MAX)
      local err = error_of(call, "echo", 1)
      assert.is_true(errors.is_error(err))
      assert.equal("busy", err.kind)
      assert.equal("tg.blocking: 4 calls are running and 1000 are waiting, which is the limit", err.message)
      local status, detail = errors.describe(err)
      assert.equal(503, status)
      assert.equal("too many blocking calls are under way", detail)
      open_gate()
    end)
    assert.equal(1, call("echo", 1))
  end)

  it("are taken off the queue when they are cancelled", function()
    tg.scope(function(scope)
      fill(scope)
      local err = error_of(tg.gather, {
        function()
          call("touch", files:file "has_run")
        end,
        function()
          wait_until("queued", 1)
          error("the sibling", 0)
        end,
      })
      assert.equal("the sibling", err)
      assert.equal(0, statistics().queued)
      open_gate()
    end)
    wait_until("running", 0)
    assert.is_falsy(exists "has_run")
  end)

  it("go on unheard when they are cancelled while they run", function()
    local reason
    local err = error_of(tg.gather, {
      function()
        local _, why = pcall(call, "wait", gate, "dropped", files:file "started")
        reason = why
        error(why, 0)
      end,
      function()
        wait.until_true("it runs", function()
          return exists "started"
        end)
        error("the sibling", 0)
      end,
    })
    assert.equal("the sibling", err)
    assert.is_true(task.is_cancellation(reason))
    assert.equal(1, statistics().running)
    open_gate()
    wait_until("running", 0)
    assert.equal("heard", (call("echo", "heard")))
  end)

  it("are cancelled between their end and its being heard", function()
    for round = 1, 200 do
      tg.scope(function(scope)
        for number = 1, 5 do
          scope:spawn(call, "echo", number)
        end
        for _ = 1, round % 7 do
          tg.sleep(0)
        end
        scope:cancel()
      end)
    end
    assert.equal("heard", (call("echo", "heard")))
  end)

  it("do not begin in a task that is cancelled already", function()
    local reason
    tg.scope(function(scope)
      scope:cancel()
      scope:spawn(function()
        pcall(tg.sleep, 0)
        local _, why = pcall(call, "touch", files:file "has_run")
        reason = why
        error(why, 0)
      end)
    end)
    assert.is_true(task.is_cancellation(reason))
    call "echo"
    assert.is_falsy(exists "has_run")
  end)

  it("end with a deadline", function()
    assert.is_nil((tg.move_on_after(0.005, call, "wait", gate, "late")))
    assert.equal("deadline", error_of(tg.fail_after, 0.005, call, "wait", gate, "late").kind)
    open_gate()
    assert.equal("in time", (tg.fail_after(20, call, "wait", gate, "in time")))
  end)

  it("wait inside coroutines of the user, and nowhere that nothing can wait", function()
    local values = coroutine.wrap(function()
      for number = 1, 3 do
        coroutine.yield((call("echo", number)))
      end
    end)
    assert.same({ 1, 2, 3 }, { values(), values(), values() })
    local err = error_of(table.sort, { 2, 1 }, function(a, b)
      return call("echo", a < b)
    end)
    assert.matches("tg.blocking waits, and nothing can wait inside a function that C code calls back", err, 1, true)
  end)
end)

describe("a blocking call on a virtual clock", function()
  it("keeps the clock from jumping to a deadline", function()
    local files = folder.new()
    local started = tg.now()
    local results = tg.gather {
      call = function()
        return (tg.fail_after(3600, call, "wait", files:file "gate", "in time"))
      end,
      gate = function()
        tg.sleep(0.001)
        files:write("gate", "")
      end,
    }
    assert.equal("in time", results.call)
    assert.is_true(tg.now() - started < 60)
    files:remove()
  end)

  it("leaves the clock alone once nobody waits for it", function()
    local files = folder.new()
    local started = tg.now()
    assert.is_nil((tg.move_on_after(0.001, call, "wait", files:file "gate")))
    tg.sleep(3600)
    assert.is_true(tg.now() - started >= 3600)
    files:write("gate", "")
    while statistics().running > 0 do
      tg.sleep(0)
    end
    files:remove()
  end)
end)

describe("the watch over blocking calls", function()
  it("passes on what a call has returned whose end it has seen before", function()
    assert.same({ "failed", 1 }, { blocking_watch.ended(123456789, "failed", 1) })
    assert.same({ n = 2, nil, 2 }, { n = 2, blocking_watch.ended(123456789, nil, 2) })
  end)
end)
