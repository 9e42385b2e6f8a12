-- The admin socket: a Unix socket of the running gateway, for its owner only: it is in a folder that is that user's
-- alone, its mode is 0600, and connections of other users but root are closed. It speaks HTTP:
-- `curl --unix-socket PATH http://admin/tasks` shows what `tidegate tasks` does.
local core = require "tidegate.core"
local app = require "tidegate.app"
local errors = require "tidegate.errors"
local serve = require "tidegate.serve"
local tree = require "tidegate.tree"
local watch = require "tidegate.watch"

local admin = {}

local OWNER_ONLY = 384 -- 0600

-- The folders in which a socket may be that nobody names, the best one first. Others may write to /tmp: what is there
-- is looked at.
local function folders()
  local user, runtime, list = core.user(), os.getenv "XDG_RUNTIME_DIR", {}
  if runtime and runtime:sub(1, 1) == "/" then
    list[1] = (runtime:match "^.*[^/]" or "") .. "/tidegate"
  end
  list[#list + 1] = ("/run/user/%d/tidegate"):format(user)
  list[#list + 1] = ("/tmp/tidegate-%d"):format(user)
  return list
end

-- Each address has a name of its own, in whatever way it was written.
local function name_of(address)
  return (core.normal_address(address) or address):gsub("[^%w.]", function(byte)
    return byte == ":" and "_" or ("%%%02x"):format(byte:byte())
  end) .. ".sock"
end

--- The paths at which the socket of a gateway may be where nobody names one: only those in folders that are this user's
--- alone.
---@param address string its first address: "127.0.0.1:8000"
---@return string[]
---@return string[] # what is wrong with the folders that were left out
function admin.paths(address)
  local paths, wrong = {}, {}
  for _, folder in ipairs(folders()) do
    local why = core.private_folder(folder, false)
    if why then
      wrong[#wrong + 1] = folder .. ": " .. why
    else
      paths[#paths + 1] = folder .. "/" .. name_of(address)
    end
  end
  return paths, wrong
end

--- The path of the socket of this gateway, where nobody names one. Makes its folder.
---@param address string
---@return string? path
---@return string? why there is none
function admin.new_path(address)
  local wrong = {}
  for _, folder in ipairs(folders()) do
    local why = core.private_folder(folder, true)
    if not why then
      return folder .. "/" .. name_of(address)
    end
    wrong[#wrong + 1] = folder .. ": " .. why
  end
  return nil, table.concat(wrong, "; ")
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
