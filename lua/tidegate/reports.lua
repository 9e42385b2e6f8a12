-- Reports of what fails again and again: the first of each place in full, and then how many more there were in each
-- second, until a second goes by without any. So what fails 14,000 times a second can be read, and costs little.
--
-- A place is a text that its caller makes of what is bounded: a route's pattern, the kind of an error, a file and a
-- line; never of what a client sends. There may be PLACES_MAX; the rest is counted together. This is for the gateway's
-- own lines: what a script logs itself is written each time.
local core = require "tidegate.core"
local log = require "tidegate.log"

local pairs, type = pairs, type

local reports = {}

local WINDOW_SECONDS = 1
local PLACES_MAX = 200
local PLACE_BYTES_MAX, SUMMARY_BYTES_MAX = 400, 300

local places = {} -- [place] = {level, summary, more, since}; and in order:
local order = {}
local rest = {} -- [level] = how many more there were at places that found no room
local window = false -- the deadline that ends it

local function with_commas(number)
  return (("%d"):format(number):reverse():gsub("%d%d%d", "%0,"):reverse():gsub("^,", ""))
end

local function first_line(text, bytes_max)
  text = text:match "^[^\n]*"
  return #text > bytes_max and text:sub(1, bytes_max) .. "..." or text
end

local function tell_more(level, more, summary)
  log._own(level, ("… %s more in the last second%s"):format(with_commas(more), summary), nil, { more = more })
end

-- Tells of those that were counted, and forgets the places where there were none for long enough.
local function sweep(now)
  local kept = {}
  for _, key in ipairs(order) do
    local place = places[key]
    if place.more > 0 then
      tell_more(place.level, place.more, ": " .. place.summary)
      place.more, place.since = 0, now
    end
    if now - place.since < WINDOW_SECONDS - 1e-6 then
      kept[#kept + 1] = key
    else
      places[key] = nil
    end
  end
  order = kept
  for level, more in pairs(rest) do
    tell_more(level, more, ", at other places")
  end
  rest = {}
end

local open_window

local function on_passed()
  sweep(core.now())
  window = false -- only now: where there is no memory for it, this is called again
  if #order > 0 then
    open_window()
  end
end

-- Without memory there is none, and each report is a full one.
function open_window()
  local object = { on_passed = on_passed }
  local ok, deadline = pcall(core.deadline, WINDOW_SECONDS, object)
  window = ok and deadline or false
end

local function note_first(level, key, summary)
  if not window then
    open_window()
  end
  if window then
    places[key] = { level = level, summary = first_line(summary, SUMMARY_BYTES_MAX), more = 0, since = core.now() }
    order[#order + 1] = key
  end
end

--- Writes a report, or counts it.
---@param level "info"|"warn"|"error"
---@param key string the place
---@param describe fun(...): string, string, string?, table? the report; what stands for it where it is counted; and of
--- the report as log._own has it: its message and its fields. Called for the first one.
---@param ... any its arguments
function reports.write(level, key, describe, ...)
  key = #key > PLACE_BYTES_MAX and key:sub(1, PLACE_BYTES_MAX) or key
  local place = places[key]
  if place then
    place.more = place.more + 1
    return
  elseif #order >= PLACES_MAX then
    rest[level] = (rest[level] or 0) + 1
    return
  end
  local text, summary, message, fields = describe(...)
  log._own(level, text, message, fields)
  note_first(level, key, summary)
end

--- Where an error was raised, as far as its traceback tells, or else its text, in which a client's words may stand: a
--- file and a line.
---@param err any
---@param trace string?
---@return string
function reports.place_of(err, trace)
  local place = trace and trace:match "\n[\t ]+([^%s][^\n:]*:%d+):"
  return place or type(err) == "string" and err:match "^([^\n:]+:%d+)[: ]" or "?"
end

--- A traceback as a field of a log line, which is a text of its own; nil where there is none.
---@param trace string?
---@return string?
function reports.trace_field(trace)
  return trace and trace ~= "" and trace:gsub("^\n", "") or nil
end

--- Tells of what was counted and not yet told, and forgets everything.
function reports.flush()
  sweep(math.huge)
  if window then
    core.stop_deadline(window)
    window = false
  end
end

--- Forgets everything: for tests, of which each begins anew.
function reports.forget()
  for _, place in pairs(places) do
    place.more = 0
  end
  rest = {}
  reports.flush()
end

--- {places, max}
function reports.statistics()
  return { places = #order, max = PLACES_MAX }
end

return reports
