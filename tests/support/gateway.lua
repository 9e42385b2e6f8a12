-- The real binary as a child process, and what a test asks of it.
local assert = require "luassert"
local busted = require "busted"
local tg = require "tidegate"
local lfs = require "lfs"
local client = require "tests.support.client"
local folder = require "tests.support.folder"
local memory = require "tests.support.memory"
local process = require "tests.support.process"
local request = require "tests.support.request"
local wait = require "tests.support.wait"

local BINARY = os.getenv("TIDEGATE_BINARY") or "build/debug/tidegate"
if BINARY:sub(1, 1) ~= "/" then
  BINARY = lfs.currentdir() .. "/" .. BINARY
end

local REPORTS = { "AddressSanitizer", "LeakSanitizer", "runtime error:", "Assertion", "an error of tidegate's own" }

-- What is left in the gateway, as one of its own routes sees it.
local STATISTICS = [[
local core = require "tidegate.core"
return function(app)
  app:get("/statistics-of-tests", function()
    return { tasks = core.task_count(), clients = core.connection_count(), upstreams = core.client_statistics() }
  end)
end
]]

local gateway = { binary = BINARY }

--- Runs a command of the binary to its end.
---@async
---@param arguments string[]
---@param more? {environment?: table<string, string>, folder?: string}
---@return {status: integer, out: string, err: string}
function gateway.command(arguments, more)
  local command = { BINARY, unpack(arguments) }
  more = more or {}
  local child = process.start { command = command, environment = more.environment, folder = more.folder }
  local result = { status = child:wait(), out = child:stdout(), err = child:stderr() }
  child:dispose()
  return result
end

--- Runs a command that must fail with one message and nothing else.
---@async
---@return string message without the program's name
---@return integer status
function gateway.refused(arguments, more)
  local result = gateway.command(arguments, more)
  assert.equal("", result.out)
  assert.not_matches("traceback", result.err, 1, true)
  local message = result.err:match "^tidegate: ([^\n]*)\n$"
  assert.is_truthy(message, "not one line: " .. result.err)
  return message, result.status
end

local Gateway = {}
Gateway.__index = Gateway

-- A command under a limit of file descriptors.
local function limited(command, descriptors)
  return { "/bin/sh", "-c", ('ulimit -n %d && exec "$0" "$@"'):format(descriptors), unpack(command) }
end

local function start(self, fields)
  local routes = fields.routes
  if type(routes) == "table" then
    self.folder = folder.new(routes)
    self.folder:write("statistics_of_tests.lua", STATISTICS)
    routes = self.folder.path
  end
  local binary = fields.unsanitized and lfs.currentdir() .. "/build/debug/tidegate" or BINARY
  local command = { unpack(fields.prefix or {}) }
  for _, word in ipairs { binary, "run", "--routes", routes, unpack(fields.options or {}) } do
    command[#command + 1] = word
  end
  for _, address in ipairs(fields.listen or { "127.0.0.1:0" }) do
    command[#command + 1] = "--listen=" .. address
  end
  if fields.descriptors then
    command = limited(command, fields.descriptors)
  end
  self.process = process.start { command = command, environment = fields.environment }
  self:wait_until_it_listens()
end

--- Starts a gateway on a free port and waits until it listens. Nobody need end it for a spec that fails: see
--- belongings.lua.
---@async
---@param fields table routes (texts of route files by name, or a folder that is there), options, environment, listen,
--- descriptors (the most that it may have), unsanitized (for its memory to be measured), prefix
--- (a command that runs it)
function gateway.start(fields)
  local self = setmetatable({}, Gateway)
  start(self, fields)
  return self
end

--- A gateway for all tests of the block around, which starts before them and stops behind them.
---@param fields table as for gateway.start
---@param check? fun(log: string) of what it has logged
function gateway.of_block(fields, check)
  local self = setmetatable({}, Gateway)
  busted.setup(function()
    start(self, fields)
  end)
  busted.teardown(function()
    local log = self:stop()
    if check then
      check(log)
    end
  end)
  return self
end

function Gateway:wait_until_it_listens()
  local line = wait.until_true("the gateway listens", function()
    assert(not self.process:has_ended(), "the gateway did not start: " .. self:log())
    return self:log():match("listens on ([^\n]*)\n")
  end)
  self.port = tonumber(line:match("http://127%.0%.0%.1:(%d+)"))
  self.url = self.port and "http://127.0.0.1:" .. self.port
end

--- Bytes of memory of its own.
function Gateway:memory_bytes()
  return memory.of(self.process.pid)
end

--- How many descriptors it has open.
function Gateway:descriptor_count()
  local count = 0
  for _ in lfs.dir(("/proc/%d/fd"):format(self.process.pid)) do
    count = count + 1
  end
  return count
end

--- Calls `fn`; how much more memory it held meanwhile than before.
---@async
function Gateway:memory_growth(fn)
  return memory.growth_during(self.process.pid, fn)
end

--- Everything that it has logged.
function Gateway:log()
  return self.process:stderr()
end

--- Waits until it has logged a text.
---@async
---@return string # the whole log
function Gateway:wait_for_log(text)
  return wait.until_true(("the gateway has logged %q"):format(text), function()
    local log = self:log()
    return log:find(text, 1, true) and log
  end)
end

--- A connection to it, for bytes of one's own.
---@async
function Gateway:connect()
  return client.connect(self.port)
end

--- A connection to it for each test of the block around, which is closed behind it.
function Gateway:connection_of_tests()
  local connection = client.new()
  busted.before_each(function()
    connection:open(self.port)
  end)
  busted.after_each(function()
    connection:close()
  end)
  return connection
end

--- Sends bytes on a connection of their own and reads the answer.
---@async
function Gateway:ask(bytes, to_head)
  local connection = self:connect()
  local answer = connection:ask(bytes, to_head)
  connection:close()
  return answer
end

--- A GET over the HTTP client.
---@async
function Gateway:get(path, options)
  return tg.http.get(self.url .. path, options)
end

--- {tasks, clients, upstreams = {origins, connections, idle, waiting}}, the asking request included. It asks over a new
--- connection, which is accepted after all that were made before: none of them is left out.
---@async
function Gateway:statistics()
  return tg.json.decode(self:ask(request.get "/statistics-of-tests").body)
end

--- Waits until only the asking request's own task is left.
---@async
function Gateway:wait_until_idle()
  wait.until_true("the gateway's tasks have ended", function()
    return self:statistics().tasks == 1
  end)
end

local function check_log(log)
  for _, report in ipairs(REPORTS) do
    assert(not log:find(report, 1, true), "the gateway's log holds a report:\n" .. log)
  end
end

--- Waits for the end of a gateway that is ending, and checks that all was well.
---@async
function Gateway:wait_for_end()
  local status, log = self.process:wait(), self:log()
  self:dispose()
  assert(status == 0, ("the gateway ended with status %d:\n%s"):format(status, log))
  check_log(log)
  return log
end

--- Ends it as an operator does, and checks that nothing was left under way, that it ended well and that no sanitizer
--- had anything to report.
---@async
---@return string # its log
function Gateway:stop()
  assert(not self.process:has_ended(), "the gateway has ended already:\n" .. self:log())
  if self.folder and self.port then
    self:wait_until_idle()
  end
  self.process:signal(process.SIGTERM)
  return self:wait_for_end()
end

--- Kills it where it still runs and removes its files.
---@async
function Gateway:dispose()
  self.process:dispose()
  if self.folder then
    self.folder:remove()
  end
end

return gateway
