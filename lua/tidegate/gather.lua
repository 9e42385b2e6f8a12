-- gather, map and race: several functions at once, and what becomes of their failures.
local check = require "tidegate.check"
local core = require "tidegate.core"
local lost = require "tidegate.lost"
local nursery = require "tidegate.nursery"
local places = require "tidegate.places"
local LIST = require("tidegate.plain").marks.list -- what JSON writes as a list, an empty one too
local task = require "tidegate.task"
local text = require "tidegate.text"

local now = core.now
local ipairs, pairs, rawequal, type, xpcall = ipairs, pairs, rawequal, type, xpcall

local gather = {}

local each = pairs -- the order in which functions start

--- Takes another order than that of pairs(): for tests that can be repeated.
---@param fn fun(functions: table): fun(): any, function
function gather.set_order(fn)
  each = fn
end

---@class tidegate.GatherOptions
---@field max? integer at most so many children at once; the others start when one ends
---@field on_error? "collect" no failure cancels the siblings: each result is {ok, value, error, seconds}
---@field required? any[] the keys (of map: the positions) whose failure fails the whole; others may fail
---@field quorum? integer returns when so many have succeeded, and cancels the rest

local function whole(value)
  return type(value) == "number" and value >= 1 and value % 1 == 0
end

local known = check.options_of("tg.gather", {
  { "max", whole, "a whole number from 1" },
  { "on_error", function(value) return value == "collect" end, '"collect"' },
  { "required", "table", "a list of keys" },
  { "quorum", whole, "a whole number from 1" },
}, { concurrency = "max", limit = "max", errors = "on_error" })

-- Every key of a list must be one that a child has: a wrong one would mean that no failure counts.
local function check_required(name, required, children)
  if type(required) ~= "table" or #required == 0 and next(required) ~= nil then
    core.raise(name .. ": required must be a list of keys")
  end
  for _, key in ipairs(required) do
    if children[key] == nil then
      core.raise(("%s: required names %s, and there is no such child"):format(name, tostring(key)))
    end
  end
end

local function check_options(name, options, count, children)
  local quorum = type(options) == "table" and options.quorum
  if quorum and not (whole(quorum) and quorum <= count) then
    check.refuse(("%s: quorum must be a whole number from 1 to %d, the number of children"):format(name, count), quorum)
  end
  check.options(known, options, name)
  if options.quorum and (options.required or options.on_error) then
    core.raise(name .. ": quorum cannot be combined with required or on_error")
  elseif options.required ~= nil then
    check_required(name, options.required, children)
  end
end

-- One run with options: which child comes next, how many have succeeded, what the failures were.
local Run = {}
Run.__index = Run

local function set_of(list)
  if not list then
    return nil
  end
  local set = {}
  for _, key in ipairs(list) do
    set[key] = true
  end
  return set
end

local run_one

-- Starts as many as may run at once.
function Run:start()
  local most = self.options.max or math.huge
  while self.next <= #self.keys and self.nursery.count < most and not self.nursery.cancelled do
    local index = self.next
    self.next = index + 1
    self.nursery:spawn(nil, function()
      return run_one(self, index)
    end)
  end
end

function Run:succeeded(index, value, seconds)
  self.successes = self.successes + 1
  if self.options.on_error == "collect" then
    value = { ok = true, value = value, seconds = seconds }
  end
  self.results[self.keys[index]] = value
  if self.successes == self.options.quorum then
    self.first = value
    self.nursery:cancel(task.cancellation("a sibling was enough"))
  end
end

-- What a failure means: true where it fails the whole.
function Run:failed(index, err, trace, seconds)
  local key, options = self.keys[index], self.options
  self.failures = self.failures + 1
  self.errors[key] = err
  self.traces[key] = trace
  self.late[key] = self.nursery.cancelled and not self.nursery:is_own_failure() -- it fails as it cleans up
  if options.on_error == "collect" then
    self.results[key] = { ok = false, error = err, seconds = seconds }
  end
  if options.quorum then
    return #self.keys - self.failures < options.quorum
  elseif self.required then
    return self.required[key]
  end
  return options.on_error ~= "collect"
end

-- The body of each child. It raises what fails the whole, and no other failure.
function run_one(self, index)
  local started = now()
  local ok, value = xpcall(self.fns[index], task.note_trace, self.arguments and self.arguments[index])
  local trace = task.trace()
  if ok then
    self:succeeded(index, value, now() - started)
  elseif task.was_cancelled(core.current(), value) then
    error(value, 0)
  elseif self:failed(index, value, trace, now() - started) then
    task.raise_again(value, trace, "")
  end
  self:make_room()
end

places.own(run_one, function(level)
  local self = places.variable(level, "self")
  return places.of(self.fns[places.variable(level, "index")], "a child task")
end)

function Run:make_room()
  self.nursery.count = self.nursery.count - 1 -- this child makes room for the next before it has ended
  self.nursery:start(self.start, self)
  self.nursery.count = self.nursery.count + 1
