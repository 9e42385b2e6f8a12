-- Signals: what has reached the machine is answered, nothing but what means the end ends the process, and a loop that
-- is held is named while it is, and does not keep the process from ending.
local tg = require "tidegate"
local gateway = require "tests.support.gateway"
local process = require "tests.support.process"
local request = require "tests.support.request"
local socket = require "tests.support.socket"
local answers = require "tests.support.answers"
local folder = require "tests.support.folder"
local wait = require "tests.support.wait"

local SIGHUP = 1
local EXIT_STATUS = 3

local ROUTES = [[
local tg = require "tidegate"
local ffi = require "ffi"
ffi.cdef "int usleep(unsigned);"

local function spin()
  while true do end
end

local function spin_uncompiled()
  local count = 0
  while true do count = count + 1 end
end
jit.off(spin_uncompiled)

local loops = {
  compiled = spin,
  interpreted = spin_uncompiled,
  ["in-c"] = function()
    local text = ("a"):rep(2 ^ 16)
    while true do text:find(("a*"):rep(20) .. "b") end
  end,
  sleeping = function() while true do ffi.C.usleep(1000) end end,
  blocked = function() os.execute "sleep 1000" end,
  ["in-a-child"] = function() tg.gather { function() tg.sleep(0) spin() end, function() tg.sleep(10) end } end,
  ["in-pieces"] = function()
    return tg.response { body = function(write) write "x" spin() end }
  end,
  ["in-background"] = function() tg.background(spin) tg.sleep(100) end,
  ["in-clean-up"] = function()
    pcall(tg.sleep, 1000)
    spin()
  end,
}

return function(app)
  app:get("/loops/{name}", function(request) return loops[request.params.name]() end)
  app:get("/hello", function(request) return "hello " .. (request.query.name or "") end)
  app:get("/hold", function()
    local ended = os.clock() + 0.3
    while os.clock() < ended do end
    return "held"
  end)
  app:get("/pieces", function()
    return tg.response { body = function(write) write "begun" tg.sleep(0.3) write "ended" end }
  end)
  app:get("/slow", function() tg.sleep(0.5) return "slow" end)
end
]]

local function start(...)
  return gateway.start { routes = { ["routes.lua"] = ROUTES }, options = { ... } }
end

-- Asks and waits for nothing.
local function send(serving, bytes)
  local connection = socket.connect(serving.port)
  connection:write(bytes)
  return connection
end

