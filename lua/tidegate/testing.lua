-- Testing routes: an app and its upstreams inside the test's process, without sockets, on a virtual clock.
--
-- `tidegate test` makes the clock virtual for each `it`, unless its name or that of a `describe` around it has the tag
-- #realtime. Whatever a test opens here is closed when it ends.
local core = require "tidegate.core"
local answer_coding = require "tidegate.answer_coding"
local app = require "tidegate.app"
local background = require "tidegate.background"
local call_url = require "tidegate.call_url"
local check = require "tidegate.check"
local compress = require "tidegate.compress"
local forwarding = require "tidegate.forwarding"
local http = require "tidegate.http"
local loader = require "tidegate.loader"
local log = require "tidegate.log"
local reports = require "tidegate.reports"
local serve = require "tidegate.serve"
local task = require "tidegate.task"
local testing_failures = require "tidegate.testing_failures"
local upstream = require "tidegate.testing_upstream"

local testing = {}

local open = {} -- functions that close what the test has opened, in order
local phase -- why nothing can be opened now; nil where something can

-- `tidegate test` says what runs: what a setup opens would be closed by the first test, and served on another clock.
local function check_phase(name)
  if phase then
    core.raise(("%s: %s runs outside of any test, which would close what it opens; call it in before_each or in an it")
      :format(name, phase))
  end
end

--- For `tidegate test`: what runs from here on, where it is no test and nothing of one.
---@param name "setup"|nil
function testing._set_phase(name)
  phase = name
end

--- An in-process client of an app: the calls of tg.http, with paths in place of URLs.
---@class tidegate.TestClient : tidegate.Client
---@field url string where the app can be reached in this process: "http://app.test"
---@field from fun(self, address: string): tidegate.TestClient whose requests seem to come from that address, or "unix:"

local count = 0

-- A host name that no other app of this test has.
local function next_host()
  count = count + 1
  return count == 1 and "app.test" or ("app%d.test"):format(count)
end

local function ignore() end

local is_limit, LIMIT = check.number(0, math.huge), "a number, 0 or more"

local function are_networks(value)
  for _, each in ipairs(type(value) == "table" and value or { false }) do
    if type(each) ~= "string" or each ~= "unix:" and not core.is_network(each) then
      return false
    end
  end
  return true
end

local PEER_PORT = 50000 -- of a peer that is given without one

-- A peer as the core takes it: with a port, or a path. nil where it is none.
local function peer_of(text)
  if type(text) ~= "string" then
    return nil
  elseif text:find "^unix:" then
    return "unix:/peer"
  elseif core.is_network(text) and not text:find("/", 1, true) then
    return (text:find(":", 1, true) and "[%s]:%d" or "%s:%d"):format(text, PEER_PORT)
  end
  return core.normal_address(text)
end

local known = check.options_of("t.app", {
  { "host", "string", "a name, as \"app.test\"" },
  { "dev", "boolean", "true or false" },
  { "merge_slashes", "boolean", "true or false" },
  { "request_timeout_ms", is_limit, "a number of milliseconds, or 0 for none" },
  { "compress", "boolean", "true or false" },
  { "compress_types", "table", "a list of media types" },
  { "trusted_proxies", are_networks, "a list of addresses and ranges, as { \"10.0.0.0/8\", \"unix:\" }" },
  { "peer", function(value) return peer_of(value) ~= nil end, 'an address, as "203.0.113.9", or "unix:"' },
  { "decode_bodies_max", check.number(1), "a number from 1 on" },
  { "half_closed", function(value) return value == "cancel" or value == "serve" end, '"cancel" or "serve"' },
  { "compress_bytes_min", is_limit, LIMIT }, { "compress_bodies_max", is_limit, LIMIT },
  { "head_bytes_max", is_limit, LIMIT }, { "field_count_max", is_limit, LIMIT },
  { "body_bytes_max", is_limit, LIMIT }, { "body_ahead_bytes_max", is_limit, LIMIT },
  { "skipped_bytes_max", is_limit, LIMIT }, { "pipelined_bytes_max", is_limit, LIMIT },
  { "requests_per_connection_max", is_limit, LIMIT }, { "connections_max", is_limit, LIMIT },
  { "connections_per_address_max", is_limit, LIMIT }, { "head_timeout_ms", is_limit, LIMIT },
  { "body_timeout_ms", is_limit, LIMIT }, { "send_timeout_ms", is_limit, LIMIT },
  { "idle_timeout_ms", is_limit, LIMIT }, { "linger_timeout_ms", is_limit, LIMIT },
  { "body_bytes_per_second_min", is_limit, LIMIT }, { "send_bytes_per_second_min", is_limit, LIMIT },
}, { timeout = "request_timeout_ms" })

local function check_app(routes, options)
  if type(routes) ~= "string" and type(routes) ~= "function" then
    check.refuse("t.app takes a folder or a function(app), and options", routes)
  end
  check.options(known, options)
end

-- What is of the whole process, and not of one server, holds until the test ends.
local function configure(options)
  if options.trusted_proxies then
    forwarding.trust(options.trusted_proxies)
  end
  if options.decode_bodies_max then
    compress.configure(options)
  end
end

local function configure_back()
  forwarding.trust {}
  compress.configure {}
end

