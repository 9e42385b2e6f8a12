local core = require "tidegate.core"
local t = require "tidegate.testing"
local tg = require "tidegate"
local tree = require "tidegate.tree"

-- The tree, as a task of its own sees it.
local function render()
  local text
  core.spawn_root(function()
    text = tree.render()
  end)
  t.clock.settle()
  return text
end

-- The part of the tree below a line that matches, without what changes from run to run.
local function part(pattern)
  local found
  for line in render():gmatch "[^\n]+" do
    if line:find(pattern) then
      found = {}
    end
    if found and #found > 0 and not line:find "^[ │├└]" then
      break
    elseif found then
      found[#found + 1] = line:gsub("request [%x-]+", "request …"):gsub("tests/spec/tree_spec.lua", "here")
    end
  end
  return found and table.concat(found, "\n")
end

local function line_here()
  return debug.getinfo(2, "l").currentline
end

-- Calls `look` while a client asks an app for GET /x, and then gives the client up.
local function while_asking(handler, look, seconds)
  local client = t.app(function(app)
    app:get("/x", handler)
  end)
  tg.scope(function(scope)
    scope:spawn(function()
      client:get "/x"
    end)
    t.clock.advance(seconds or 0)
    look()
    scope:cancel()
  end)
  t.clock.settle()
end

describe("The tree of tasks", function()
  it("shows a request, its children, and of each what it waits on, for how long, its deadline and line", function()
    local first = line_here() + 2
    while_asking(function()
      tg.fail_after(60, function()
        tg.gather {
          function()
            tg.sleep(100)
          end,
          function()
            tg.sleep(1)
            tg.fail_after(10, function()
              tg.map({ 1 }, function()
                tg.event():wait()
              end)
            end)
          end,
        }
      end)
    end, function()
      assert.equal(([[
GET /x (request …), waits on tg.gather for 2.50 s, deadline in 57.50 s, at here:%d
├─ child, waits on tg.sleep for 2.50 s, deadline in 57.50 s, at here:%d
└─ child, waits on tg.map for 1.50 s, deadline in 8.50 s, at here:%d
   └─ child, waits on event:wait for 1.50 s, deadline in 8.50 s, at here:%d]]):format(first + 1, first + 3, first + 8,
        first + 9), part "^GET /x")
    end, 2.5)
  end)

  it("shows background tasks by themselves", function()
    local gate, line = tg.event(), nil
    tg.background(function()
      line = line_here() + 1
      gate:wait()
    end)
    t.clock.advance(3)
    assert.equal(("background, waits on event:wait for 3.00 s, at here:%d"):format(line),
      part("^background.*:" .. line .. "$"))
    gate:set()
  end)

  it("shows what is ready, and leaves out who asks", function()
    local seen
    local asking = core.spawn_root(function()
      seen = tree.render()
    end)
    assert.matches("running", core.task_info(core.current()).state)
    assert.equal("ready", core.task_info(asking).state)
    t.clock.settle()
    assert.not_matches("running", seen)
  end)

  it("is no longer there when the request has ended", function()
    while_asking(function()
      tg.sleep(1)
    end, function()
      assert.is_nil(part "^GET /x")
    end, 1)
  end)

  it("shows children below the task that waits for them, where a coroutine has gone from task to task", function()
    tg.scope(function(scope)
      local generator
      scope:spawn(function()
        generator = coroutine.wrap(function()
          tg.scope(function(inner)
            inner:spawn(tg.sleep, 50)
            coroutine.yield()
          end)
        end)
        generator()
        tg.sleep(10)
      end)
      t.clock.settle()
      scope:spawn(generator)
      t.clock.advance(20)
      local text = render()
      assert.matches("─ child, waits on tg.scope for 20%.00 s[^\n]*\n[│ ]*└─ child, waits on tg.sleep for 20%.00 s",
        text)
    end)
  end)
end)

describe("A wait has a name in the tree:", function()
  local function waits(name, fn)
    it(name, function()
      tg.scope(function(scope)
        local waiting
        local handle = scope:spawn(function()
          waiting = core.current()
          fn()
        end)
        t.clock.settle()
        assert.equal(name, core.task_info(waiting).waits_on)
        assert.matches("waits on " .. name .. " for 0.00 s", render(), 1, true)
        assert.matches("^tests/spec/tree_spec.lua:%d+$", core.task_info(waiting).place)
        handle:cancel()
      end)
    end)
  end

  -- Both ends of a connection in memory.
  local function connected()
    local other
    local listener = core.listen_stream_in_memory("pair.test", 80, function(stream)
      other = stream
    end)
    local own = tg.tcp.connect("pair.test", 80)
    while not other do
      tg.sleep(0)
    end
    core.close_stream_listener(listener)
    return own, other
  end

  local function within_stream(fn)
    local own, other = connected()
    local ok, err = pcall(fn, own, other)
    own:close()
    other:close()
    if not ok then
      error(err, 0)
    end
  end

  local function forever()
    tg.sleep(1000)
  end

  waits("tg.sleep", function()
    tg.sleep(1)
  end)
  waits("tg.gather", function()
    tg.gather { forever }
  end)
  waits("tg.map", function()
    tg.map({ 1 }, forever)
  end)
  waits("tg.race", function()
    tg.race { forever }
  end)
  waits("tg.scope", function()
    tg.scope(function(scope)
      scope:spawn(forever)
    end)
  end)
  waits("handle:wait", function()
    tg.scope(function(scope)
      scope:spawn(forever):wait()
    end)
  end)
  waits("event:wait", function()
    tg.event():wait()
  end)
  waits("lock:acquire", function()
    local lock = tg.lock()
    tg.gather { function()
      lock:acquire()
    end }
    lock:acquire()
  end)
  waits("semaphore:acquire", function()
    local permits = tg.semaphore(1)
    permits:acquire()
    permits:acquire()
  end)
  waits("channel:send", function()
    tg.channel(0):send(1)
  end)
  waits("channel:receive", function()
    tg.channel(0):receive()
  end)
  waits("tg.http", function()
    t.upstream { address = "http://up.test", failure = "silence" }
    tg.http.get "http://up.test/"
  end)
  waits("stream:read", function()
    within_stream(function(own)
      own:read()
    end)
  end)
end)
