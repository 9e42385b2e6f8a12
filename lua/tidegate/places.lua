-- Whose work is under way where no line of the user's is left on the stack: behind `return tg.http.get(url)`, a tail
-- call, and behind a handler that has returned. Then a frame of ours says so, one that calls the user's functions.
--
-- It costs nothing until an error asks for it.
local core = require "tidegate.core"

local places = {}

-- [function of ours] = a place; or a function that finds it, given the level of the frame
local owners = setmetatable({}, { __mode = "k" })

--- Says for whom a function of ours works.
---@param fn function
---@param owner string|fun(level: integer): string? a place, as "routes/x.lua:12 (the handler of GET /x)"; or what finds
--- it: the level is that of its frame as debug.getlocal counts in there
function places.own(fn, owner)
  owners[fn] = owner
end

--- The value of a local variable of the frame that is asked.
---@param level integer as it was given
---@param name string
---@return any
function places.variable(level, name)
  local index, value = 1, nil
  repeat
    local each, it = debug.getlocal(level + 1, index)
    if each == name then
      value = it
    end
    index = index + 1
  until each == nil
  return value
end

--- Where a function of the user's begins; nil for one of ours or of C's.
---@param fn any
---@param what string what it is
---@return string?
function places.of(fn, what)
  local info = type(fn) == "function" and debug.getinfo(fn, "S")
  if info and info.source:sub(1, 1) ~= "=" then
    return ("%s:%d (%s)"):format(info.short_src, info.linedefined, what)
  end
end

local function find()
  local level = 2
  local info = debug.getinfo(level, "f")
  while info do
    local owner = owners[info.func]
    local place = type(owner) == "function" and owner(level + 1) or owner
    if type(place) == "string" then
      return place
    end
    level = level + 1
    info = debug.getinfo(level, "f")
  end
end

--- The place, as far as one is known.
---@return string?
places.find = find

core.on_lost_place(find)

return places
