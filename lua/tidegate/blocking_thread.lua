-- What runs in the thread of a blocking call: bytes of blocking.lua come in, and bytes with the outcome go out.
--
-- It has a Lua state to itself, with Lua's own libraries and cjson, where a module that was required once stays loaded.
-- Each call runs in a coroutine: when it has failed its stack is still there to be looked at, however full it is.
local plain = require "tidegate.plain"

local create, resume, status = coroutine.create, coroutine.resume, coroutine.status
local traceback = debug.traceback

-- luacheck: ignore 122
function os.exit()
  error("os.exit in a blocking call would end the whole gateway", 2)
end

-- Is this line of a traceback of no use to who wrote the function?
local function is_inner(line)
  return line:find("^\ttidegate[%w_.]*:") or line:find("^\t%[C%]: at ") or line:find("^\t%[C%]: in function 'error'")
end

local function trace_of(failed)
  local lines = {}
  for line in traceback(failed, ""):gmatch("[^\n]+") do
    if not is_inner(line) then
      lines[#lines + 1] = line
    end
  end
  return #lines > 1 and "\n" .. table.concat(lines, "\n") or ""
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
local function raised(failed, value)
  forget_failed_modules()
  if plain.fault(value) then
    local ok, text = pcall(tostring, value)
    value = ok and type(text) == "string" and text or "an error that is a " .. type(value)
  end
  return plain.encode("raised", value, trace_of(failed))
end

local function returned(module, name, ...)
  local number, path, fault = plain.fault(...)
  if number then
    return refused("result %d%s of %s.%s is %s; only plain data comes back from a thread", number, path, module, name,
      fault)
  end
  return plain.encode("returned", ...)
end

local function find(from, name)
  return from[name]
end

local function finish(running, module, name, ok, ...)
  if status(running) == "suspended" then
    return raised(running, "coroutine.yield outside a coroutine of your own, in a blocking call")
  elseif not ok then
    return raised(running, ...)
  end
  return returned(module, name, ...)
end

local function run(module, name, ...)
  local running = create(require)
  local ok, found = resume(running, module)
  if not ok and tostring(found):find(("module '%s' not found"):format(module), 1, true) == 1 then
    return refused("%s", found)
  elseif not ok then
    return raised(running, found)
  elseif type(found) ~= "table" then
    return refused("the module '%s' returns a %s, not a table of functions", module, type(found))
  end
  running = create(find)
  local fine, fn = resume(running, found, name)
  if not fine then
    return raised(running, fn)
  elseif type(fn) ~= "function" then
    return refused("the module '%s' has no function '%s'", module, name)
  end
  running = create(fn)
  return finish(running, module, name, resume(running, ...))
end

local paths -- where modules were looked for from the first call on

local function run_with_paths(path, cpath, seed, ...)
  local wanted = path .. "\0" .. cpath
  if paths and paths ~= wanted then
    return false
  end
  if seed then
    math.randomseed(seed)
  end
  paths, package.path, package.cpath = wanted, path, cpath
  return run(...)
end

--- Makes a call. Returns false, and makes none, where modules are to be looked for elsewhere than before: what is
--- loaded may be other modules of the same names, so the call needs a new state.
return function(bytes)
  return run_with_paths(plain.decode(bytes))
end