describe("a loop that is held", function()
  local function check_end(serving, name)
    assert.equal(EXIT_STATUS, serving.process:wait())
    local log = serving:log()
    assert.matches("error the process ends while ", log, 1, true)
    if name then
      assert.matches("the process ends while GET /loops/" .. name .. " (request ", log, 1, true)
    end
    serving:dispose()
  end

  for _, dev in ipairs { false, true } do
    for _, name in ipairs { "compiled", "interpreted", "in-c", "sleeping", "blocked", "in-a-child", "in-pieces" } do
      it(("%s%s is named, and ends on the second SIGTERM"):format(name, dev and " with --dev" or ""), function()
        local serving = start(unpack(dev and { "--dev" } or {}))
        local connection = send(serving, request.get("/loops/" .. name))
        if name == "blocked" or name == "sleeping" then -- what uses no time of the processor is named when it matters
          tg.sleep(0.2)
        else
          local log = serving:wait_for_log("warn the loop is held by GET /loops/" .. name .. " (request ")
          assert.matches("%(request %x+%-%x+%), for %d+ ms by now; nothing else runs until it waits or ends\n", log)
        end
        serving.process:signal(process.SIGTERM)
        serving:wait_for_log("warn the end waits for GET /loops/" .. name .. " (request ")
        assert.is_false(serving.process:has_ended())
        serving.process:signal(process.SIGTERM)
        check_end(serving, name)
        connection:close()
      end)
    end
  end

  it("by a background task is named so", function()
    local serving = start()
    local connection = send(serving, request.get "/loops/in-background")
    serving:wait_for_log "warn the loop is held by a background task, for "
    serving.process:signal(process.SIGTERM)
    serving:wait_for_log "the end waits for a background task"
    serving.process:signal(process.SIGINT)
    check_end(serving)
    connection:close()
  end)

  it("by a clean-up ends as well, when the time to drain is over or at the second signal", function()
    for signals = 1, 2 do
      local serving = start("--drain-timeout-ms=200")
      local connection = send(serving, request.get "/loops/in-clean-up")
      wait.until_true("the request has come", function()
        return serving:statistics().tasks == 2
      end)
      for _ = 1, signals do
        serving.process:signal(process.SIGTERM)
        tg.sleep(0.05)
      end
      check_end(serving, "in-clean-up")
      connection:close()
    end
  end)

  it("is told of with growing gaps", function()
    local serving = start()
    local connection = send(serving, request.get "/loops/compiled")
    wait.until_true("it is told of twice", function()
      return select(2, serving:log():gsub("the loop is held by", "")) >= 2
    end)
    local times = {}
    for milliseconds in serving:log():gmatch "for (%d+) ms by now; nothing" do
      times[#times + 1] = tonumber(milliseconds)
    end
    assert.is_true(times[1] >= 1000 and times[2] >= 2 * times[1])
    serving:dispose()
    connection:close()
  end)

  it("for a moment is no reason to end at once", function()
    local serving = start()
    local connection = send(serving, request.get "/hold")
    serving.process:signal(process.SIGTERM)
    serving.process:signal(process.SIGTERM)
    local log = serving:wait_for_end()
    assert.matches("info stopped\n", log, 1, true)
    connection:close()
  end)

  it("loses no line of the access log", function()
    local place = folder.new()
    local path = place:file "access.log"
    local serving = start("--access-log", path)
    for _ = 1, 50 do
      serving:get "/hello"
    end
    local connection = send(serving, request.get "/loops/compiled")
    serving:wait_for_log "the loop is held by"
    serving.process:signal(process.SIGTERM)
    serving:wait_for_log "the end waits for"
    serving.process:signal(process.SIGTERM)
    check_end(serving, "compiled")
    assert.equal(50, select(2, place:read("access.log"):gsub('"target":"/hello"', "")))
    connection:close()
    place:remove()
  end)
end)

describe("SIGHUP", function()
  it("never ends the gateway, and is answered in the log", function()
    local serving = start()
    for _ = 1, 3 do
      serving.process:signal(SIGHUP)
    end
    serving:wait_for_log "info SIGHUP: there is no reload yet; start the gateway anew to load changed routes"
    assert.equal("hello you", serving:get("/hello?name=you"):body())
    serving:stop()
  end)

  it("does not while it loads or stops, nor does SIGUSR1", function()
    local slow = folder.new {
      ["a.lua"] = 'io.stderr:write "it loads"\nos.execute "sleep 0.3"\nreturn function() end\n',
    }
    local child = process.start { command = { gateway.binary, "run", "--routes", slow.path, "--listen=127.0.0.1:0" } }
    local ended = false
    wait.until_true("it loads", function()
      return child:stderr():find "it loads"
    end)
    wait.until_true("it listens", function()
      child:signal(SIGHUP)
      child:signal(process.SIGUSR1)
      ended = ended or child:has_ended()
      return child:stderr():find "listens on" or ended
    end)
    assert.is_false(ended)
    child:signal(process.SIGTERM)
    for _ = 1, 5 do
      child:signal(SIGHUP)
    end
    assert.equal(0, child:wait())
    child:dispose()
    slow:remove()
  end)
end)

describe("SIGTERM", function()
  local function bodies(connection)
    local list = {}
    for index, answer in ipairs(answers.parse(connection:read_rest())) do
      assert.is_true(answer.whole)
      list[index] = answer.body
    end
    assert.is_falsy(connection.was_reset)
    connection:close()
    return list
  end

  -- While the loop is held, connections and requests come that it cannot see, and the signal behind them.
  local function hold(serving)
    local holder = send(serving, request.get "/hold")
    tg.sleep(0.05)
    return holder
  end

  it("answers what has connected and sent by then, though nobody has accepted it", function()
    local serving = start()
    local kept = serving:connect()
    kept:ask(request.get "/hello?name=first")
    local holder = hold(serving)
    local waiting = {}
    for index = 1, 100 do
      waiting[index] = send(serving, request.get("/hello?name=" .. index))
    end
    kept:send(request.get "/hello?name=kept")
    serving.process:signal(process.SIGTERM)
    assert.same({ "held" }, bodies(holder))
    for index = 1, 100 do
      assert.same({ "hello " .. index }, bodies(waiting[index]))
    end
    assert.equal("hello kept", kept:read().body)
    kept:close()
    assert.matches("info stopped\n", serving:wait_for_end(), 1, true)
  end)

  it("answers every request that is pipelined by then, and the last one closes", function()
    local serving = start()
    local connection = socket.connect(serving.port)
    connection:write(request.get "/hold" .. request.get "/hello?name=1" .. request.get "/slow")
    tg.sleep(0.05)
    connection:write(request.get "/hello?name=2" .. "\r\n\r\n" .. request.get "/hello?name=3")
    serving.process:signal(process.SIGTERM)
    local text = connection:read_rest()
    local list = answers.parse(text)
    connection:close()
    local all = {}
    for index, answer in ipairs(list) do
      all[index] = answer.body
      assert.equal(index == #list, answer.closes)
    end
    assert.same({ "held", "hello 1", "slow", "hello 2", "hello 3" }, all)
    serving:wait_for_end()
  end)

  it("closes a connection behind an answer that had begun", function()
    local serving = start("--drain-timeout-ms=60000", "--idle-timeout-ms=60000")
    local connection = socket.connect(serving.port)
    connection:write(request.get "/pieces")
    connection:read_until "begun"
    serving.process:signal(process.SIGTERM)
    serving:wait_for_log "info stopping"
    assert.matches("ended\r\n0\r\n\r\n$", connection:read_rest())
    connection:close()
    serving:wait_for_end()
  end)

  it("closes connections on which nothing has come, or blank lines only, at once", function()
    local serving = start("--drain-timeout-ms=60000", "--idle-timeout-ms=60000")
    local connections = {}
    for index = 1, 3 do
      connections[index] = serving:connect()
      connections[index]:ask(request.get "/hello")
    end
    local holder = hold(serving)
    connections[4] = socket.connect(serving.port)
    connections[2]:send "\r\n"
    serving.process:signal(process.SIGTERM)
    bodies(holder)
    serving:wait_for_end()
    for _, connection in pairs(connections) do
      connection:close()
    end
  end)

  it("waits for the rest of a request that has begun to come", function()
    local serving = start()
    local connection = socket.connect(serving.port)
    local holder = hold(serving)
    local bytes = request.post("/nowhere", ("x"):rep(100))
    connection:write(bytes:sub(1, 20))
    serving.process:signal(process.SIGTERM)
    bodies(holder)
    connection:write(bytes:sub(21))
    assert.equal(405 - 1, answers.parse(connection:read_rest())[1].status)
    connection:close()
    serving:wait_for_end()
  end)

  it("ends a gateway that still loads its routes", function()
    local endless = folder.new { ["a.lua"] = "while true do end" }
    local child = process.start { command = { gateway.binary, "run", "--routes", endless.path } }
    tg.sleep(0.2)
    child:signal(process.SIGTERM)
    assert.equal(128 + process.SIGTERM, child:wait())
    child:dispose()
    endless:remove()
  end)
end)
