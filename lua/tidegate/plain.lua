-- Plain data as bytes, to be carried from one Lua state to another: nil, booleans, numbers, strings, cjson's null, and
-- tables of those. Tables are copied, and one that stands in two places is copied twice. Those that JSON was decoded
-- to, or that were marked for it, stay lists and objects.
--
-- The states of threads have this module too, so it requires nothing of Tidegate.
local buffer = require "string.buffer"
local null = require("cjson").null

local getmetatable, type, next = debug.getmetatable, type, next

local plain = {}

--- The metatables of tables that are lists or objects in JSON, whatever is in them.
plain.marks = { list = { __name = "tidegate.json.array" }, object = { __name = "tidegate.json.object" } }
local is_mark = { [plain.marks.list] = true, [plain.marks.object] = true }
local options = { metatable = { plain.marks.list, plain.marks.object } }

local DEPTH_MAX = 100 -- of string.buffer
local TABLES_MAX = 1000000

local scalars = { ["nil"] = true, boolean = true, number = true, string = true }
local keys = { boolean = true, number = true, string = true }

local function step(key)
  if type(key) == "string" and key:find("^[%a_][%w_]*$") then
    return "." .. key
  elseif type(key) == "string" then
    return ("[%q]"):format(key)
  end
  return ("[%s]"):format(tostring(key))
end

-- What is wrong with a value, and where inside of it; nothing where it is plain. `depth` is how many tables are around
-- it, `count` holds how many tables were seen.
local function find_fault(value, depth, count)
  local kind = type(value)
  if scalars[kind] or kind == "userdata" and value == null then
    return nil
  elseif kind ~= "table" then
    return "a " .. kind, ""
  elseif getmetatable(value) and not is_mark[getmetatable(value)] then
    return "a table with a metatable, which would be lost", ""
  elseif depth == DEPTH_MAX then
    return ("a nest of more than %d tables, or tables in a circle"):format(DEPTH_MAX), nil
  elseif count[1] == TABLES_MAX then
    return ("more than %d tables"):format(TABLES_MAX), nil
  end
  count[1] = count[1] + 1
  for key, item in next, value do
    if not keys[type(key)] then
      return ("a table with a %s for a key"):format(type(key)), ""
    end
    local fault, path = find_fault(item, depth + 1, count)
    if fault then
      return fault, path and step(key) .. path
    end
  end
end

--- Looks for what is not plain data.
---@param ... any
---@return integer? # the number of the value that is not; nil where all are
---@return string? path to the culprit inside of it: "", ".list[3]"
---@return string? fault what stands there: "a function"
function plain.fault(...)
  for index = 1, select("#", ...) do
    local fault, path = find_fault(select(index, ...), 0, { 0 })
    if fault then
      return index, path or "", fault
    end
  end
end

--- The values, which must be plain, as bytes.
---@param ... any
---@return string
function plain.encode(...)
  local count = select("#", ...)
  local bytes = buffer.new(options)
  bytes:encode(count)
  for index = 1, count do
    bytes:encode((select(index, ...)))
  end
  return bytes:get()
end

--- What plain.encode has made bytes of.
---@param bytes string
---@return any ... the values
function plain.decode(bytes)
  local from = buffer.new(options)
  from:set(bytes)
  local count = from:decode()
  local values = {}
  for index = 1, count do
    values[index] = from:decode()
  end
  return unpack(values, 1, count)
end

return plain
