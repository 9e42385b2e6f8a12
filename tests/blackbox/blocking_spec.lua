-- Blocking calls in the real binary: its settings, its example routes, and its end while calls run. #realtime
local tg = require "tidegate"
local folder = require "tests.support.folder"
local gateway = require "tests.support.gateway"
local socket = require "tests.support.socket"
local wait = require "tests.support.wait"

local ROUTE = [[
local core = require "tidegate.core"
local tg = require "tidegate"
return function(app)
  app:get("/wait/{name}", function(request)
    return tg.blocking("lib.slow", "wait", request.query.folder, request.params.name)
  end)
  app:get("/statistics", function()
    return core.blocking_statistics()
  end)
end
]]

-- Blocks until the gate is open, which for a call named "stuck" it never is.
local SLOW = [[
local ffi = require "ffi"
ffi.cdef "int usleep(unsigned microseconds);"
local slow = {}
local function is_open(folder)
  local file = io.open(folder .. "/gate")
  return file and file:close()
end
function slow.wait(folder, name)
  io.open(folder .. "/" .. name, "w"):close()
  while name == "stuck" or not is_open(folder) do
    ffi.C.usleep(1000)
  end
  return name
end
return slow
]]

describe("blocking calls in a gateway #realtime", function()
  local files, serving

  before_each(function()
    files = folder.new()
  end)

  after_each(function()
    if serving then
      serving:dispose()
    end
    serving = nil
    files:remove()
  end)

  local function start(options)
    serving = gateway.start { routes = { ["slow.lua"] = ROUTE, ["lib/slow.lua"] = SLOW }, options = options }
  end

  local function stop()
    local log = serving:stop()
    serving = nil
    return log
  end

  local function call(name)
    return serving:get("/wait/" .. name, { query = { folder = files.path } })
  end

  local function wait_until_begun(name)
    wait.until_true(name .. " has begun", function()
      local file = io.open(files:file(name))
      return file and file:close()
    end)
  end

  local function wait_until(field, number)
    wait.until_true(("%s is %d"):format(field, number), function()
      return serving:get("/statistics"):json()[field] == number
    end)
  end

  it("find their modules below the routes, and leave the loop to others", function()
    start()
    local results = tg.gather {
      calls = function()
        return tg.map(tg.range(1, 10), function(number)
          return call("call" .. number):body()
        end)
      end,
      others = function()
        wait_until("queued", 6)
        files:write("gate", "")
      end,
    }
    for number, body in ipairs(results.calls) do
      assert.equal("call" .. number, body)
    end
    stop()
  end)

  it("are as many as the settings let them, and the next one is answered with 503", function()
    start { "--blocking-threads-max=1", "--blocking-queue-max=2" }
    tg.scope(function(scope)
      local calls = {}
      for number = 1, 3 do
        calls[number] = scope:spawn(call, "call" .. number)
      end
      wait_until("queued", 2)
      local refused = call "refused"
      assert.equal(503, refused.status)
      assert.equal("too many blocking calls are under way", refused:json().detail)
      files:write("gate", "")
      for number = 1, 3 do
        assert.equal(200, calls[number]:wait().status)
      end
    end)
    assert.matches("tg.blocking: 1 calls are running and 2 are waiting, which is the limit", serving:log(), 1, true)
    stop()
  end)

  it("are named while they do not come back, for whom and from where, also when nobody waits any more", function()
    start { "--stall-warn-ms=1" }
    local told = "warn tg.blocking: lib.slow.wait has run for (%d+) ms by now, and keeps a thread; it was called at "
      .. "[^\n]*slow.lua:%d[^\n]* for GET /wait/stuck %(request [%x-]+%)\n"
    local connection = socket.connect(serving.port)
    connection:write(("GET /wait/stuck?folder=%s HTTP/1.1\r\nHost: test\r\n\r\n"):format(files.path))
    wait.until_true("the call is named", function() return serving:log():find(told) end)
    assert.is_true(tonumber(serving:log():match(told)) >= 1000)
    connection:close()
    wait.until_true("it is named again", function()
      local _, count = serving:log():gsub(told, "")
      return count >= 2
    end)
    assert.equal(200, serving:get("/statistics").status)
    serving.process:signal(15)
    serving.process:wait()
    local log = serving:log()
    assert.matches("1 blocking call is still running after 2 seconds", log, 1, true)
    serving:dispose()
    serving = nil
  end)

  it("are waited for at the end, within the time to drain", function()
    start()
    local results = tg.gather {
      call = function()
        return call "call"
      end,
      signal = function()
        wait_until_begun "call"
        serving.process:signal(15)
        serving:wait_for_log "stopping"
        files:write("gate", "")
      end,
    }
    assert.equal(200, results.call.status)
    serving:wait_for_end()
    serving = nil
  end)

  it("are waited for at the end a little longer than their requests", function()
    start { "--drain-timeout-ms=1", "--blocking-threads-max=2" }
    tg.gather {
      call = function()
        assert.equal(503, call("call1").status)
      end,
      others = function()
        tg.map({ 2, 3, 4 }, function(number)
          assert.equal(503, call("call" .. number).status)
        end)
      end,
      signal = function()
        wait_until("queued", 2)
        serving.process:signal(15)
        serving:wait_for_log "cancelling what is still under way"
        files:write("gate", "")
      end,
    }
    assert.not_matches("still running", serving:wait_for_end(), 1, true)
    serving = nil
  end)

  it("do not keep the process from ending", function()
    start { "--drain-timeout-ms=1" }
    tg.gather {
      call = function()
        assert.equal(503, call("stuck").status)
      end,
      signal = function()
        wait_until_begun "stuck"
        serving.process:signal(15)
      end,
    }
    assert.matches("1 blocking call is still running after 2 seconds; the process ends without", serving:wait_for_end(),
      1, true)
    serving = nil
  end)

  it("go on where the client leaves, and their threads are free afterwards", function()
    start { "--blocking-threads-max=1" }
    local client = serving:connect()
    client:send(("GET /wait/left?folder=%s HTTP/1.1\r\nHost: test\r\n\r\n"):format(files.path))
    wait_until_begun "left"
    client:close()
    serving:wait_until_idle()
    wait_until("running", 1)
    files:write("gate", "")
    assert.equal("next", call("next"):body())
    wait_until("running", 0)
    stop()
  end)
end)

describe("the project's routes of blocking calls #realtime", function()
  local serving = gateway.of_block { routes = "routes" }

  it("read a file", function()
    local answer = serving:get "/blocking/file/"
    assert.equal("text/plain; charset=utf-8", answer.headers["content-type"])
    local file = assert(io.open "routes/lib/slow.lua")
    assert.equal(file:read "*a", answer:body())
    file:close()
  end)

  it("compute a slow hash", function()
    assert.same({ text = "tidegate", hash = "c3625645" }, serving:get("/blocking/hash/"):json())
    assert.equal(400, serving:get("/blocking/hash/?text=").status)
    assert.equal(400, serving:get("/blocking/hash/?text=" .. ("x"):rep(101)).status)
    assert.equal(200, serving:get("/blocking/hash/?text=" .. ("x"):rep(100)).status)
  end)
end)

describe("the hash of routes/lib/slow.lua", function()
  it("is FNV-1a where each byte is taken once", function()
    local slow = assert(loadfile "routes/lib/slow.lua")()
    assert.equal("e40c292c", slow.hash("a", 1))
    assert.equal("bf9cf968", slow.hash("foobar", 6))
  end)
end)
