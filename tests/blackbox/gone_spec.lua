-- Clients that leave before they are answered: their tasks are cancelled, and everything they held is let go.
local tg = require "tidegate"
local gateway = require "tests.support.gateway"
local process = require "tests.support.process"
local request = require "tests.support.request"
local socket = require "tests.support.socket"
local wait = require "tests.support.wait"

local ROUTES = [[
local tg = require "tidegate"

local upstream = tg.env "TIDEGATE_TEST_UPSTREAM"

local function call()
  return tg.http.get(upstream .. "/hang"):body()
end

local function nap()
  tg.sleep(1000)
end

return function(app)
  app:get("/sleep", function()
    local _, err = pcall(tg.sleep, 1000)
    tg.log.info("sleep: %s", err.reason)
    error(err, 0)
  end)
  app:get("/swallow", function(request)
    local raised = 0
    for _ = 1, 3 do
      if not pcall(tg.sleep, 1000) then
        raised = raised + 1
      end
    end
    tg.log.info("swallow: %d raised, address %s", raised, request.remote_address)
    return "nobody reads this"
  end)
  app:get("/call", function()
    return call()
  end)
  app:post("/body", function(request)
    return request:body()
  end)
  app:post("/unread", nap)
  app:post("/stops-reading", function(request)
    request:chunks()()
    tg.sleep(1000)
  end)
  app:post("/bodies", function(request)
    return tg.map({ 1, 2, 3 }, function()
      return request:body()
    end)
  end)
  app:get("/nested", function()
    return tg.gather {
      nap,
      call,
      function()
        return tg.map({ 1, 2 }, function()
          return tg.gather { nap, call }
        end)
      end,
    }
  end)
  app:get("/generator", function()
    for item in coroutine.wrap(function()
      tg.sleep(1000)
      coroutine.yield "item"
    end) do
      return item
    end
  end)
  app:get("/hang", nap)
  app:get("/hello", function()
    return "hello"
  end)
end
]]

local get = request.get

local function post(path)
  return request.head("POST", path, "Content-Length: 100") .. "half of it"
end

-- Requests that nobody answers, and the tasks that each of them keeps waiting.
local KINDS = {
  { bytes = get "/sleep", tasks = 1 },
  { bytes = get "/call", tasks = 1 },
  { bytes = post "/body", tasks = 1 },
  { bytes = get "/nested", tasks = 10 },
  { bytes = get "/generator", tasks = 1 },
  { bytes = post "/bodies", tasks = 4 },
}

local function start(upstream_url)
  return gateway.start {
    routes = { ["routes.lua"] = ROUTES },
    environment = { TIDEGATE_TEST_UPSTREAM = upstream_url },
    options = { "--log-level=info" },
  }
end

local function wait_for_tasks(serving, count)
  wait.until_true(("there are %d tasks"):format(count), function()
    return serving:statistics().tasks == count + 1
  end)
end