end

-- Failures that the caller does not get to see: all that did not fail the whole, where its results are lost, too.
function Run:report_lost(level, why)
  for _, key in ipairs(self.keys) do
    local err = self.errors[key]
    if err ~= nil and not rawequal(err, self.nursery.failure) then
      lost.report(self.nursery.task, level, why, err, self.traces[key], not self.late[key])
    end
  end
end

-- Waits for all, and raises what fails the whole.
function Run:join(name)
  local ok, err = xpcall(self.nursery.join, task.note_trace, self.nursery, name)
  local trace = task.trace()
  if not ok then
    self:report_lost("error", "beside another, whose error is raised")
    task.raise_again(err, trace, "")
  elseif self.options.quorum then
    self:report_lost("warn", ("and %s did without it"):format(name))
  end
end

-- Runs the functions under the options' policy. Returns the results and, with `required`, the errors of those that were
-- allowed to fail; and the first success that made up a quorum.
local function run_with(name, keys, fns, arguments, options)
  local self = setmetatable({
    keys = keys, fns = fns, arguments = arguments, options = options, required = set_of(options.required),
    nursery = nursery.new(#keys), results = {}, errors = {}, traces = {}, late = {},
    next = 1, successes = 0, failures = 0,
  }, Run)
  self.nursery:start(self.start, self)
  self:join(name)
  return self.results, options.required and self.errors, self.first
end

local function check_functions(name, functions)
  if type(functions) ~= "table" then
    check.refuse(("%s takes one table of functions, as in %s { f, g }"):format(name, name), functions)
  end
  local count = 0
  for key, fn in pairs(functions) do
    count = count + 1
    if type(fn) ~= "function" then
      check.refuse(("%s: the value at %s must be a function"):format(name, text.shown(key)), fn)
    end
  end
  return count
end

local function keys_and_functions(functions)
  local keys, fns = {}, {}
  for key, fn in each(functions) do
    keys[#keys + 1], fns[#fns + 1] = key, fn
  end
  return keys, fns
end

local function spawn_functions(children, functions)
  for key, fn in each(functions) do
    children:spawn(key, fn)
  end
end

local function spawn_items(children, items, fn)
  for index = 1, #items do
    children:spawn(index, fn, items[index])
  end
end

--- Calls each function in a task of its own and waits for all of them. The first that fails cancels the others; its
--- error is raised here. Options change that.
---@async
---@param functions table<any, fun(): any>
---@param options? tidegate.GatherOptions
---@return table<any, any> results the first result of each, under the same key
---@return table<any, any>? errors with `required`: of those that failed and were allowed to
function gather.gather(functions, options)
  task.check_can_wait("tg.gather")
  local count = check_functions("tg.gather", functions)
  if options then
    check_options("tg.gather", options, count, functions)
    local keys, fns = keys_and_functions(functions)
    local results, failed = run_with("tg.gather", keys, fns, nil, options)
    return results, failed
  end
  local children = nursery.new(#functions)
  children:start(spawn_functions, children, functions)
  return children:join("tg.gather")
end

local function map_with(items, fn, options)
  check_options("tg.map", options, #items, items)
  local fns = {}
  for index = 1, #items do
    fns[index] = fn
  end
  local results, failed = run_with("tg.map", task.range(1, #items), fns, items, options)
  setmetatable(results, LIST)
  return results, failed
end

--- Calls `fn` with each item, all at once, and waits for all. The first that fails cancels the others; its error is
--- raised here. Options change that.
---@async
---@generic T, R
---@param items T[]
---@param fn fun(item: T): R
---@param options? tidegate.GatherOptions
---@return R[] results in the order of the items
---@return table<integer, any>? errors with `required`: of those that failed and were allowed to
function gather.map(items, fn, options)
  task.check_can_wait("tg.map")
  if type(items) == "function" and type(fn) == "table" then
    core.raise("tg.map takes a list and a function, in this order, and here they are swapped")
  elseif type(items) ~= "table" or type(fn) ~= "function" then
    check.refuse("tg.map takes a list and a function", type(items) ~= "table" and items or fn)
  elseif #items == 0 and next(items) ~= nil then
    core.raise("tg.map takes a list and a function, and this table has nothing at 1")
  end
  if options then
    return map_with(items, fn, options)
  end
  local children = nursery.new(#items)
  children:start(spawn_items, children, items, fn)
  local results = children:join("tg.map")
  setmetatable(results, LIST)
  return results
end

--- Calls each function in a task of its own, returns what the first to succeed returned, and cancels the others. When
--- all fail, the error of the last is raised.
---@async
---@param functions table<any, fun(): any>
---@return any
function gather.race(functions)
  task.check_can_wait("tg.race")
  if check_functions("tg.race", functions) == 0 then
    core.raise("tg.race needs at least one function")
  end
  local keys, fns = keys_and_functions(functions)
  local _, _, first = run_with("tg.race", keys, fns, nil, { quorum = 1 })
  return first
end

return gather
