-- tidegate tasks: prints the tree of a running gateway's tasks, which it asks for over the admin socket.
local core = require "tidegate.core"
local admin = require "tidegate.admin"
local options = require "tidegate.cli.options"
local settings = require "tidegate.cli.settings"
local unix = require "tidegate.unix"

local function ask(path)
  local stream = unix.connect(path)
  stream:write "GET /tasks HTTP/1.0\r\nHost: admin\r\n\r\n"
  local pieces = {}
  for piece in function()
    return stream:read()
  end do
    pieces[#pieces + 1] = piece
  end
  stream:close()
  return (table.concat(pieces):gsub("^.-\r\n\r\n", "", 1))
end

return function(args)
  local flags = options.parse("tasks", "Prints the tasks of a running gateway as a tree.", args)
  if not flags then
    return 0
  end
  local values = settings.resolve(flags)
  local path = values.admin_socket
  if path == "" then
    path = admin.default_path(values.listen[1])
  end
  local ok, answer
  core.spawn_root(function()
    ok, answer = pcall(ask, path)
    core.stop()
  end)
  core.run()
  if not ok then
    error(("no gateway answers at the admin socket %s; is it running, with the same --listen or "
      .. "--admin-socket?"):format(path), 0)
  end
  io.stdout:write(answer)
  return 0
end
