-- Who holds the loop: a task whose turn is too long is logged, and counted for its route.
local core = require "tidegate.core"
local lost = require "tidegate.lost"
local reports = require "tidegate.reports"
local request_id = require "tidegate.request_id"
local short = require("tidegate.text").short

local watch = {}

local counts = {} -- ["GET /pattern"] = {turns, seconds, longest}

local function count(name, seconds)
  local entry = counts[name] or { turns = 0, seconds = 0, longest = 0 }
  entry.turns, entry.seconds = entry.turns + 1, entry.seconds + seconds
  entry.longest = math.max(entry.longest, seconds)
  counts[name] = entry
end

local function describe(held, name, number, path, place)
  local fields = {
    request = number and request_id.of(number), path = path and short(path), holder = name, place = place,
    seconds = held,
  }
  local which = number and (" (request %s, %s)"):format(request_id.of(number), short(path)) or ""
  return ("the loop was held for %d ms by %s%s, before it waited again or ended at %s"):format(held * 1000, name, which,
    place), ("the loop was held by %s, before it waited again or ended at %s"):format(name, place), nil, fields
end

--- Watches turns.
---@param seconds number the longest turn that is no matter
---@param find fun(method: string, path: string): table? the route of a request
function watch.start(seconds, find)
  core.on_stall(seconds, function(of, held)
    local method, path, number = lost.request_of(of)
    local route = method and find(method, path)
    local name = route and route.method .. " " .. route.pattern or method and method .. " (no route)" or "background"
    local place = core.task_info(of).place or route and route.place or "?"
    count(name, held)
    reports.write("warn", "held " .. name .. " " .. place, describe, held, name, number, path, place)
  end)
end

--- The counts since the start, by route: {turns, seconds, longest}.
function watch.counts()
  return counts
end

--- The counts as text.
---@return string # lines; "" where no turn was too long
function watch.render()
  local names, lines = {}, {}
  for name in pairs(counts) do
    names[#names + 1] = name
  end
  table.sort(names)
  for _, name in ipairs(names) do
    local entry = counts[name]
    lines[#lines + 1] = ("%s held the loop %d time%s, %.0f ms at the longest"):format(name, entry.turns,
      entry.turns == 1 and "" or "s", entry.longest * 1000)
  end
  return #lines > 0 and table.concat(lines, "\n") .. "\n" or ""
end

return watch
