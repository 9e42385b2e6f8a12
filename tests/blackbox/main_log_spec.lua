-- Classes 22 and 23: what the main log says of requests, and what becomes of it where nobody reads or nothing fits.
local tg = require "tidegate"
local lfs = require "lfs"
local folder = require "tests.support.folder"
local gateway = require "tests.support.gateway"
local process = require "tests.support.process"
local wait = require "tests.support.wait"

local ROUTES = [[
local tg = require "tidegate"
return function(app)
  app:get("/say", function(request)
    tg.log.info("%s", request.query.text)
    return "said"
  end)
  app:get("/talk/{kilobytes}", function(request)
    for line = 1, request.params.kilobytes do
      tg.log.info("line %d %s", line, ("x"):rep(1000))
    end
    return "talked"
  end)
  app:get("/long", function()
    tg.log.info("long %s end", ("y"):rep(200000))
    return "long"
  end)
  app:get("/fails", function() error "as told" end)
  app:get("/fails/{rest...}", function(request) error("no " .. request.params.rest) end)
  app:post("/fails", function(request) error("as told " .. request:body()) end)
end
]]

describe("class 22: a line of the log", function()
  local serving = gateway.of_block { routes = { ["routes.lua"] = ROUTES } }

  it("cannot be forged nor control a terminal", function()
    local text = "a\r\n2030-01-01T00:00:00.000Z info forged\27[2J\b\194\155H\127end\194\160\195\169"
    serving:get("/say", { query = { text = text } })
    local log = serving:wait_for_log "end"
    local escaped = "info forged\\x1b[2J\\x08\\xc2\\x9bH\\x7fend\194\160\195\169\n"
    assert.matches("info a\\x0d\n    2030-01-01T00:00:00.000Z " .. escaped, log, 1, true)
  end)

  it("is short, however long what a client sends", function()
    local path = ("fails/" .. ("é"):rep(2000))
    serving:get("/" .. path)
    local log = serving:wait_for_log "… (4,0"
    local line = log:match "[^\n]* error GET /fails/[^\n]*\n"
    assert.matches("^%S+ error GET /fails/[%%A-F0-9]+… %(12,007 bytes%) failed %(request [%x-]+%): .*: no [é]+… "
      .. "%(4,0%d%d bytes%)\n$", line)
    assert.is_true(#line < 2500, line)
    serving:get("/say", { query = { text = ("z"):rep(10000) .. "\nbehind" } })
    line = serving:wait_for_log("(10,007 bytes)"):match "info (z+… [^\n]*)\n"
    assert.equal(("z"):rep(8192) .. "… (10,007 bytes)", line)
  end)

  it("holds neither Authorization nor Cookie of a request that fails, nor its query", function()
    local secret = "Bearer-of-" .. math.random(1e9)
    local headers = { Authorization = secret, Cookie = "session=" .. secret, ["Proxy-Authorization"] = secret }
    local answer = serving:get("/fails", { headers = headers, query = { token = secret } })
    local log = serving:wait_for_log(answer:json().request_id)
    assert.is_nil(log:find(secret, 1, true))
  end)
end)

-- A gateway whose standard error a shell has opened as `redirection` says, after the command `first`; it listens on a
-- Unix socket.
local function start(place, redirection, first)
  place:write("routes/routes.lua", ROUTES)
  local socket = place:file "socket"
  local script = ('%s exec "$0" run --routes "$1" --listen "unix:$2" --admin-socket none %s'):format(first or "",
    redirection)
  local child = process.start { command = { "/bin/sh", "-c", script, gateway.binary, place:file "routes", socket } }
  wait.until_true("the gateway listens", function()
    local is_open, stream = pcall(tg.unix.connect, socket) -- the socket is there before anybody listens on it
    if is_open then
      stream:close()
    end
    return is_open
  end)
  return child, socket
end

local function ask(socket, path)
  return wait.within(function()
    local stream = tg.unix.connect(socket)
    stream:write(("GET %s HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n"):format(path))
    local parts = {}
    for bytes in function() return stream:read() end do
      parts[#parts + 1] = bytes
    end
    stream:close()
    return table.concat(parts):match "\r\n\r\n(.*)$"
  end)
end

describe("class 23: the log", function()
  local place, child, reader

  before_each(function()
    place = folder.new()
  end)

  after_each(function()
    for _, each in pairs { child, reader } do
      each:dispose()
    end
    child, reader = nil, nil
    place:remove()
  end)

  it("in a pipe that nobody reads holds nobody up, and says later how much was dropped", function()
    local socket
    local fifo = place:file "fifo"
    assert(os.execute(("mkfifo '%s'"):format(fifo)) == 0)
    child, socket = start(place, ("3<>'%s' 2>'%s'"):format(fifo, fifo))
    assert.equal("talked", ask(socket, "/talk/200"))
    assert.equal("long", ask(socket, "/long"))
    assert.equal("said", ask(socket, "/say?text=unheard"))
    reader = process.start { command = { "/bin/cat", fifo } }
    local log
    wait.until_true("the log goes on", function()
      ask(socket, "/say?text=heard")
      log = reader:stdout()
      return log:find("info heard\n", 1, true)
    end)
    assert.matches("info line 1 x", log, 1, true)
    assert.is_nil(log:find("unheard", 1, true))
    local dropped = tonumber(log:match "\n%S+ warn (%d+) messages were dropped: standard error did not take")
    local _, taken = log:gsub("info line %d+ x+\n", "")
    assert.is_true(dropped >= 202 - taken, log:sub(-2000)) -- those heard while the pipe was full come on top
    assert.matches("Z warn %d+ messages[^\n]*\n[^\n]* info heard\n", log)
  end)

  it("on a full disk holds nobody up", function()
    local socket
    child, socket = start(place, "2>/dev/full")
    assert.equal("talked", ask(socket, "/talk/20"))
    assert.equal("said", ask(socket, "/say?text=x"))
  end)

  it("that may not grow any more holds nobody up, and says later how much was dropped", function()
    local path = place:file "log"
    local socket
    child, socket = start(place, ("2>>'%s'"):format(path), "ulimit -f 8;") -- in blocks of 512 bytes
    assert.equal("talked", ask(socket, "/talk/20"))
    assert.equal("said", ask(socket, "/say?text=unheard"))
    assert.equal(8 * 512, lfs.attributes(path, "size"))
    local full = io.lines(path)
    assert.matches("listens on", full())
    io.open(path, "w"):close() -- somebody makes room
    assert.equal("said", ask(socket, "/say?text=heard"))
    local log = io.open(path):read "*a"
    assert.matches("^\n%S+ warn 1[789] messages were dropped: standard error did not take them\n%S+ info heard\n$", log)
    child:signal(process.SIGTERM)
    assert.equal(0, child:wait())
  end)

  it("that is closed holds nobody up, and no socket takes its place", function()
    local socket
    child, socket = start(place, "2>&-")
    assert.equal("talked", ask(socket, "/talk/20"))
    assert.equal("said", ask(socket, "/say?text=x"))
    assert.equal("/dev/null", lfs.symlinkattributes(("/proc/%d/fd/2"):format(child.pid), "target"))
  end)
end)
