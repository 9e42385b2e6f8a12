-- The admin socket: a Unix socket of the running gateway, for its owner only (mode 0600). It speaks HTTP:
-- `curl --unix-socket PATH http://admin/tasks` shows what `tidegate tasks` does.
local core = require "tidegate.core"
local app = require "tidegate.app"
local errors = require "tidegate.errors"
local serve = require "tidegate.serve"
local tree = require "tidegate.tree"
local watch = require "tidegate.watch"

local admin = {}

local OWNER_ONLY = 384 -- 0600

--- The path of the socket where nobody names one: in the user's runtime folder, named after the first address.
---@param address string "127.0.0.1:8000"
---@return string
function admin.default_path(address)
  local folder = os.getenv "XDG_RUNTIME_DIR"
  local name = "tidegate-" .. address:gsub("[^%w.-]", "_") .. ".sock"
  return (folder and folder ~= "" and folder or "/tmp") .. "/" .. name
end

-- A page in a browser that was led here by a name of its own must get nothing: the names are ours.
local hosts = { admin = true, localhost = true }

local function check_host(request, next)
  if not hosts[request.host] then
    errors.abort(421, "the admin socket answers for the hosts admin and localhost")
  end
  return next(request)
end

local function routes(on)
  on:use(check_host)
  on:get("/tasks", function()
    return tree.render() .. watch.render()
  end)
end

--- Serves the admin socket.
---@param path string
---@return string? # what is wrong, where it cannot be served
function admin.start(path)
  local own = app.new "."
  routes(own)
  local server = core.serve {
    request = serve.handler(own:mount(), false),
    gone = serve.gone,
    stopped = function() end,
  }
  local _, why = core.listen(server, "unix:" .. path, OWNER_ONLY)
  return why
end

return admin
