-- What encoding and decoding cost, by tg.json and by lua-cjson in turn: CPU time, and what is left for the collector.

local cjson = require "cjson"
local tg = require "tidegate"
local clock = require "lib.clock"

local ROUNDS = 15
local SECONDS = 0.02 -- of each round, and of the warm-up
local RUNS_FOR_GARBAGE = 10

cjson.encode_keep_buffer(true)

local function item(number)
  return {
    id = number, name = "item number " .. number, price = number * 1.25, active = number % 2 == 0,
    tags = { "a", "b" }, email = ("user%d@example.com"):format(number),
  }
end

local function items(count)
  local list = {}
  for number = 1, count do
    list[number] = item(number)
  end
  return list
end

-- {document, calls between two looks at the clock}
local documents = {
  small = { { message = "Hello World!", task_id = "7" }, 1000 },
  list = { items(100), 10 },
  large = { items(9000), 1 },
}

local function run_for(fn, value, at_once, seconds)
  local started, runs = clock.cpu(), 0
  repeat
    for _ = 1, at_once do
      fn(value)
    end
    runs = runs + at_once
  until clock.cpu() - started >= seconds
  return (clock.cpu() - started) / runs
end

local function garbage_of(fn, value)
  local kept = fn(value) -- a string that is there already is not made again
  collectgarbage()
  collectgarbage "stop"
  local before = collectgarbage "count"
  for _ = 1, RUNS_FOR_GARBAGE do
    fn(value)
  end
  local kilobytes = (collectgarbage "count" - before) / RUNS_FOR_GARBAGE
  collectgarbage "restart"
  return kilobytes, kept
end

-- The best of several rounds each: what else runs on the machine makes them longer.
local function compare(ours, theirs, value, at_once)
  local best = { math.huge, math.huge }
  for round = 0, ROUNDS do
    for index, fn in ipairs { ours, theirs } do
      local seconds = run_for(fn, value, at_once, SECONDS)
      best[index] = round > 0 and math.min(best[index], seconds) or math.huge
    end
  end
  return {
    us = best[1] * 1e6, cjson_us = best[2] * 1e6,
    kb = garbage_of(ours, value), cjson_kb = garbage_of(theirs, value),
  }
end

return function(app)
  app:get("/json/{name}", function(request)
    local value, at_once = unpack(documents[request.params.name])
    return {
      encode = compare(tg.json.encode, cjson.encode, value, at_once),
      decode = compare(tg.json.decode, cjson.decode, cjson.encode(value), at_once),
    }
  end)
end