describe("class 19: a client that leaves", function()
  local serving, upstream

  setup(function()
    upstream = socket.listen()
    serving = start(upstream.url)
  end)

  teardown(function()
    serving:stop()
    upstream:close()
  end)

  local function leave_while(path, tasks)
    local connection = serving:connect()
    connection:send(get(path))
    wait_for_tasks(serving, tasks)
    connection:close()
    serving:wait_until_idle()
  end

  it("cancels its sleeping route, which hears why", function()
    leave_while("/sleep", 1)
    serving:wait_for_log "sleep: the client is gone"
  end)

  it("cancels a route that will not hear of it at each of its waits", function()
    leave_while("/swallow", 1)
    serving:wait_for_log "swallow: 3 raised, address 127.0.0.1"
  end)

  it("takes the call to the upstream with it", function()
    local connection = serving:connect()
    connection:send(get "/call")
    local call = upstream:accept()
    assert.matches("^GET /hang ", call:read_head())
    connection:close()
    assert.equal("", call:read_rest())
    call:close()
    serving:wait_until_idle()
    assert.equal(0, serving:statistics().upstreams.connections)
  end)

  it("takes every call of nested scopes with it", function()
    local connection = serving:connect()
    connection:send(get "/nested")
    local calls = {}
    for index = 1, 3 do
      calls[index] = upstream:accept()
      calls[index]:read_head()
    end
    connection:close()
    for _, call in ipairs(calls) do
      assert.equal("", call:read_rest())
      call:close()
    end
    serving:wait_until_idle()
    local log = serving:wait_for_log "GET /nested cancelled"
    assert.matches("GET /nested cancelled %(request [%x-]+%): the client is gone → 9 children\n", log)
  end)

  it("takes a call with it whose connection is not yet made", function()
    local connection = serving:connect()
    connection:send(get "/call")
    connection:close()
    serving:wait_until_idle()
    assert.equal(0, serving:statistics().upstreams.connections)
    local call = upstream:accept_nowait()
    if call then
      call:read_rest()
      call:close()
    end
  end)

  it("within its body ends a route that waits for that", function()
    for _, path in ipairs { "/body", "/bodies" } do
      local connection = serving:connect()
      connection:send(post(path))
      wait_for_tasks(serving, path == "/body" and 1 or 4)
      connection:close()
      serving:wait_until_idle()
    end
  end)

  -- More has come than the gateway takes ahead: nobody reads up to the end.
  for _, leave in ipairs { "close", "finish" } do
    for _, path in ipairs { "/unread", "/stops-reading" } do
      it("behind what nobody reads cancels its route: " .. path .. " " .. leave, function()
        local connection = serving:connect()
        connection:send(("POST %s HTTP/1.1\r\nHost: test\r\nContent-Length: 1000000\r\n\r\n"):format(path))
        connection:send(("x"):rep(100000))
        wait_for_tasks(serving, 1)
        connection[leave](connection)
        serving:wait_until_idle()
        connection:close()
      end)
    end
  end

  it("leaves the answers to others alone", function()
    local stays, leaves = serving:connect(), serving:connect()
    leaves:send(get "/sleep")
    wait_for_tasks(serving, 1)
    stays:send(get "/hello")
    leaves:close()
    assert.equal("hello", stays:read().body)
    stays:close()
  end)

  it("is no fault, and not logged as one", function()
    leave_while("/generator", 1)
    assert.is_falsy(serving:log():find " error ")
  end)
end)

describe("class 19: a gateway that stops", function()
  it("answers what it cancels with 503, and says in the log how far that reached", function()
    local upstream = socket.listen()
    local serving = gateway.start {
      routes = { ["routes.lua"] = ROUTES },
      environment = { TIDEGATE_TEST_UPSTREAM = upstream.url },
      options = { "--log-level=info", "--drain-timeout-ms=1" },
    }
    local connection = serving:connect()
    connection:send(get "/nested")
    wait_for_tasks(serving, 10)
    serving.process:signal(process.SIGTERM)
    assert.equal(503, connection:read().status)
    connection:close()
    local log = serving:wait_for_end()
    assert.matches("GET /nested cancelled %(request [%x-]+%): shutdown → 9 children\n", log)
    upstream:close()
  end)
end)

describe("class 19: ten thousand clients that leave", function()
  local CLIENTS, AT_ONCE = 10000, 250

  -- Connects a batch of clients of all kinds; the connections, and the tasks that they keep waiting.
  local function send_batch(serving, first)
    local tasks = 0
    local connections = tg.map(tg.range(first, first + AT_ONCE - 1), function(number)
      local kind = KINDS[number % #KINDS + 1]
      tasks = tasks + kind.tasks
      local connection = serving:connect()
      connection:send(kind.bytes)
      return connection
    end)
    return connections, tasks
  end

  it("leave nothing behind, in the gateway nor in its upstream", function()
    local hanging = start "http://127.0.0.1:1"
    local serving = start(hanging.url)
    for batch = 0, CLIENTS / AT_ONCE - 1 do
      local connections, tasks = send_batch(serving, batch * AT_ONCE)
      if batch % 2 == 0 then
        wait_for_tasks(serving, tasks) -- every other batch leaves whenever it is
      end
      for _, connection in ipairs(connections) do
        connection:close()
      end
      serving:wait_until_idle()
    end
    local left = serving:statistics()
    assert.equal(1, left.tasks)
    assert.equal(1, left.clients)
    assert.equal(0, left.upstreams.connections)
    assert.equal(0, left.upstreams.waiting)
    hanging:wait_until_idle()
    assert.equal("hello", serving:get("/hello"):body())
    serving:stop()
    hanging:stop()
  end)
end)
