-- tidegate tasks: prints the tree of a running gateway's tasks, which it asks for over the admin socket.
local core = require "tidegate.core"
local admin = require "tidegate.admin"
local options = require "tidegate.cli.options"
local scope = require "tidegate.scope"
local settings = require "tidegate.cli.settings"
local unix = require "tidegate.unix"

local PATIENCE_SECONDS = 2

local function fail(format, ...)
  error(format:format(...), 0)
end

local function ask(stream)
  stream:write "GET /tasks HTTP/1.0\r\nHost: admin\r\n\r\n"
  local pieces = {}
  for piece in function()
    return stream:read()
  end do
    pieces[#pieces + 1] = piece
  end
  stream:close()
  return table.concat(pieces)
end

-- The whole answer; nothing where there was no time for one.
local function answer_of(path)
  local connected, stream = pcall(unix.connect, path)
  if not connected then
    fail("no gateway answers at the admin socket %s; is it running, with the same --listen or --admin-socket?", path)
  end
  return scope.move_on_after(PATIENCE_SECONDS, ask, stream)
end

local function tree_of(path)
  local answer = answer_of(path)
  if not answer then
    fail("the gateway at the admin socket %s has not answered for %d s; something holds its loop", path,
      PATIENCE_SECONDS)
  end
  local text = answer:match "^HTTP/1%.%d 200 .-\r\n\r\n(.*)$"
  return text or fail("what answers at the admin socket %s is no gateway", path)
end

local function socket_path(values)
  local path = values.admin_socket
  if path == "none" then
    fail("a gateway with the admin socket none cannot be asked")
  end
  return path ~= "" and path or admin.default_path(values.listen[1])
end

return function(args)
  local flags = options.parse("tasks", "Prints the tasks of a running gateway as a tree.", args)
  if not flags then
    return 0
  end
  local path = socket_path((settings.resolve(flags)))
  local ok, text
  core.spawn_root(function()
    ok, text = pcall(tree_of, path)
    core.stop()
  end)
  core.run()
  if not ok then
    error(text, 0)
  end
  io.stdout:write(text)
  return 0
end
