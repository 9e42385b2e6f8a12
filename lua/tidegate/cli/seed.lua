-- The seed of a test run: all that is left to chance in a test comes from it, so that a run can be repeated.
--
-- These are the order of ready tasks, math.random here and in the threads of tg.blocking, the jitter of app:every, and
-- the order in which gather starts functions that have names: pairs() takes that of a hash, which is another one in
-- each process.
local core = require "tidegate.core"
local background = require "tidegate.background"
local blocking = require "tidegate.blocking"
local gather = require "tidegate.gather"

local seed = {}

--- The one that the arguments name, as busted's own --seed; or a new one.
---@param args string[]
---@return integer
function seed.of(args)
  for index, each in ipairs(args) do
    local text = each:match("^%-%-seed=(%d+)$") or (each == "--seed" and args[index + 1])
    if tonumber(text) then
      return tonumber(text)
    end
  end
  local a, b, c = core.random_bytes(3):byte(1, 3)
  return a * 65536 + b * 256 + c + 1
end

local function comes_before(a, b)
  if type(a) == type(b) and (type(a) == "number" or type(a) == "string") then
    return a < b
  end
  return type(a) < type(b)
end

local function pairs_in_order(items)
  local keys, index = {}, 0
  for key in pairs(items) do
    keys[#keys + 1] = key
  end
  table.sort(keys, comes_before)
  return function()
    index = index + 1
    return keys[index], items[keys[index]]
  end
end

local function random_seed()
  return math.random(2 ^ 31)
end

--- Puts the run under a seed.
function seed.start(value)
  background.set_random(math.random)
  blocking.set_seeds(random_seed)
  gather.set_order(pairs_in_order)
  core.shuffle(value)
end

--- Puts a test under its part of the seed, so that it runs alone as it does among others.
---@param value integer the seed of the run; with 0 tasks run in the order in which they become ready
---@param name string the test's full name
function seed.start_test(value, name)
  local own = value
  for index = 1, value ~= 0 and #name or 0 do
    own = (own * 31 + name:byte(index)) % 2 ^ 32 + 1
  end
  core.shuffle(own)
  math.randomseed(own)
end

return seed
