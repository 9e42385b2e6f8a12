-- A disk that does not answer: the threads that wait for it are not the loop's, other requests go on, the time of the
-- one that hangs is bounded, and the process ends. #realtime
local failing_calls = require "tests.support.failing_calls"
local folder = require "tests.support.folder"
local request = require "tests.support.request"
local socket = require "tests.support.socket"
local wait = require "tests.support.wait"

local EAGAIN = 11
local SIGTERM = 15
local THREADS = 4 -- that read files

local ROUTES = [[
return function(app)
  app:get("/hello", function() return "hello" end)
  app:static("/files", %q)
end
]]

describe("a file whose disk does not answer #realtime", function()
  local files, calls, serving

  before_each(function()
    files = folder.new { small = "a small file", large = ("x"):rep(8 * 1024 * 1024) }
    calls, serving = failing_calls.start({ ["routes.lua"] = ROUTES:format(files.path) },
      { "--request-timeout-ms=500", "--drain-timeout-ms=60000" })
    calls:fail_all("rw/preadv2", EAGAIN) -- nothing is in memory
    calls:fail_all "rw/pread/hang"
  end)

  after_each(function()
    serving:dispose()
    calls.place:remove()
    files:remove()
  end)

  local function ask(name)
    local connection = socket.connect(serving.port)
    connection:write(request.get("/files/" .. name, "Connection: close"))
    return connection
  end

  it("holds up nobody else, and its request ends in time", function()
    local hanging = {}
    for index = 1, THREADS + 2 do
      hanging[index] = ask(index % 2 == 0 and "small" or "large")
    end
    for _ = 1, 20 do
      assert.equal("hello", serving:get("/hello"):body())
    end
    for _, connection in ipairs(hanging) do
      local answer = connection:read_rest()
      assert.matches("^HTTP/1.1 200 OK\r\n", answer)
      assert.matches("\r\n\r\n$", answer) -- the body that it tells of never comes, and the connection ends
      connection:close()
    end
    assert.matches("warn GET /files/%l+ broke off its answer %(request [%x-]+%): the deadline of 0.5 s passed\n",
      serving:log())
    calls:heal()
    assert.equal("a small file", serving:get("/files/small"):body())
  end)

  it("does not keep the process from ending", function()
    local connection = ask "large"
    connection:read_head()
    serving.process:signal(SIGTERM)
    wait.until_true("it stops", function() return serving:log():find("stopping", 1, true) end)
    serving.process:signal(SIGTERM)
    assert.equal(0, serving.process:wait())
    assert.matches("cancelling what is still under way", serving:log(), 1, true)
    assert.matches("reading a file hangs; the process ends without waiting for it", serving:log(), 1, true)
    assert.not_matches(" error ", serving:log(), 1, true)
    connection:close()
  end)
end)
