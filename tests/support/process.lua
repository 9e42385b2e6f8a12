-- Child processes, over posix_spawn: the loop goes on while they run. Each has a process group of its own, which is
-- killed with it, and which does not outlive the test process.
local ffi = require "ffi"
local lfs = require "lfs"
local core = require "tidegate.core"
local belongings = require "tests.support.belongings"
local folder = require "tests.support.folder"
local wait = require "tests.support.wait"

ffi.cdef [[
int posix_spawn(int *pid, const char *path, const void *actions, const void *attributes, const char **arguments,
                const char **environment);
int posix_spawn_file_actions_init(void *actions);
int posix_spawn_file_actions_addopen(void *actions, int fd, const char *path, int flags, unsigned mode);
int posix_spawn_file_actions_addchdir_np(void *actions, const char *path);
int posix_spawn_file_actions_destroy(void *actions);
int posix_spawnattr_init(void *attributes);
int posix_spawnattr_setflags(void *attributes, short flags);
int posix_spawnattr_setpgroup(void *attributes, int group);
int posix_spawnattr_destroy(void *attributes);
int waitpid(int pid, int *status, int options);
int kill(int pid, int signal);
extern char **environ;
]]

local C = ffi.C
local O_RDONLY, O_CREATE = 0, 0x241 -- O_WRONLY | O_CREAT | O_TRUNC
local WNOHANG = 1
local STRUCT_BYTES = 1024 -- more than a posix_spawn_file_actions_t or a posix_spawnattr_t
local SETPGROUP, GROUP_OF_ITS_OWN = 2, 0

local Process = {}
Process.__index = Process

-- The variables of this process without Tidegate's own, so that a test's settings are its own.
local function environment(own)
  local list, index = {}, 0
  while C.environ[index] ~= nil do
    local entry = ffi.string(C.environ[index])
    local name = entry:match("^[^=]*")
    if not name:find("^TIDEGATE_") and own[name] == nil then
      list[#list + 1] = entry
    end
    index = index + 1
  end
  for name, value in pairs(own) do
    list[#list + 1] = name .. "=" .. value
  end
  return list
end

local function c_strings(list)
  local array = ffi.new("const char *[?]", #list + 1)
  for index, text in ipairs(list) do
    array[index - 1] = text
  end
  return array
end

-- The one process that kills the others where this one cannot. What ends this one and its group does not reach it.
local function open_guard()
  local script = debug.getinfo(1, "S").source:match "^@(.*)process%.lua$" .. "process_guard"
  local guard = assert(io.popen(("exec setsid sh '%s'"):format(script), "we")) -- e: no child has its end of the pipe
  guard:setvbuf "no"
  return guard
end

core.process_guard_of_tests = core.process_guard_of_tests or open_guard()

local function tell_guard(event, group)
  core.process_guard_of_tests:write(event, " ", group, "\n")
end

local function spawn(fields, output)
  local actions, attributes = ffi.new("char[?]", STRUCT_BYTES), ffi.new("char[?]", STRUCT_BYTES)
  C.posix_spawn_file_actions_init(actions)
  C.posix_spawn_file_actions_addopen(actions, 0, "/dev/null", O_RDONLY, 0)
  C.posix_spawn_file_actions_addopen(actions, 1, output:file("stdout"), O_CREATE, 384)
  C.posix_spawn_file_actions_addopen(actions, 2, output:file("stderr"), O_CREATE, 384)
  C.posix_spawn_file_actions_addchdir_np(actions, fields.folder or lfs.currentdir())
  C.posix_spawnattr_init(attributes)
  C.posix_spawnattr_setflags(attributes, SETPGROUP)
  C.posix_spawnattr_setpgroup(attributes, GROUP_OF_ITS_OWN)
  local command, variables = fields.command, environment(fields.environment or {})
  local pid = ffi.new("int[1]")
  local code = C.posix_spawn(pid, command[1], actions, attributes, c_strings(command), c_strings(variables))
  C.posix_spawn_file_actions_destroy(actions)
  C.posix_spawnattr_destroy(attributes)
  assert(code == 0, command[1] .. " cannot be started")
  return pid[0]
end

local process = {}

--- Starts a program.
---@param fields {command: string[], environment?: table<string, string>, folder?: string}
function process.start(fields)
  local self = setmetatable({ output = folder.new() }, Process)
  self.pid = spawn(fields, self.output)
  tell_guard("started", self.pid)
  belongings.add(self)
  return self
end

--- Has it ended? Sets `status` to its exit status, or 128 and the signal that ended it.
function Process:has_ended()
  local status = ffi.new("int[1]")
  if not self.status and C.waitpid(self.pid, status, WNOHANG) == self.pid then
    local signal = bit.band(status[0], 0x7f)
    self.status = signal == 0 and bit.rshift(status[0], 8) or 128 + signal
  end
  return self.status ~= nil
end

--- Waits for its end.
---@async
---@return integer # exit status
function Process:wait()
  wait.until_true("the process has ended", function()
    return self:has_ended()
  end)
  return self.status
end

process.SIGINT, process.SIGKILL, process.SIGUSR1, process.SIGTERM = 2, 9, 10, 15

function Process:signal(number)
  if not self:has_ended() then
    C.kill(self.pid, number)
  end
end

function Process:stdout()
  return self.output:read("stdout")
end

function Process:stderr()
  return self.output:read("stderr")
end

--- Ends it and what it has started where that still runs, and forgets its output.
---@async
function Process:dispose()
  C.kill(-self.pid, process.SIGKILL)
  self:wait()
  tell_guard("ended", self.pid)
  belongings.remove(self)
  self.output:remove()
end

return process
