-- Hooks of apps and groups around the answer: app:on_error, which may answer an error, and app:after, which sees every
-- answer before it is sent.
--
-- The innermost comes first: those of a group before those around it, and of one group those that were added last.
local check = require "tidegate.check"
local core = require "tidegate.core"
local response = require "tidegate.response"
local scope = require "tidegate.scope"
local task = require "tidegate.task"

local xpcall, type = xpcall, type

local hooks = {}

---@class tidegate.Hooks
---@field on_error fun(request, err): any[] the innermost first
---@field after fun(request, response): any[] the innermost first

-- --- which of them are around an answer ---

local function depth_of(group)
  local depth = 0
  while group.parent do
    group, depth = group.parent, depth + 1
  end
  return depth
end

-- The groups and all around them, each once, the innermost first.
local function all_around(groups)
  local list, seen = {}, {}
  for _, group in ipairs(groups) do
    while group and not seen[group] do
      seen[group] = true
      list[#list + 1] = { group = group, depth = depth_of(group), place = #list }
      group = group.parent
    end
  end
  table.sort(list, function(a, b)
    if a.depth ~= b.depth then
      return a.depth > b.depth
    end
    return a.place < b.place
  end)
  return list
end

local NONE = {}

local function append_reversed(list, added)
  for index = #added, 1, -1 do
    list[#list + 1] = added[index]
  end
end

--- The hooks around what belongs to these groups; nil where there are none.
---@param groups tidegate.App[]
---@return tidegate.Hooks?
function hooks.around(groups)
  local self = { on_error = {}, after = {} }
  for _, each in ipairs(all_around(groups)) do
    append_reversed(self.on_error, each.group.error_hooks or NONE)
    append_reversed(self.after, each.group.after_hooks or NONE)
  end
  return (#self.on_error > 0 or #self.after > 0) and self or nil
end

-- A group's prefix as a list of segments, as the router sees a path: false stands for any.
local function segments_of(prefix)
  local segments = {}
  for segment in prefix:gmatch "/([^/]*)" do
    local normal = core.normalize_path("/" .. segment)
    segments[#segments + 1] = not segment:find "^{.*}$" and (normal or "/" .. segment):sub(2)
  end
  return segments
end

local function covers(segments, path)
  local at = 1
  for _, wanted in ipairs(segments) do
    local last = path:find("/", at + 1, true) or #path + 1
    local segment = path:sub(at + 1, last - 1)
    if at > #path or segment == "" or wanted and wanted ~= segment then
      return false
    end
    at = last
  end
  return true
end

--- What finds the groups that a path without a route lies in, by their prefixes.
---@param groups tidegate.App[] all that there are
---@return fun(path: string): tidegate.App[]
function hooks.finder(groups)
  local prefixes = {}
  for index, group in ipairs(groups) do
    prefixes[index] = segments_of(group.prefix)
  end
  return function(path)
    local found = {}
    for index, segments in ipairs(prefixes) do
      if covers(segments, path) then
        found[#found + 1] = groups[index]
      end
    end
    return found
  end
end

-- --- what they do ---

-- Calls within a number of seconds, where there is one.
local function call(seconds, fn, ...)
  if seconds then
    return scope.bound(seconds, nil, fn, ...)
  end
  return fn(...)
end

local function answer_of(fn, request, err)
  local first, body, headers = fn(request, err)
  return first ~= nil and response.of(first, body, headers) or nil
end

--- Asks who may answer an error, from the innermost on; what one of them raises goes to the next.
---@async
---@param self tidegate.Hooks
---@param seconds number? each of them has
---@param note fun(err, trace) is called with each error that one of them raises
---@return tidegate.Response? # nil where none of them answers
---@return any err the error that is left
---@return string? trace its traceback
function hooks.answer_error(self, seconds, request, err, trace, note)
  for _, fn in ipairs(self.on_error) do
    local ok, made = xpcall(call, task.note_trace, seconds, answer_of, fn, request, err)
    if ok and made then
      return made
    elseif not ok and task.is_cancellation(made) then
      task.raise_again(made, task.trace(), "")
    elseif not ok then
      local is_other = not rawequal(made, err)
      err, trace = made, task.trace()
      if is_other then
        note(err, trace)
      end
    end
  end
  return nil, err, trace
end

local function replaced(fn, request, made)
  local first, body, headers = fn(request, made)
  return first ~= nil and response.of(first, body, headers) or made
end

local function file_in(made)
  return response.is_file(made.body) and made.body.file or nil
end

-- A file that will not be sent is closed; the collector would do so some day.
local function let_go(file, made)
  if file and not (made and file_in(made) == file) then
    core.file_close(file)
  end
end

--- Shows an answer to all who see it, from the innermost on; each may change it, or return another one. Where one of
--- them fails, the others see the answer of that error.
---@async
---@param self tidegate.Hooks
---@param seconds number? each of them has
---@param made tidegate.Response
---@param failed fun(err, trace): tidegate.Response reports an error, and makes its answer
---@return tidegate.Response
function hooks.finish(self, seconds, request, made, failed)
  for _, fn in ipairs(self.after) do
    local file = file_in(made)
    local ok, result = xpcall(call, task.note_trace, seconds, replaced, fn, request, made)
    let_go(file, ok and result or nil)
    if ok then
      made = result
    elseif task.is_cancellation(result) then
      task.raise_again(result, task.trace(), "")
    else
      made = failed(result, task.trace())
    end
  end
  return made
end

--- Reads what app:on_error and app:after are given.
function hooks.check(name, fn, arguments)
  if type(fn) ~= "function" then
    check.refuse(("%s takes a function(%s)"):format(name, arguments), fn)
  end
  return fn
end

return hooks
