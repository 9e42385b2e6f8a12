-- What specs have called in threads by tg.blocking.
local recursion = require "tests.support.recursion"
local ffi = require "ffi"

ffi.cdef "int usleep(unsigned microseconds);"

local in_thread = {}

local LOOK_MICROSECONDS = 500
local PATIENCE_SECONDS = 20

local function exists(path)
  local file = io.open(path)
  if file then
    file:close()
  end
  return file ~= nil
end

function in_thread.touch(path)
  assert(io.open(path, "w")):close()
end

--- Blocks until a file is there, and says before that it has begun.
function in_thread.wait(path, result, started)
  if started then
    in_thread.touch(started)
  end
  local given_up = os.time() + PATIENCE_SECONDS
  while not exists(path) do
    assert(os.time() < given_up, "nobody has opened the gate")
    ffi.C.usleep(LOOK_MICROSECONDS)
  end
  return result
end

function in_thread.echo(...)
  return ...
end

function in_thread.count(...)
  return select("#", ...), ...
end

function in_thread.types(...)
  local list = {}
  for index = 1, select("#", ...) do
    list[index] = type((select(index, ...)))
  end
  return list
end

function in_thread.is_null(value)
  return value == require("cjson").null
end

function in_thread.json(value)
  return require("cjson").encode(value)
end

function in_thread.change(list)
  list[1] = "changed"
  return list
end

local identity, calls = tostring {}, 0

--- Names the state that it runs in, and counts the calls there.
function in_thread.identify()
  calls = calls + 1
  return identity, calls
end

function in_thread.set_global(value)
  _G.a_global_of_specs = value
end

function in_thread.get_global()
  return _G.a_global_of_specs
end

-- Ways to fail.

function in_thread.fail(message)
  error(message)
end

function in_thread.fail_with(value)
  error(value, 0)
end

local function inner(message)
  error(message)
end

function in_thread.fail_deep(message)
  inner(message)
  return nil
end

function in_thread.fail_with_object()
  error(setmetatable({}, { __tostring = function()
    return "an object"
  end }))
end

function in_thread.fail_with_function()
  error(print)
end

function in_thread.overflow()
  return 1 + in_thread.overflow()
end

function in_thread.yield()
  coroutine.yield(1)
end

function in_thread.exit()
  os.exit(3)
end

function in_thread.require(name)
  return type(require(name))
end

-- Results that are no plain data.

function in_thread.give_function()
  return 1, { list = { print } }
end

function in_thread.give_circle()
  local circle = {}
  circle[1] = circle
  return circle
end

function in_thread.give_file()
  return io.stdout
end

in_thread.recurse = recursion.through_c

in_thread.no_function = "a text"

return in_thread
