-- How much work a gateway does for a request, in instructions: valgrind (callgrind) counts them, which no other load of
-- the machine changes. What is counted is everything in user space: the core, Lua, and the libraries.
local folder = require "tests.support.folder"
local gateway = require "tests.support.gateway"
local request = require "tests.support.request"
local wait = require "tests.support.wait"

local work = {}

-- Counts are written, and begin anew, when this function of core/bind/text.c is entered: only the route below calls it.
local MARK = "constant_time_equal"

local ROUTES = [[
local tg = require "tidegate"
jit.off()
jit.flush()
collectgarbage("stop") -- it goes round at each mark, so that it costs every count the same

return function(app)
  app:get("/mark", function()
    tg.constant_time_equal("", "")
    collectgarbage()
    return "marked"
  end)
end
]]

--- Is there a valgrind to count with?
function work.can_count()
  return os.execute "command -v valgrind >/dev/null 2>&1" == 0
end

local Work = {}
Work.__index = Work

--- A gateway whose work is counted.
---@async
---@param fields table as for gateway.start; it has a route /mark of its own
function work.start(fields)
  local self = setmetatable({ folder = folder.new {}, count = 0 }, Work)
  local routes = { ["mark_of_tests.lua"] = ROUTES }
  for name, text in pairs(fields.routes) do
    routes[name] = text
  end
  self.base = self.folder.path .. "/counts"
  self.gateway = gateway.start {
    routes = routes,
    options = fields.options,
    environment = fields.environment,
    unsanitized = true,
    prefix = {
      "/usr/bin/env", "valgrind", "--quiet", "--tool=callgrind", "--dump-before=" .. MARK,
      "--callgrind-out-file=" .. self.base,
    },
  }
  self:mark()
  self.idle = self:of(function() end)
  return self
end

-- What was counted since the last mark.
function Work:mark()
  local answer = self.gateway:ask(request.get "/mark")
  assert(answer.body == "marked", "no mark: " .. tostring(answer.body))
  self.count = self.count + 1
  local name = ("%s.%d"):format(self.base, self.count)
  local text = wait.until_true("the counts are written", function()
    local file = io.open(name)
    local text = file and file:read "*a" or ""
    if file then
      file:close()
    end
    return text:match "\ntotals: (%d+)"
  end)
  os.remove(name)
  return tonumber(text)
end

--- Instructions that the gateway takes while `fn` runs, but for those that it takes for a mark.
---@async
function Work:of(fn)
  fn(self.gateway)
  local count = self:mark()
  return count - (self.idle or 0)
end

function Work:stop()
  self.gateway:stop()
  self.folder:remove()
end

return work
