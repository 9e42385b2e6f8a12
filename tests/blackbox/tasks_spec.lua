-- `tidegate tasks`: the tree of a running gateway, over its admin socket.
local tg = require "tidegate"
local lfs = require "lfs"
local folder = require "tests.support.folder"
local gateway = require "tests.support.gateway"
local process = require "tests.support.process"
local request = require "tests.support.request"
local wait = require "tests.support.wait"

local SIGSTOP, SIGCONT = 19, 18

local ROUTES = { ["a.lua"] = [[
local tg = require "tidegate"
local hold = require "tests.support.hold"
return function(app)
  app:get("/gather", function()
    tg.fail_after(3600, tg.gather, {
      function() tg.sleep(1000) end,
      function() tg.gather { function() tg.event():wait() end } end,
    })
  end)
  app:get("/blocking", function() tg.blocking("tests.support.in_thread", "wait", tg.env "GATE") return 204 end)
  app:post("/body", function(request) request:body() return 204 end)
  app:get("/write", function()
    local stream = tg.tcp.connect("127.0.0.1", tonumber(tg.env "PEER"))
    stream:write(("x"):rep(64 * 1024 * 1024))
  end)
  app:get("/background", function() tg.background(tg.sleep, 1000) return 202 end)
  app:get("/hold", function() hold(0.06) return 204 end)
end
]] }

