-- A cancellation in the same turn as what was waited for: before it or behind it, nothing is lost or doubled.
local core = require "tidegate.core"
local task = require "tidegate.task"
local tg = require "tidegate"
local folder = require "tests.support.folder"
local kinds = require "tests.support.kinds_of_wait"

local function cancel(self, handle)
  return self, handle:cancel()
end

local function complete(self)
  self.complete()
end

local orders = {
  { name = "before what it waits for", complete_first = false, first = cancel, second = complete },
  { name = "behind what it waits for", complete_first = true, first = complete, second = cancel },
}

-- Runs the wait in a child, and both in one turn; what the child got, or nil, and what its next wait raised.
local function race(self, kind, order)
  local seen = {}
  tg.scope(function(scope)
    local handle = scope:spawn(function()
      seen.task = core.current()
      local ok, got = pcall(self.wait)
      seen.got, seen.raised = ok and got or nil, not ok and got or nil
      seen.next = select(2, pcall(tg.sleep, 0))
      error(seen.next, 0)
    end)
    while not (seen.task and core.task_info(seen.task).waits_on == kind.waits_on) do
      tg.sleep(0)
    end
    if self.ready then
      self.ready()
    end
    order.first(self, handle)
    order.second(self, handle)
  end)
  return seen
end

for _, kind in ipairs(kinds) do
  for _, order in ipairs(orders) do
    local tag = kind.realtime and " #realtime" or ""
    it(("%s that is cancelled %s, in one turn%s"):format(kind.name, order.name, tag), function()
      local self = kind.open()
      if self.complete then
        local seen = race(self, kind, order)
        assert.is_true(task.is_cancellation(seen.next))
        assert.equal("its handle was cancelled", seen.next.reason)
        assert.is_true(seen.raised == nil or rawequal(seen.raised, seen.next))
        if self.immediate then
          assert.equal(order.complete_first, seen.got == "value")
        elseif not order.complete_first then
          assert.is_nil(seen.got)
        end
        if self.whole then
          self.whole(seen.got)
        end
      end
      if self.close then
        self.close()
      end
    end)
  end
end

describe("a sleep", function()
  it("ends or is cancelled, when both come at one instant, and its next wait is cancelled", function()
    local ended, cancelled = 0, 0
    for _ = 1, 20 do
      local next_one
      tg.move_on_after(1, function()
        tg.scope(function(scope)
          scope:spawn(function()
            local ok = pcall(tg.sleep, 1)
            ended, cancelled = ended + (ok and 1 or 0), cancelled + (ok and 0 or 1)
            next_one = select(2, pcall(tg.sleep, 1))
            error(next_one, 0)
          end)
        end)
      end)
      assert.equal("the deadline passed", next_one.reason)
    end
    assert.equal(20, ended + cancelled)
  end)
end)

describe("tg.unix.connect #network", function()
  it("leaves no stream, whether it is cancelled before it begins or within it", function()
    local files = folder.new()
    local server = core.serve { request = print, gone = print, stopped = print }
    local path = files:file "socket"
    assert.equal("unix:" .. path, core.listen(server, "unix:" .. path))
    local tasks, streams = core.task_count(), core.handles().streams
    for _ = 1, 20 do
      assert.equal("enough", tg.race {
        function()
          tg.unix.connect(path)
          tg.sleep(1)
        end,
        function()
          return "enough"
        end,
      })
    end
    assert.equal(tasks, core.task_count())
    assert.equal(streams, core.handles().streams)
    core.close_server(server)
    files:remove()
  end)
end)
