-- The module that routes require: `local tg = require "tidegate"`.
local check = require "tidegate.check"
local core = require "tidegate.core"
require "tidegate.coroutines"
local abort = require "tidegate.abort"
local background = require "tidegate.background"
local blocking = require "tidegate.blocking"
local defer = require "tidegate.defer"
local gather = require "tidegate.gather"
local json = require "tidegate.json"
local multimap = require "tidegate.multimap"
local response = require "tidegate.response"
local scope = require "tidegate.scope"
local task = require "tidegate.task"
local variables = require "tidegate.variables"

local tg = {
  version = core.version,
  http = require "tidegate.http",
  base64 = require("tidegate.encoding").base64,
  hex = require("tidegate.encoding").hex,
  json = json,
  log = require "tidegate.log",
  tcp = require "tidegate.tcp",
  unix = require "tidegate.unix",
  url = require "tidegate.url",

  null = json.null,
  abort = abort.raise,
  response = response.new,
  background = background.spawn,
  blocking = blocking.call,
  channel = require("tidegate.sync.channel").new,
  defer = defer.add,
  event = require("tidegate.sync.event").new,
  fail_after = scope.fail_after,
  gather = gather.gather,
  lock = require("tidegate.sync.lock").new,
  map = gather.map,
  move_on_after = scope.move_on_after,
  race = gather.race,
  range = task.range,
  remaining = scope.remaining,
  scope = scope.open,
  semaphore = require("tidegate.sync.semaphore").new,
  shield = scope.shield,
  sleep = task.sleep,
  values = multimap.values,
  with = multimap.with,
}

--- The loop's monotonic clock.
---@return number # seconds; only differences mean something
tg.now = core.now

--- The time of day; in tests that of their virtual clock, which os.time and os.date follow too.
---@return number # seconds since 1970 (UTC), with fractions
tg.time = core.time

--- Are two texts the same? How long the answer takes does not tell how much of them is: for tokens and signatures.
---@param a string
---@param b string
---@return boolean
function tg.constant_time_equal(a, b)
  if type(a) ~= "string" or type(b) ~= "string" then
    check.refuse("tg.constant_time_equal takes two strings", type(a) ~= "string" and a or b)
  end
  return core.constant_time_equal(a, b)
end

--- A variable of the process's environment.
---@param name string
---@param default? string what is returned where it is not set or empty
---@return string?
function tg.env(name, default)
  local value = os.getenv(name)
  variables.note(name)
  if value == nil or value == "" then
    return default
  end
  return value
end

return tg
