-- What runs in the thread of a blocking call: bytes of blocking.lua come in, and bytes with the outcome go out.
--
-- It has a Lua state to itself, with Lua's own libraries and cjson, where a module that was required once stays loaded.
local plain = require "tidegate.plain"

-- luacheck: ignore 122
function os.exit()
  error("os.exit in a blocking call would end the whole gateway", 2)
end

local trace -- of the error that was caught last

-- Is this line of a traceback of no use to who wrote the function?
local function is_inner(line)
  return line:find("^\ttidegate[%w_.]*:") or line:find("^\t%[C%]: at ") or line:find("^\t%[C%]: in function 'xpcall'")
    or line:find("^\t%[C%]: in function 'error'")
end

local function user_trace()
  local lines = {}
  for line in debug.traceback("", 3):gmatch("[^\n]+") do
    if not is_inner(line) then
      lines[#lines + 1] = line
    end
  end
  return #lines > 1 and "\n" .. table.concat(lines, "\n") or ""
end

local function note_trace(value)
  trace = ""
  trace = user_trace() -- fails where the stack is full
  return value
end

-- Why a call cannot be made; the line that made it is blamed.
local function refused(...)
  return plain.encode("refused", string.format(...))
end

-- Where a module fails to load, Lua leaves a mark that makes the next try fail too, with words about modules that
-- require one another in a circle. Here the next try is another call, before which the file may have been mended.
local function find_mark()
  local name = "tidegate.fails"
  package.preload[name] = error
  pcall(require, name)
  local mark = package.loaded[name]
  package.preload[name], package.loaded[name] = nil, nil
  return mark
end

local MARK = find_mark()

local function forget_failed_modules()
  for name, module in pairs(package.loaded) do
    if module == MARK then
      package.loaded[name] = nil
    end
  end
end

-- An error as plain data: where it is none, what tostring makes of it.
local function raised(value)
  forget_failed_modules()
  if plain.fault(value) then
    local ok, text = pcall(tostring, value)
    value = ok and text or "an error that is a " .. type(value)
  end
  return plain.encode("raised", value, trace)
end

local function returned(module, name, ...)
  local number, path, fault = plain.fault(...)
  if number then
    return refused("result %d%s of %s.%s is %s; only plain data comes back from a thread", number, path, module, name,
      fault)
  end
  return plain.encode("returned", ...)
end

local function get(from, name)
  return from[name]
end

local function finish(module, name, ok, ...)
  if ok then
    return returned(module, name, ...)
  end
  return raised(...)
end

local function run(path, cpath, module, name, ...)
  package.path, package.cpath, trace = path, cpath, ""
  local ok, found = xpcall(require, note_trace, module)
  if not ok and tostring(found):find(("module '%s' not found"):format(module), 1, true) == 1 then
    return refused("%s", found)
  elseif not ok then
    return raised(found)
  elseif type(found) ~= "table" then
    return refused("the module '%s' returns a %s, not a table of functions", module, type(found))
  end
  local fine, fn = xpcall(get, note_trace, found, name)
  if not fine then
    return raised(fn)
  elseif type(fn) ~= "function" then
    return refused("the module '%s' has no function '%s'", module, name)
  end
  return finish(module, name, xpcall(fn, note_trace, ...))
end

return function(bytes)
  return run(plain.decode(bytes))
end
