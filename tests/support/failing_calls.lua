-- System calls of a gateway that fail on demand, by libfiu and by tests/faults/calls.c beside it.
local lfs = require "lfs"
local folder = require "tests.support.folder"
local gateway = require "tests.support.gateway"
local wait = require "tests.support.wait"

local LIBRARIES = {
  "/usr/lib/fiu/fiu_run_preload.so",
  "/usr/lib/fiu/fiu_posix_preload.so",
  lfs.currentdir() .. "/build/debug/tests/faults/libfailing_calls.so",
}

-- What a gateway opens when it is first needed, and keeps.
local KEPT_DESCRIPTORS_MAX = 3

local Calls = {}
Calls.__index = Calls

-- What is to be preloaded. The sanitizer's runtime, where the gateway has one, wants to be the first.
local function libraries()
  local list = {}
  local pipe = assert(io.popen(("ldd '%s'"):format(gateway.binary)))
  list[1] = pipe:read("*a"):match "libasan[^ ]* => (%S+)"
  pipe:close()
  for _, library in ipairs(LIBRARIES) do
    assert(lfs.attributes(library), library .. " is missing; ./dev test sets it up")
    list[#list + 1] = library
  end
  return table.concat(list, " ")
end

local failing_calls = {}

--- Starts a gateway with routes; the calls to be told of failures, and the gateway.
---@async
---@param routes table<string, string>
---@param options? string[]
function failing_calls.start(routes, options)
  local self = setmetatable({ place = folder.new(), failing = {} }, Calls)
  local own_leaks = self.place:write("own_leaks", "leak:libfiu")
  self.serving = gateway.start {
    routes = routes,
    options = options,
    environment = {
      LD_PRELOAD = libraries(),
      FIU_CTRL_FIFO = self.place:file "control",
      LSAN_OPTIONS = "print_suppressions=0:suppressions=" .. own_leaks,
    },
  }
  self.descriptors = self.serving:descriptor_count()
  return self, self.serving
end

function Calls:tell(command)
  local status = os.execute(("fiu-ctrl -f %s -c '%s' %d"):format(
    self.place:file "control", command, self.serving.process.pid))
  assert(status == 0 or status == true, "fiu-ctrl has failed: " .. command)
end

--- The next call of that name ("rw/read") fails with that errno, once.
function Calls:fail_next(name, errno)
  self.failing[name] = true
  self:tell(("enable name=posix/io/%s,failinfo=%d,onetime"):format(name, errno))
end

--- Every call of that name fails from here on; "rw/read/reduce": every one does less than it was asked to.
function Calls:fail_all(name, errno)
  self.failing[name] = true
  self:tell(("enable name=posix/io/%s,failinfo=%d"):format(name, errno or 0))
end

--- Nothing fails from here on, whether or not a call has come that was to fail.
function Calls:heal()
  for name in pairs(self.failing) do
    self:tell("disable name=posix/io/" .. name)
  end
  self.failing = {}
end

--- Nothing fails from here on, and the next request is right; nothing is left of those before.
---@async
function Calls:check_next_request()
  self:heal()
  assert(self.serving:get("/hello"):body() == "hello", "the next request is not right")
  self.serving:wait_until_idle()
end

--- Ends the gateway, and checks that all was well and that no failure has left a descriptor open.
---@async
function Calls:stop()
  wait.until_true("its descriptors are closed", function()
    return self.serving:descriptor_count() <= self.descriptors + KEPT_DESCRIPTORS_MAX
  end)
  self.serving:stop()
  self.place:remove()
end

return failing_calls
