-- Nothing outlives the spec that has started it, however that ends: the support code's own spec, by specs that run in a
-- test process of their own.
local lfs = require "lfs"
local folder = require "tests.support.folder"
local gateway = require "tests.support.gateway"
local process = require "tests.support.process"
local runner = require "tests.support.runner"
local wait = require "tests.support.wait"

-- `start` starts a gateway, and notes its processes and its folders.
local HEAD = [[
local lfs = require "lfs"
local tg = require "tidegate"
local gateway = require "tests.support.gateway"

local notes = assert(io.open("notes", "w"))
notes:setvbuf "no"

local function start(prefix)
  local serving = gateway.start { routes = { ["a.lua"] = "return function() end" }, prefix = prefix }
  notes:write("/proc/", serving.process.pid, "\n", serving.folder.path, "\n", serving.process.output.path, "\n")
  return serving
end

local function is_gone()
  for path in io.lines "notes" do
    if lfs.attributes(path) then
      return false
    end
  end
  return true
end
]]

describe("a gateway that a spec has started", function()
  local place

  before_each(function()
    place = folder.new()
  end)

  after_each(function()
    place:remove()
  end)

  local function start(body)
    place:write("tests/x_spec.lua", HEAD .. body)
    return process.start {
      command = { gateway.binary, "test", "--output=plainTerminal", "--realtime" },
      environment = { LUA_PATH = lfs.currentdir() .. "/?.lua;;", TIDEGATE_BINARY = gateway.binary },
      folder = place.path,
    }
  end

  -- A process that has ended, but that nobody has waited for, is there no more.
  local function is_there(path)
    local file = io.open(path .. "/stat")
    local state = file and file:read("*a"):match "%) (%a)"
    if file then
      file:close()
    end
    return lfs.attributes(path) ~= nil and state ~= "Z"
  end

  local function noted()
    local list = {}
    for path in place:read("notes"):gmatch "[^\n]+" do
      list[#list + 1] = path
    end
    return list
  end

  -- Runs a spec of which so many tests pass, fail, and raise.
  local function run(body, ...)
    local tests = start(body)
    tests:wait()
    local result = { out = tests:stdout(), err = tests:stderr() }
    assert.same({ ... }, { runner.counts(result) }, result.out .. result.err)
    assert.equal(3, #noted())
    for _, path in ipairs(noted()) do
      assert.is_false(is_there(path), path)
    end
    tests:dispose()
  end

  it("is gone behind a block in which a test has failed", function()
    run([[
      describe("a block", function()
        it("fails", function()
          start()
          error "on purpose"
        end)
      end)
      it("sees nothing of it", function() assert.is_true(is_gone()) end)
    ]], 1, 0, 1)
  end)

  it("is gone behind a block in which a block has failed", function()
    run([[
      describe("a block", function()
        local serving
        setup(function() serving = start() end)
        describe("inside", function()
          setup(function() error "on purpose" end)
          it("does not run", function() end)
        end)
        it("sees it", function() assert.is_false(is_gone()) end)
        teardown(function() error "on purpose, too" end)
      end)
      it("sees nothing of it", function() assert.is_true(is_gone()) end)
    ]], 2, 0, 2)
  end)

  it("is gone behind a file whose test has failed", function()
    run([[
      it("fails", function()
        start()
        assert.equal(1, 2)
      end)
    ]], 0, 1, 0)
  end)

  it("is gone with what it has started", function()
    run([[
      it("fails", function()
        start { "/bin/sh", "-c", 'sleep 1000 & echo /proc/$! >helper; exec "$0" "$@"' }
        error "on purpose"
      end)
    ]], 0, 0, 1)
    assert.is_false(is_there((place:read("helper"):gsub("\n", ""))))
  end)

  it("is gone with a test process that is killed", function()
    local tests = start [[
      it("waits", function()
        start { "/bin/sh", "-c", 'sleep 1000 & echo /proc/$! >helper; exec "$0" "$@"' }
        tg.sleep(1000)
      end)
    ]]
    wait.until_true("the gateway has started", function()
      return #noted() == 3
    end)
    local gone = { noted()[1], (place:read("helper"):gsub("\n", "")) }
    assert.is_true(is_there(gone[1]) and is_there(gone[2]))
    tests:signal(process.SIGKILL)
    tests:wait()
    wait.until_true("the gateway is gone", function()
      return not is_there(gone[1]) and not is_there(gone[2])
    end)
    tests:dispose()
  end)
end)
