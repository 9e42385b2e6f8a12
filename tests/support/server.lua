-- A server inside the test process, for specs of what a handler sees and what becomes of what it returns.
local core = require "tidegate.core"
local reports = require "tidegate.reports"
local serve = require "tidegate.serve"
local client = require "tests.support.client"
local testing = require "tidegate.testing"
local testing_failures = require "tidegate.testing_failures"

local server = {}

-- A process has one server, and busted forgets modules between files: so it is kept with the core. It starts before
-- any test, for no test may leave a server behind.
local function start()
  local state = {}
  local handle = core.serve {
    request = function(...)
      return state.serve(...)
    end,
    gone = serve.gone,
    stopped = function() end,
  }
  state.port = tonumber(core.listen(handle, "127.0.0.1:0"):match(":(%d+)$"))
  return state
end

core.server_of_tests = core.server_of_tests or start()

--- Connects to the server, which answers with `handle` from now on.
---@async
---@param handle fun(request): any
---@param dev? boolean
function server.connect(handle, dev)
  local state = core.server_of_tests
  testing.network() -- it listens on a real socket
  state.serve = serve.handler(function()
    return handle
  end, dev or false)
  return client.connect(state.port)
end

--- Sends bytes on a connection of their own and reads the answer.
---@async
---@return tests.Answer
function server.ask(handle, bytes, dev)
  local connection = server.connect(handle, dev)
  local answer = connection:ask(bytes, bytes:sub(1, 5) == "HEAD ")
  connection:close()
  return answer
end

--- Asks for a path with GET, or with another method.
---@async
function server.get(handle, path, fields, method)
  local lines = { ("%s %s HTTP/1.1\r\nHost: test"):format(method or "GET", path), unpack(fields or {}) }
  return server.ask(handle, table.concat(lines, "\r\n") .. "\r\n\r\n")
end

--- Calls `fn` and returns what was logged meanwhile, a list of {level, message}, and not written to standard error: of
--- each place that fails again and again the first report, see reports.lua. The failures that only the log has are
--- returned, too, and fail no test.
---@async
---@return table[] lines
---@return tidegate.TestFailure[]
function server.logged(fn)
  local lines, write = {}, core.log
  reports.forget() -- the first of each place is told in full
  core.log = function(level, message)
    lines[#lines + 1] = { level = level, message = message }
  end
  local ok, err = pcall(fn)
  core.log = write
  if not ok then
    error(err, 0)
  end
  return lines, testing_failures.take()
end

return server
