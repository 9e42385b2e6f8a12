-- The access log as an operator has it: made at the start, opened anew on SIGUSR1.
local gateway = require "tests.support.gateway"
local folder = require "tests.support.folder"
local lfs = require "lfs"
local process = require "tests.support.process"
local wait = require "tests.support.wait"

local ROUTES = [[
return function(app)
  app:get("/hello/{name}", function(request) return "Hello " .. request.params.name end)
end
]]

describe("the access log", function()
  local place, path, serving

  before_each(function()
    place = folder.new()
    path = place:file "access.log"
  end)

  after_each(function()
    place:remove()
  end)

  local function start(...)
    serving = gateway.start { routes = { ["routes.lua"] = ROUTES }, options = { ... } }
  end

  local function wait_for_file(name)
    wait.until_true(name .. " is there", function()
      return lfs.attributes(place:file(name), "mode") == "file"
    end)
  end

  it("is made for its owner and its group", function()
    start("--access-log", path)
    assert.equal("rw-r-----", lfs.attributes(path, "permissions"))
    serving:stop()
  end)

  it("goes on in a new file on SIGUSR1", function()
    start("--access-log", path)
    assert(os.rename(path, path .. ".1"))
    serving.process:signal(process.SIGUSR1)
    wait_for_file "access.log"
    serving:wait_for_log "info the access log was opened anew"
    serving:stop()
  end)

  it("that cannot be opened anew is said so, and the gateway serves all the same", function()
    start("--access-log", place:write("sub/access.log", ""))
    assert(os.rename(place:file "sub", place:file "moved"))
    serving.process:signal(process.SIGUSR1)
    serving:wait_for_log "cannot be opened anew, and goes on as it was: no such file or directory"
    assert.equal("Hello you", serving:get("/hello/you"):body())
    serving:stop()
  end)

  it("that is off makes nothing of SIGUSR1", function()
    start()
    serving.process:signal(process.SIGUSR1)
    assert.equal("Hello you", serving:get("/hello/you"):body())
    assert.not_matches("access log", serving:stop(), 1, true)
  end)

  it("that cannot be opened at the start is an error", function()
    local routes = folder.new { ["routes.lua"] = ROUTES }
    local result = gateway.command { "run", "--routes", routes.path, "--listen=127.0.0.1:0", "--access-log=/nowhere/a" }
    routes:remove()
    assert.equal(1, result.status)
    assert.equal("tidegate: cannot open the access log /nowhere/a: no such file or directory\n", result.err)
  end)
end)
