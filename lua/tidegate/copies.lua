-- Plain tables into which a script has copied the fields of a message, as in `for name, value in pairs(request.headers)
-- do headers[name] = value end`. They are known by what stands in them: a table that has more than half of the fields
-- that a message came with, each with the very value that it came with, is a copy. Kept is what a request has looked at
-- so far, and only until it ends.
local core = require "tidegate.core"

local next, pairs, type, lower = next, pairs, type, string.lower

local copies = {}

local ANSWERS_MAX = 16 -- of one request: those that it looked at last
local NONE = {}

---@class tidegate.CopySource
---@field values table<string, any> the fields as they are shown
---@field lists table<string, string[]> every value of those that came several times
---@field set table<string, true> those that a script has set
---@field ended table<string, true>? those that end here
---@field count integer how many there were
---@field request tidegate.Request? whose they are; or
---@field _body string? … of which answer this is the body

-- [exchange] = {request = source?, answers = {source, …}, next = the place of the next answer}
local noted = {}
-- How many of these there are, and whether there are any: who asks for each request asks that first, as a look-up by an
-- exchange is not compiled.
local live = { count = 0, is_any = false }
copies.live = live

local function note_of(exchange)
  local note = noted[exchange]
  if note then
    return note
  end
  local fresh = { answers = {}, next = 1 } -- a finalizer may run here, and note the same one
  note = noted[exchange]
  if note then
    return note
  end
  noted[exchange], live.count, live.is_any = fresh, live.count + 1, true
  return fresh
end

local function source_of(held)
  local count = 0
  for _ in next, held.values do
    count = count + 1
  end
  return { values = held.values, lists = held.lists, set = held.set, ended = held.ended, count = count }
end

--- The request is over.
---@param exchange userdata
function copies.forget(exchange)
  if noted[exchange] then
    noted[exchange], live.count = nil, live.count - 1
    live.is_any = live.count > 0
  end
end

--- A script looks at a request's headers. Who serves the request calls copies.forget when it ends.
---@param request tidegate.Request
---@param held tidegate.Held
function copies.note_request(request, held)
  local source = source_of(held)
  source.request = request
  note_of(request._exchange).request = source
end

--- A script looks at an answer's headers.
---@param answer tidegate.ClientResponse
---@param held tidegate.Held
function copies.note_answer(answer, held)
  local exchange = core.running_exchange()
  if not exchange then
    return
  end
  local source, note = source_of(held), note_of(exchange)
  source._body = answer._body
  note.answers[note.next] = source
  note.next = note.next % ANSWERS_MAX + 1
end

local function note_of_running()
  return live.is_any and noted[core.running_exchange() or false] or nil
end

--- The fields of the request that the running task works for; nil where nobody has looked at them.
---@return tidegate.CopySource?
function copies.request()
  local note = note_of_running()
  return note and note.request
end

local function joined(value)
  return type(value) == "table" and table.concat(value, ", ") or value
end

local function came_with(source, name, value)
  local came = source.values[name]
  return came ~= nil and not source.set[name] and joined(value) == came
end

-- How many fields of a message a table has; nil where these are too few for a copy.
local function copied(headers, source)
  local count = 0
  for name, value in pairs(headers) do
    if type(name) == "string" and came_with(source, name, value) then
      count = count + 1
    end
  end
  return count * 2 > source.count and count or nil
end

--- The answer whose fields a table is a copy of: of those that the running task's request has looked at the one whose
--- body goes with it, or else the one that it has the most of.
---@param headers table
---@param body any
---@return tidegate.CopySource?
function copies.answer_of(headers, body)
  local note, best, most = note_of_running(), nil, 0
  for _, source in ipairs(note and note.answers or NONE) do
    local count = copied(headers, source)
    if count and source._body == body then
      return source
    elseif count and count >= most then
      best, most = source, count
    end
  end
  return best
end

-- Takes one of two spellings out where the other was copied: what a script has written beside it is what it wants.
-- Others are refused later. Is the new one to be left out?
local function settle(lines, theirs, old, key, is_new_theirs, is_old_theirs)
  if is_new_theirs then
    return true
  elseif is_old_theirs then
    lines[old], theirs[key] = nil, nil
  end
  return false
end

--- Compares a plain table with a message's fields.
---@param headers table
---@param source tidegate.CopySource
---@param is_always fun(name: string): boolean? is a field of that name taken for the message's in any table?
---@return table lines what the table holds, with the names that are the message's in lower case
---@return table<string, true> theirs those names
---@return boolean is_copy
function copies.compare(headers, source, is_always)
  local all = copied(headers, source) ~= nil
  local lines, theirs, spelt, came = {}, {}, {}, {}
  for name, value in pairs(headers) do
    local key, is_left_out = type(name) == "string" and lower(name), false
    if key then
      local is_theirs, old = came_with(source, key, value), spelt[key]
      if old then
        is_left_out = settle(lines, theirs, old, key, is_theirs, came[key])
      end
      if is_theirs and not is_left_out and (all or is_always and is_always(key)) then
        theirs[key], name, value = true, key, source.lists[key] or value
      end
      if not is_left_out then
        spelt[key], came[key] = name, is_theirs
      end
    end
    if not is_left_out then
      lines[name] = value
    end
  end
  return lines, theirs, all and next(theirs) ~= nil
end

--- The names that a message came with and that a copy does not have: a script has removed them.
---@param headers table
---@param source tidegate.CopySource
---@return table<string, true>
function copies.removed(headers, source)
  local removed = {}
  for name in next, source.values do
    removed[name] = headers[name] == nil or nil
  end
  return removed
end

return copies