describe("tidegate tasks", function()
  local place, serving

  -- Starts a gateway whose runtime folder is the test's own.
  local function start(options, environment)
    environment = environment or {}
    environment.XDG_RUNTIME_DIR = place.path
    environment.LUA_PATH = lfs.currentdir() .. "/?.lua;;"
    return gateway.start { routes = ROUTES, options = options, environment = environment }
  end

  local function tasks(...)
    return gateway.command({ "tasks", ... }, { environment = { XDG_RUNTIME_DIR = place.path } })
  end

  local function default_path(of)
    return place:file("tidegate/127.0.0.1_" .. of.port .. ".sock")
  end

  -- The tree of a gateway, which must be there.
  local function tree_of(of)
    local result = tasks("--listen=127.0.0.1:" .. of.port)
    assert.equal("", result.err)
    assert.equal(0, result.status)
    return result.out
  end

  -- Sends a request on a connection of its own, and waits until its tree matches.
  local function wait_for_tree(bytes, pattern, of)
    local connection = (of or serving):connect()
    connection:send(bytes)
    local text
    wait.until_true("the tree shows " .. pattern, function()
      local result = tasks("--listen=127.0.0.1:" .. (of or serving).port)
      text = result.out
      return result.status == 0 and text:find(pattern) -- on a busy machine an answer may come too late
    end)
    return text, connection
  end

  local function stop()
    local ending = serving
    serving = nil
    return ending:stop()
  end

  before_each(function()
    place = folder.new()
  end)

  after_each(function()
    if serving then
      serving:dispose()
      serving = nil
    end
    place:remove()
  end)

  it("shows request, gather and children: waits, times, deadlines, lines", function()
    serving = start()
    assert.equal("no task runs\n", tree_of(serving))
    local text, connection = wait_for_tree(request.get "/gather", "event:wait")
    local seconds, left = "for %d+%.%d%d s, ", "deadline in 3[56]%d%d%.%d%d s, "
    assert.matches(("^GET /gather %%(request [%%x-]+%%-%%d+%%), waits on tg.gather %s%sat [^\n]*a.lua:5\n"
      .. "├─ child, waits on tg.sleep %s%sat [^\n]*a.lua:6\n"
      .. "└─ child, waits on tg.gather %s%sat [^\n]*a.lua:7\n"
      .. "   └─ child, waits on event:wait %s%sat [^\n]*a.lua:7\n$"):format(seconds, left, seconds, left, seconds, left,
        seconds, left), text)
    connection:close()
    wait.until_true("the tree is empty", function()
      return tree_of(serving) == "no task runs\n"
    end)
    stop()
  end)

  it("has a name for every wait", function()
    local peer = require("tests.support.socket").listen()
    local gate = place:file "gate"
    serving = start(nil, { GATE = gate, PEER = tostring(peer.port) })
    local _, first = wait_for_tree(request.get "/blocking", "GET /blocking [^\n]* waits on tg.blocking for")
    local _, second = wait_for_tree("POST /body HTTP/1.1\r\nHost: test\r\nContent-Length: 5\r\n\r\n",
      "POST /body [^\n]* waits on request:body for [^\n]* at [^\n]*a.lua:11\n")
    local _, third = wait_for_tree(request.get "/write", "GET /write [^\n]* waits on stream:write for")
    local _, fourth = wait_for_tree(request.get "/background", "\nbackground, waits on tg.sleep for")
    peer:accept():close()
    peer:close()
    io.open(gate, "w"):close()
    for _, connection in ipairs { first, second, third, fourth } do
      connection:close()
    end
  end)

  it("shows who has held the loop", function()
    serving = start()
    serving:ask(request.get "/hold")
    assert.matches("no task runs\nGET /hold held the loop 1 time, %d+ ms at the longest\n$", tree_of(serving))
    local log = stop()
    assert.matches("warn the loop was held for %d+ ms by GET /hold %(request [%x-]+, /hold%), before it waited again "
      .. "or ended at [^\n]*a.lua:17\n", log)
  end)

  it("answers while the gateway drains", function()
    serving = start { "--drain-timeout-ms=60000" }
    local _, connection = wait_for_tree(request.get "/gather", "GET /gather")
    serving.process:signal(process.SIGTERM)
    serving:wait_for_log "stopping;"
    local text = tree_of(serving)
    assert.matches("GET /gather", text, 1, true)
    assert.matches("background, waits on draining connections", text, 1, true)
    connection:close() -- and nothing is left to wait for
    local ending = serving
    serving = nil
    ending:wait_for_end()
  end)

  it("asks over a socket that is its owner's alone, and that is gone with the gateway", function()
    serving = start()
    local path = default_path(serving)
    assert.equal("socket", lfs.attributes(path, "mode"))
    assert.equal("rw-------", lfs.attributes(path, "permissions"))
    assert.equal("rwx------", lfs.attributes(place:file "tidegate", "permissions"))
    stop()
    assert.is_nil(lfs.attributes(path))
  end)

  it("takes a path of one's own", function()
    local path = place:file "own.sock"
    serving = start { "--admin-socket=" .. path }
    assert.equal("rw-------", lfs.attributes(path, "permissions"))
    assert.is_nil(lfs.attributes(default_path(serving)))
    assert.equal("no task runs\n", tasks("--admin-socket=" .. path).out)
    stop()
    assert.is_nil(lfs.attributes(path))
  end)

  it("says that there is no socket where there is to be none", function()
    serving = start { "--admin-socket=none" }
    assert.is_nil(lfs.attributes(default_path(serving)))
    local result = tasks "--admin-socket=none"
    assert.same({ status = 1, out = "", err = "tidegate: a gateway with the admin socket none cannot be asked\n" },
      result)
    stop()
  end)

  it("says that no gateway answers", function()
    local function message(path, why)
      return ("tidegate: no gateway answers at the admin socket %s: %s. Is it running, with the same --listen or "
        .. "--admin-socket?\n"):format(path, why)
    end
    for path, whole in pairs { [place:file "nothing.sock"] = place:file "nothing.sock",
      ["relative.sock"] = lfs.currentdir() .. "/relative.sock" } do
      local result = tasks("--admin-socket=" .. path)
      assert.equal(1, result.status)
      assert.equal(message(whole, "no such file or directory"), result.err)
    end
    local long = "/" .. ("x"):rep(200)
    assert.equal(message(long, "name too long"), tasks("--admin-socket=" .. long).err)
    serving = start()
    assert.equal(message(place:file "tidegate/127.0.0.1_1.sock", "no such file or directory"),
      tasks("--listen=127.0.0.1:1").err)
    stop()
  end)

  it("says that a gateway does not answer, and does not wait for ever", function()
    serving = start()
    serving.process:signal(SIGSTOP)
    local result = tasks("--listen=127.0.0.1:" .. serving.port)
    serving.process:signal(SIGCONT)
    assert.equal(1, result.status)
    assert.matches("has not answered for 2 s; something holds its loop\n$", result.err)
    stop()
  end)

  it("says that what answers is no gateway", function()
    serving = start { "--admin-socket=none" }
    local path = place:file "other.sock"
    local other = gateway.start { routes = ROUTES, listen = { "unix:" .. path }, options = { "--admin-socket=none" },
      environment = { LUA_PATH = lfs.currentdir() .. "/?.lua;;" } }
    local result = tasks("--admin-socket=" .. path)
    other:dispose()
    assert.equal(1, result.status)
    assert.matches("what answers at the admin socket [^\n]* is not a gateway\n$", result.err)
    stop()
  end)

  it("finds the gateway by its address, however that is written", function()
    serving = start()
    for _, host in ipairs { "localhost:", "127.0.0.1:0" } do
      local result = tasks("--listen=" .. host .. serving.port)
      assert.same({ status = 0, out = "no task runs\n", err = "" }, result)
    end
    stop()
    local path = place:file "main.sock"
    serving = gateway.start { routes = ROUTES, listen = { "unix:" .. path, "127.0.0.1:0" },
      environment = { XDG_RUNTIME_DIR = place.path, LUA_PATH = lfs.currentdir() .. "/?.lua;;" } }
    assert.same({ status = 0, out = "no task runs\n", err = "" }, tasks("--listen=unix:" .. path))
    stop()
  end)

  it("uses no folder that others may enter, and finds the socket in the next one", function()
    assert(os.execute(("mkdir -m 755 '%s'"):format(place:file "tidegate")) == 0)
    serving = start()
    assert.is_nil(lfs.attributes(default_path(serving)))
    assert.equal("no task runs\n", tree_of(serving))
    stop()
  end)

  -- What follows takes two users, and so root.
  local function as_nobody(command)
    local words = { "/usr/bin/setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", unpack(command) }
    local child = process.start { command = words, environment = { XDG_RUNTIME_DIR = place.path } }
    return child
  end

  local function can_be_nobody()
    local child = as_nobody { gateway.binary, "version" }
    local status = child:wait()
    child:dispose()
    return status == 0
  end

  it("hears nobody else but root, though the socket be open to all", function()
    if not can_be_nobody() then
      return pending "only root can be another user"
    end
    os.execute(("chmod 755 '%s'"):format(place.path))
    local path = place:file "open.sock"
    serving = start { "--admin-socket=" .. path }
    assert.equal("no task runs\n", tasks("--admin-socket=" .. path).out)
    os.execute(("chmod 666 '%s'"):format(path))
    local child = as_nobody { gateway.binary, "tasks", "--admin-socket=" .. path }
    assert.equal(1, child:wait())
    assert.equal("", child:stdout())
    assert.matches("what answers at the admin socket [^\n]* has closed the connection without an answer\n$",
      child:stderr())
    child:dispose()
    assert.equal("no task runs\n", tasks("--admin-socket=" .. path).out)
    stop()
  end)

  it("does not believe another user's process", function()
    if not can_be_nobody() then
      return pending "only root can be another user"
    end
    os.execute(("chmod 777 '%s'"):format(place.path))
    local routes = folder.new(ROUTES)
    os.execute(("chmod 755 '%s'"):format(routes.path))
    local path = place:file "other.sock"
    local other = as_nobody { gateway.binary, "run", "--routes=" .. routes.path, "--listen=127.0.0.1:0",
      "--admin-socket=" .. path }
    wait.until_true("the other user's gateway listens", function()
      return other:stderr():find("listens on", 1, true)
    end)
    local result = tasks("--admin-socket=" .. path)
    assert.equal(1, result.status)
    assert.equal("", result.out)
    assert.matches("^tidegate: the admin socket [^\n]* belongs to the user 65534; only one of this user %(0%) "
      .. "or of root is trusted\n$", result.err)
    other:dispose()
    routes:remove()
  end)

  it("prints what answers so that it only shows", function()
    local path = place:file "fake.sock"
    local routes = { ["a.lua"] = [[return function(app)
      app:get("/tasks", function() return "a\27[2Jb\n\155c\226\128\174\r\n" end)
    end]] }
    serving = gateway.start { routes = routes, listen = { "unix:" .. path }, options = { "--admin-socket=none" } }
    assert.same({ status = 0, err = "", out = "a\\x1b[2Jb\n\\x9bc\\xe2\\x80\\xae\\x0d\n" },
      tasks("--admin-socket=" .. path))
    stop()
  end)

  it("is not misled by the socket that a killed gateway has left", function()
    local path = place:file "admin.sock"
    serving = start { "--admin-socket=" .. path }
    serving.process:signal(process.SIGKILL)
    serving.process:wait()
    serving:dispose()
    serving = nil
    assert.equal("socket", lfs.attributes(path, "mode"))
    assert.matches("no gateway answers", tasks("--admin-socket=" .. path).err, 1, true)
    serving = start { "--admin-socket=" .. path }
    assert.equal("no task runs\n", tasks("--admin-socket=" .. path).out)
    assert.not_matches("admin socket", stop(), 1, true)
  end)

  it("tells two gateways apart", function()
    serving = start()
    local other = start()
    local _, connection = wait_for_tree(request.get "/gather", "GET /gather", other)
    assert.equal("no task runs\n", tree_of(serving))
    connection:close()
    other:dispose()
    stop()
  end)

  it("leaves the socket of another gateway alone", function()
    local path = place:file "admin.sock"
    serving = start { "--admin-socket=" .. path }
    local other = start { "--admin-socket=" .. path }
    assert.matches("warn the admin socket at [^\n]*admin.sock cannot be opened: another process listens there\n",
      other:stop())
    assert.equal("no task runs\n", tasks("--admin-socket=" .. path).out)
    stop()
  end)

  it("answers only for hosts of its own, over HTTP too", function()
    serving = start()
    local function status_for(host, path)
      local stream = tg.unix.connect(default_path(serving))
      stream:write(("GET %s HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n\r\n"):format(path or "/tasks", host))
      local status = tonumber(stream:read_until("\r\n\r\n"):match "^HTTP/1.1 (%d+)")
      stream:close()
      return status
    end
    assert.equal(200, status_for "admin")
    assert.equal(200, status_for "localhost")
    for _, host in ipairs { "evil.example", "127.0.0.1", "admin.evil.example" } do
      assert.equal(421, status_for(host), host)
      assert.equal(421, status_for(host, "/nowhere"), host)
    end
    assert.equal(404, status_for("admin", "/"))
    stop()
  end)
end)