-- The client of a served app, and those that seem to come from elsewhere: each speaks to a listener of its own.
local function client_of(server, host, peer)
  local url = "http://" .. host
  core.listen_in_memory(server, host, 80, peer and peer_of(peer))
  local client, others = http.client { base_url = url }, {}
  client.url = url
  function client:from(address)
    local text = peer_of(address)
    if getmetatable(self) ~= getmetatable(client) then
      core.raise "client.from is called with a colon: client:from(address)"
    elseif not text then
      check.refuse('client:from takes an address, as "203.0.113.9", or "unix:"', address)
    elseif not others[text] then
      count = count + 1
      local name = ("peer%d.test"):format(count)
      core.listen_in_memory(server, name, 80, text)
      others[text] = http.client { base_url = "http://" .. name, headers = { Host = host } }
      others[text].url, others[text].from = url, client.from
    end
    return others[text]
  end
  return client
end

--- Loads the route files of a folder, or takes a function(app), and serves it in this process.
---@param routes string|fun(app: tidegate.App) a folder; or what a route file returns
---@param options? table host, peer, and the settings of docs/testing.md
---@return tidegate.TestClient
function testing.app(routes, options)
  check_phase "t.app"
  check_app(routes, options)
  options = options or {}
  local loaded
  if type(routes) == "function" then
    loaded = app.new(".")
    routes(loaded)
  else
    loader.forget(routes)
    loaded = loader.load(routes)
  end
  local host = options.host or next_host()
  local values = { gone = serve.gone, stopped = ignore }
  for name, value in pairs(options) do
    values[name] = value
  end
  local compression = answer_coding.read(options)
  values.request = serve.handler(loaded:mount(options.request_timeout_ms, compression), options.dev, compression)
  values.body_bytes_cap = app.body_bytes_cap(loaded)
  configure(options)
  local server = core.serve(values)
  local client = client_of(server, host, options.peer)
  app.set_url(loaded, host)
  background.start(app.periodic(loaded))
  open[#open + 1] = function()
    background.cancel(app.periodic(loaded), "the test has ended")
    core.close_server(server)
  end
  return client
end

-- The host and port of an upstream's address, and what its URLs begin with.
local function place_of(address)
  local path = address:match "^unix:(/.+)$"
  if path then
    return path, 0, address
  end
  local host, port = address:match "^([%w.-]+):(%d+)$"
  if host then
    return host:lower(), tonumber(port), address
  end
  local at = call_url.parse(address)
  if at.slots or at.target ~= "/" then
    core.raise(('t.upstream takes address = "http://name:port", and %q has a path'):format(address))
  end
  return at.host, at.port, "http://" .. at.authority
end

---@class tidegate.TestUpstream
---@field url string
---@field requests tidegate.TestRequest[] what has come

--- What a test's upstream was asked for.
---@class tidegate.TestRequest
---@field method string
---@field url string that was called, with its query
---@field path string the path with its query, as it was sent
---@field params table<string, string>? what the {names} of its route stand for, where a function answers
---@field query table<string, string> decoded
---@field headers table<string, string> without regard to case
---@field body string

--- An upstream that answers inside this process, well or badly.
---@param fields table see docs/testing.md: address, routes, stream, latency, failure, truncate_at, drip
---@return tidegate.TestUpstream
function testing.upstream(fields)
  check_phase "t.upstream"
  if type(fields) ~= "table" or type(fields.address) ~= "string" then
    check.refuse('t.upstream takes a table with address = "http://name:port", "name:port" or "unix:/path"',
      type(fields) == "table" and fields.address or fields)
  end
  local host, port, origin = place_of(fields.address)
  local self = upstream.new(fields, origin)
  local serve_stream = fields.failure ~= "refused" and function(stream)
    self:serve(stream)
  end or nil
  local listener = core.listen_stream_in_memory(host, port, serve_stream)
  open[#open + 1] = function()
    core.close_stream_listener(listener)
    return self:close()
  end
  return self
end

testing.answer = require("tidegate.testing_answer").new

--- Lets this test reach beyond its process from here on, as one with #network in its name may from its beginning.
function testing.network()
  check_phase "t.network"
  core.isolate(false)
end

--- What was logged since the test began, its before_each included: a list of {level, message, fields, time, request}.
--- It is always the same list.
---@type tidegate.LogEntry[]
testing.logs = {}

--- The names of t.app's options, for the check that each setting is one of them or cannot be.
---@return string[]
function testing._app_options()
  return known.names
end

--- For `tidegate test`: a test begins.
function testing._begin()
  for index = #testing.logs, 1, -1 do
    testing.logs[index] = nil
  end
  log._keep(testing.logs)
end

testing.clock = {
  --- The clock of the test: seconds, as tg.now().
  now = core.now,
}

--- Lets everything run that can, until all wait for time to pass or for something from outside.
---@async
function testing.clock.settle()
  task.results(core.settle())
end

--- Lets so much time pass, and everything happen that is due by then, the last moment included.
---@async
---@param seconds number
function testing.clock.advance(seconds)
  task.sleep(seconds)
  testing.clock.settle()
end

--- What has failed in this test where nobody hears of it: in a background task, in app:every, in a clean-up. It fails
--- the test no more. Everything runs before that can do so without time passing.
---@async
---@return tidegate.TestFailure[] # in the order in which they came; each is given once
function testing.failures()
  testing.clock.settle()
  return testing_failures.take()
end

--- Closes what the test has opened. `tidegate test` calls it.
---@return {value: any}? # what an answer function of an upstream has raised, which fails the test
function testing.close()
  local fault
  for index = #open, 1, -1 do
    fault = open[index]() or fault
    open[index] = nil
  end
  count = 0
  configure_back()
  reports.forget()
  return fault
end

return testing
