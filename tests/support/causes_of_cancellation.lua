-- Every way in which what a task does is cancelled, for specs of what becomes of it.
--
-- Each has a name, the reason that its cancellation gives, and apply(fn, reached), which runs fn() and cancels it.
-- Where the cause is no deadline, reached() has returned before that. fn must raise the cancellation on.
local core = require "tidegate.core"
local t = require "tidegate.testing"
local task = require "tidegate.task"
local tg = require "tidegate"
local server = require "tests.support.server"

local assert = require "luassert"

local DEADLINE_SECONDS = 0.05

local causes = {}

local function add(name, reason, apply)
  causes[#causes + 1] = { name = name, reason = reason, apply = apply }
end

add("move_on_after", "the deadline passed", function(fn)
  assert.equal(0, select("#", tg.move_on_after(DEADLINE_SECONDS, fn)))
end)

add("fail_after", "the deadline passed", function(fn)
  local ok, err = pcall(tg.fail_after, DEADLINE_SECONDS, fn)
  assert.is_false(ok)
  assert.equal("deadline", err.kind)
end)

add("a deadline around a gather", "the deadline passed", function(fn)
  assert.equal(0, select("#", tg.move_on_after(DEADLINE_SECONDS, tg.gather, { fn })))
end)

add("a sibling that fails", "a sibling failed", function(fn, reached)
  local ok, err = pcall(tg.gather, { fn, function()
    reached()
    error("boom", 0)
  end })
  assert.is_false(ok)
  assert.equal("boom", err)
end)

add("a sibling that is enough", "a sibling was enough", function(fn, reached)
  assert.equal("enough", tg.race { fn, function()
    reached()
    return "enough"
  end })
end)

add("handle:cancel", "its handle was cancelled", function(fn, reached)
  tg.scope(function(scope)
    local handle = scope:spawn(fn)
    reached()
    handle:cancel()
    local ok, err = pcall(handle.wait, handle)
    assert.is_false(ok)
    assert.equal("cancelled_child", err.kind)
  end)
end)

add("scope:cancel", "its scope was cancelled", function(fn, reached)
  tg.scope(function(scope)
    scope:spawn(fn)
    reached()
    scope:cancel()
  end)
end)

add("scope:cancel of its own scope", "its scope was cancelled", function(fn, reached)
  tg.scope(function(scope)
    core.spawn_root(function()
      reached()
      scope:cancel()
    end)
    fn()
  end)
end)

add("a client that leaves", "the client is gone", function(fn, reached)
  local ended = tg.event()
  t.app(function(app)
    app:get("/", function()
      local ok, err = pcall(fn)
      ended:set()
      return ok or error(err, 0)
    end)
  end, { host = "gone.test" })
  local client = tg.tcp.connect("gone.test", 80)
  client:write "GET / HTTP/1.1\r\nHost: gone.test\r\n\r\n"
  reached()
  local lines = server.logged(function()
    client:close()
    ended:wait()
    tg.sleep(0)
  end)
  assert.equal("info", lines[1].level)
  assert.matches("^GET / cancelled %(request [%x-]+%): the client is gone → %d+ child", lines[1].message)
end)

-- Of that task alone; task.shutdown() does the same with every one.
add("a shutdown", "shutdown", function(fn, reached)
  local ended = tg.event()
  local of = core.spawn_root(function()
    pcall(fn)
    ended:set()
  end)
  reached()
  task.cancel(of, task.cancellation "shutdown")
  ended:wait()
end)

return causes
