-- Failures that cannot be raised: each is logged once, with its traceback and the request that it belongs to.
local t = require "tidegate.testing"
local tg = require "tidegate"
local server = require "tests.support.server"

local function nap()
  tg.sleep(1000)
end

-- A function that fails after so many seconds.
local function fails(seconds, what)
  return function()
    tg.sleep(seconds)
    error(what, 0)
  end
end

-- One whose clean-up fails when it is cancelled.
local function fails_in_clean_up(what)
  return function()
    pcall(nap)
    error(what, 0)
  end
end

local function fails_in_shield(what)
  return function()
    pcall(nap)
    tg.shield(function()
      tg.sleep(1)
      error(what, 0)
    end)
  end
end

-- [what happens] = {the code of the route, the texts that are logged beside the route's own failure, the level}
local cases = {
  ["the second failure of a gather"] = { function()
    tg.gather { fails(1, "first"), fails(1, "second") }
  end, { "second" }, raised = "first", any_order = true },
  ["every further failure of a map"] = { function()
    tg.map({ 1, 2, 3, 4 }, function(number)
      tg.sleep(1)
      error("number " .. number, 0)
    end)
  end, { "number 2", "number 3", "number 4" }, raised = "number 1", any_order = true },
  ["a clean-up beside a failure"] = { function()
    tg.gather { fails(1, "first"), fails_in_clean_up "clean-up", nap }
  end, { "clean-up" }, raised = "first" },
  ["a shielded clean-up beside a failure"] = { function()
    tg.gather { fails(1, "first"), fails_in_shield "shielded" }
  end, { "shielded" }, raised = "first" },
  ["a task of a scope beside another"] = { function()
    tg.scope(function(scope)
      scope:spawn(fails(1, "first"))
      scope:spawn(fails_in_clean_up "clean-up")
      nap()
    end)
  end, { "clean-up" }, raised = "first" },
  ["the clean-up of a scope's own code"] = { function()
    tg.scope(function(scope)
      scope:spawn(fails(1, "first"))
      pcall(nap)
      error("own", 0)
    end)
  end, { "own" }, raised = "first" },
  ["a task beside its scope's own code"] = { function()
    tg.scope(function(scope)
      scope:spawn(fails_in_clean_up "clean-up")
      tg.sleep(1)
      error("own", 0)
    end)
  end, { "clean-up" }, raised = "own" },
  ["a clean-up when a deadline passes"] = { function()
    tg.move_on_after(1, tg.gather, { fails_in_clean_up "clean-up", nap })
  end, { "clean-up" } },
  ["a clean-up when a deadline passes that raises"] = { function()
    tg.fail_after(1, tg.gather, { fails_in_clean_up "clean-up", nap })
  end, { "clean-up" }, raised = "the deadline of 1 s passed" },
  ["a clean-up in a scope when a deadline passes"] = { function()
    tg.move_on_after(1, tg.scope, function(scope)
      scope:spawn(fails_in_clean_up "clean-up")
      nap()
    end)
  end, { "clean-up" } },
  ["clean-ups deep in a tree"] = { function()
    tg.move_on_after(1, tg.gather, { function()
      tg.gather { fails_in_clean_up "a", fails_in_clean_up "b" }
    end, function()
      tg.scope(function(scope)
        scope:spawn(fails_in_shield "c")
        nap()
      end)
    end })
  end, { "a", "b", "c" }, counted = true },
  ["a task that loses a race by failing"] = { function()
    tg.race { fails(1, "loser"), function() tg.sleep(2) return "x" end }
  end, { "loser" }, level = "warn" },
  ["a task that loses a race, in its clean-up"] = { function()
    tg.race { fails_in_clean_up "clean-up", function() tg.sleep(2) return "x" end }
  end, { "clean-up" }, level = "warn" },
  ["all but the last of a race that nobody wins"] = { function()
    tg.race { fails(1, "a"), fails(2, "b"), fails(3, "c") }
  end, { "a", "b" }, raised = "c", counted = true },
  ["those that a quorum does without"] = { function()
    tg.gather({ fails(1, "a"), function() end, function() tg.sleep(2) end }, { quorum = 2 })
  end, { "a" }, level = "warn" },
  ["what was allowed to fail, beside what was not"] = { function()
    tg.gather({ a = fails(1, "allowed"), b = fails(2, "required") }, { required = { "b" } })
  end, { "allowed" }, raised = "required" },
  ["what was collected, where the results are lost"] = { function()
    tg.move_on_after(3, tg.gather, { fails(1, "collected"), nap }, { on_error = "collect" })
  end, { "collected" } },
  ["nothing that the caller gets"] = { function()
    tg.gather({ fails(1, "x"), fails(1, "y") }, { on_error = "collect" })
    tg.gather({ a = fails(1, "x"), b = function() end }, { required = { "b" } })
    pcall(tg.gather, { fails(1, "x"), nap })
    tg.race { nap, function() end }
    tg.move_on_after(1, tg.gather, { nap, nap })
    pcall(tg.move_on_after, 1, fails_in_clean_up "x")
  end, {} },
  ["no failure twice that is waited for by a handle"] = { function()
    tg.scope(function(scope)
      scope:spawn(fails(1, "first")):wait()
    end)
  end, {}, raised = "first" },
  ["no failure twice that several wait for"] = { function()
    local err = setmetatable({}, { __tostring = function() return "the one" end })
    tg.scope(function(scope)
      local handle = scope:spawn(function() tg.sleep(1) error(err) end)
      for _ = 1, 3 do
        scope:spawn(function() handle:wait() end)
      end
      handle:wait()
    end)
  end, {}, raised = "the one" },
}

-- Asks a route and gives what was logged.
local function logged(code)
  local client = t.app(function(app)
    app:get("/x", code)
  end)
  return server.logged(function()
    client:get "/x"
    tg.sleep(2)
  end)
end

-- What is said of each: the error's text, or how many more there were of a place.
local function read(message)
  local more = message:match "^… (%d+) more in the last second: a task failed "
  if more then
    return nil, tonumber(more)
  end
  local text = message:match "^GET /x %(request [%x-]+%): a task failed [^\n]-: ([^\n]*)\nstack traceback:\n"
  if text then
    assert.matches("lost_spec.lua:%d+: in function", message)
  end
  return text, text and 1
end

describe("a failure that cannot be raised is logged:", function()
  for name, case in pairs(cases) do
    it(name, function()
      local texts, count, was_raised = {}, 0, false
      for _, line in ipairs(logged(case[1])) do
        local text, more = read(line.message)
        texts[text or ""] = true
        count = count + (more or 0)
        if more then
          assert.equal(case.level or "error", line.level)
        else
          assert.is_not_nil(case.raised, line.message)
          assert.matches("^GET /x failed %(request [%x-]+%): ", line.message)
          assert.matches(case.any_order and ": %a[^\n]*" or ": " .. case.raised, line.message)
          was_raised = true
        end
      end
      assert.equal(case.raised ~= nil, was_raised)
      assert.equal(#case[2], count)
      for _, text in ipairs(case.any_order and {} or case[2]) do
        assert.is_true(case.counted or texts[text], "nothing is said of: " .. text)
      end
    end)
  end

  it("in a task that has no request", function()
    local lines = server.logged(function()
      pcall(tg.gather, { fails(1, "first"), fails_in_clean_up "clean-up" })
    end)
    assert.equal(1, #lines)
    assert.matches("^background: a task failed beside another, whose error is raised: clean%-up\n", lines[1].message)
  end)

  it("in a scope that nobody waits for, as its coroutine was dropped", function()
    local lines = server.logged(function()
      tg.gather { function()
        local generator = coroutine.create(function()
          tg.scope(function(scope)
            scope:spawn(fails_in_clean_up "clean-up")
            coroutine.yield()
          end)
        end)
        coroutine.resume(generator)
        tg.sleep(1)
      end }
      tg.sleep(1)
    end)
    assert.equal(1, #lines)
    assert.matches("a task failed in a scope for which nobody waits any more: clean%-up\n", lines[1].message)
  end)

  it("when the client leaves, in every kind of scope", function()
    local codes = {
      function() tg.gather { fails_in_clean_up "x" } end,
      function() tg.map({ 1 }, fails_in_clean_up "x", { max = 1 }) end,
      function() tg.race { fails_in_clean_up "x", nap } end,
      function() tg.scope(function(scope) scope:spawn(fails_in_clean_up "x") nap() end) end,
      function() tg.gather({ fails_in_clean_up "x" }, { on_error = "collect" }) end,
      function() tg.gather({ fails_in_shield "x" }) end,
      fails_in_clean_up "x",
      fails_in_shield "x",
    }
    for index, code in ipairs(codes) do
      local host = ("gone%d.test"):format(index)
      t.app(function(app)
        app:get("/x", code)
      end, { host = host })
      local stream = tg.tcp.connect(host, 80)
      stream:write "GET /x HTTP/1.1\r\nHost: h\r\n\r\n"
      tg.sleep(1)
      local failures = 0
      for _, line in ipairs(server.logged(function()
        stream:close()
        tg.sleep(3)
      end)) do
        if line.level == "error" then
          failures = failures + 1
          assert.matches("^GET /x .*request.*: x\n", line.message)
        else
          assert.matches("cancelled %(request [%x-]+%): the client is gone", line.message)
        end
      end
      assert.equal(1, failures, "case " .. index)
    end
  end)
end)
