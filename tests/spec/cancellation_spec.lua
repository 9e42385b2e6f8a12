-- Every kind of wait, cancelled in every way: what it raises, and what is left of it.
local core = require "tidegate.core"
local task = require "tidegate.task"
local tg = require "tidegate"
local causes = require "tests.support.causes_of_cancellation"
local kinds = require "tests.support.kinds_of_wait"

local TURNS_MAX = 50

-- Waits until the task is as far as the kind says, or over.
local function reach(self, kind, seen)
  while not (seen.task and core.task_info(seen.task).waits_on == kind.waits_on) do
    if seen[1] then
      return
    end
    tg.sleep(0)
  end
  if self.ready then
    self.ready()
  end
end

-- Calls the wait, notes what it raised, waits again and again and notes that as well.
local function observed(self, seen)
  return function()
    seen.task = core.current()
    seen[1] = { pcall(self.wait) }
    seen[2] = { pcall(self.wait) } -- a wait of the same kind that would begin now
    seen[3] = { pcall(tg.sleep, 0) }
    error(seen[1][2], 0)
  end
end

local function check_raised(seen, reason)
  for index = 1, 3 do
    local ok, err = unpack(seen[index])
    assert.is_false(ok)
    assert.is_true(task.is_cancellation(err), tostring(err))
    assert.equal("cancelled", err.kind)
    assert.equal(reason, err.reason)
    assert.is_true(rawequal(seen[1][2], err))
  end
end

local function close(self)
  if self.whole then
    self.whole(nil)
  end
  if self.close then
    self.close()
  end
end

local function check_nothing_left(tasks, streams)
  for _ = 1, TURNS_MAX do
    if core.task_count() == tasks and core.handles().streams == streams then
      return
    end
    tg.sleep(0)
  end
  assert.equal(tasks, core.task_count())
  assert.equal(streams, core.handles().streams)
end

for _, kind in ipairs(kinds) do
  describe("class 19: " .. kind.name .. (kind.realtime and " #realtime" or ""), function()
    for _, cause in ipairs(causes) do
      it("raises what " .. cause.name .. " cancels it with, and leaves nothing", function()
        local tasks, streams = core.task_count(), core.handles().streams
        local self, seen = kind.open(), {}
        if cause.reason == "the deadline passed" and self.ready and not kind.realtime then
          core.spawn_root(reach, self, kind, seen)
        end
        cause.apply(observed(self, seen), function()
          reach(self, kind, seen)
        end)
        check_raised(seen, cause.reason)
        close(self)
        check_nothing_left(tasks, streams)
      end)
    end

    it("is not ended late by what it no longer waits for", function()
      local self, seen, gate = kind.open(), {}, tg.event()
      tg.scope(function(scope)
        local handle = scope:spawn(function()
          seen.task = core.current()
          seen[1] = { pcall(self.wait) }
          tg.shield(gate.wait, gate)
          seen.through = true
          error(seen[1][2], 0)
        end)
        reach(self, kind, seen)
        handle:cancel()
        tg.sleep(0)
        if self.complete then
          self.complete()
        end
        for _ = 1, TURNS_MAX do
          tg.sleep(0)
        end
        assert.is_nil(seen.through)
        gate:set()
      end)
      assert.is_true(seen.through)
      assert.is_true(task.is_cancellation(seen[1][2]))
      close(self)
    end)
  end)
end
