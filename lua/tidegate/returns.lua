-- Does a function return a value anywhere? Its bytecode says so. What the instructions are called in this LuaJIT is
-- learnt from functions that are known, so that another version is no matter.
local ok, util = pcall(require, "jit.util")

local returns = {}

local function code_at(fn, index)
  local instruction = util.funcbc(fn, index)
  return instruction and instruction % 256, instruction
end

local function last_code(fn)
  return (code_at(fn, util.funcinfo(fn).bytecodes - 1))
end

-- The instructions that return a value, or what a call returns.
local function learn()
  local giving = {}
  for _, source in ipairs {
    "return 1", "return 1, 2", "return ...", "return (...)()", "return (...)(...)", "local a = ... return a, ...",
    "return nil", "return 1, ...",
  } do
    giving[last_code(loadstring(source))] = true
  end
  giving[last_code(loadstring "")] = nil
  return giving
end

local giving = ok and learn()

local function register_of(instruction)
  return math.floor(instruction / 256) % 256
end

-- The instruction that calls, and those that look up a global variable and a field: in a function that does nothing
-- else the call stands last but one, behind the look-up.
local function learn_calls()
  local lookups, call = {}, nil
  for _, source in ipairs { "error()", "local tg = ... tg.abort()" } do
    local fn = loadstring(source)
    local last = util.funcinfo(fn).bytecodes - 1
    call = code_at(fn, last - 1)
    lookups[(code_at(fn, last - 2))] = true
  end
  return call, lookups
end

local call, lookups
if ok then
  call, lookups = learn_calls()
end

-- The name that a look-up has for its constant.
local function is_raising(fn, instruction)
  local operand = math.floor(instruction / 65536)
  for _, constant in ipairs { operand, operand % 256 } do
    local name = util.funck(fn, -constant - 1)
    if name == "error" or name == "abort" then
      return true
    end
  end
  return false
end

-- Is the last thing that it does to raise an error: is what it calls named error or abort?
local function ends_in_error(fn)
  local last = util.funcinfo(fn).bytecodes - 1
  local code, instruction = code_at(fn, last - 1)
  if last < 3 or code ~= call then
    return false
  end
  local base = register_of(instruction)
  for index = last - 2, 1, -1 do
    local each, before = code_at(fn, index)
    if register_of(before) == base and lookups[each] then
      return is_raising(fn, before)
    elseif register_of(before) == base and each == call then
      return false -- that was another statement
    end
  end
  return false
end

--- Does a Lua function return a value nowhere, nor end by raising an error?
---@param fn function
---@return boolean
function returns.nothing(fn)
  local info = debug.getinfo(fn, "S")
  if not ok or info.what == "C" then
    return false
  end
  for index = 1, util.funcinfo(fn).bytecodes - 1 do
    if giving[(code_at(fn, index))] then
      return false
    end
  end
  return not ends_in_error(fn)
end

return returns
