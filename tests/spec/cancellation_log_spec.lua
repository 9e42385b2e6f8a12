-- The line that the log has of a request that was cancelled: why, and how many tasks below it that reached.
local core = require "tidegate.core"
local t = require "tidegate.testing"
local task = require "tidegate.task"
local tg = require "tidegate"
local server = require "tests.support.server"

local function nap()
  tg.sleep(1000)
end

local function tree(width, depth)
  return function()
    local children = {}
    for index = 1, width do
      children[index] = depth > 1 and tree(width, depth - 1) or nap
    end
    tg.gather(children)
  end
end

-- Serves handle, calls cancel(client, request's task) once every task waits, and returns what was logged.
local function logged(handle, cancel)
  local ended, of = tg.event(), nil
  t.app(function(app)
    app:use(function(request, next)
      of = core.current()
      local ok, value = pcall(next, request)
      ended:set()
      return ok and value or error(value, 0)
    end)
    app:get("/x", handle)
  end, { host = "log.test" })
  local client = tg.tcp.connect("log.test", 80)
  client:write "GET /x HTTP/1.1\r\nHost: log.test\r\n\r\n"
  tg.sleep(1)
  local lines = server.logged(function()
    cancel(client, of)
    ended:wait()
    tg.sleep(0.001)
  end)
  client:close()
  return lines
end

local function leave(client)
  client:close()
end

local function reason_of(lines)
  assert.equal(1, #lines)
  assert.equal("info", lines[1].level)
  return lines[1].message:match "^GET /x cancelled %(request [%x-]+%): (.*)$"
end

describe("the line of a request whose client is gone", function()
  local cases = {
    { "0 children", nap },
    { "1 child", tree(1, 1) },
    { "3 children", tree(3, 1) },
    { "6 children", tree(2, 2) },
    { "14 children", tree(2, 3) },
    { "4 children", function()
      tg.scope(function(scope)
        scope:spawn(nap)
        scope:spawn(tree(2, 1))
        nap()
      end)
    end },
    { "2 children", function() -- those that have ended are none
      tg.gather { nap, nap, function() end, function()
        pcall(tg.sleep, 0.5)
      end }
    end },
    { "2 children", function() -- nor those that were to start later
      tg.map(tg.range(1, 10), nap, { max = 2 })
    end },
    { "2 children", function() -- a shield keeps it off what is inside, and not off what is outside
      tg.scope(function(scope)
        scope:spawn(nap)
        scope:spawn(nap)
        tg.shield(tg.gather, { function()
          tg.sleep(2)
        end })
      end)
    end },
    { "2 children", function() -- each is told once, however often it will not hear
      tg.gather { function()
        for _ = 1, 3 do
          pcall(nap)
        end
      end, nap }
    end },
    { "3 children", function() -- through deadlines that are later
      tg.fail_after(100, tg.gather, { function()
        tg.move_on_after(50, tree(2, 1))
      end })
    end },
    { "2 children", function() -- and out of generators
      coroutine.wrap(function()
        tg.gather { nap, nap }
      end)()
    end },
  }
  for index, case in ipairs(cases) do
    it(("counts the tasks that were cancelled with it, %d: %s"):format(index, case[1]), function()
      assert.equal("the client is gone → " .. case[1], reason_of(logged(case[2], leave)))
    end)
  end

  it("says nothing where the handler has ended without an error", function()
    assert.same({}, logged(function()
      pcall(nap)
    end, leave))
  end)
end)

describe("the line of a request that a shutdown cancels", function()
  it("gives that as the reason, and the answer is 503", function()
    local head
    local lines = logged(tree(2, 2), function(client, of)
      task.cancel(of, task.cancellation "shutdown")
      head = client:read_until "\r\n\r\n"
    end)
    assert.equal("shutdown → 6 children", reason_of(lines))
    assert.matches("^HTTP/1.1 503 ", head)
  end)
end)

describe("the cancellation of a deadline", function()
  it("is one value for all that it reaches, and counts them", function()
    local seen = {}
    tg.move_on_after(1, function()
      local function note()
        local _, err = pcall(nap)
        seen[#seen + 1] = err
        error(err, 0)
      end
      tg.gather { note, function()
        tg.gather { note, note }
      end }
    end)
    assert.equal(3, #seen)
    assert.equal("the deadline passed", seen[1].reason)
    assert.equal(4, seen[1].children)
    assert.is_true(rawequal(seen[1], seen[2]) and rawequal(seen[2], seen[3]))
  end)
end)
