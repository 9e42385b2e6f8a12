-- tidegate tasks: prints the tree of a running gateway's tasks, which it asks for over the admin socket.
--
-- What answers there is believed only where it is this user's process, or root's: the path may be one that others could
-- take first. What it says is only ever shown.
local core = require "tidegate.core"
local admin = require "tidegate.admin"
local errors = require "tidegate.errors"
local options = require "tidegate.cli.options"
local output = require "tidegate.cli.output"
local scope = require "tidegate.scope"
local settings = require "tidegate.cli.settings"
local unix = require "tidegate.unix"

local PATIENCE_SECONDS = 2
local ANSWER_BYTES_MAX = 64 * 1024 * 1024

local function fail(format, ...)
  error(format:format(...), 0)
end

local function check_peer(stream, path)
  local user = core.stream_peer_user(stream)
  if user ~= core.user() and user ~= 0 then
    stream:close()
    fail("the admin socket %s belongs to the user %s; only one of this user (%d) or of root is trusted",
      path, user or "unknown", core.user())
  end
end

local function fail_for_other(path)
  fail("what answers at the admin socket %s is not a gateway", path)
end

local function ask(stream, path)
  stream:write "GET /tasks HTTP/1.0\r\nHost: admin\r\n\r\n"
  local pieces, size = {}, 0
  for piece in function()
    return stream:read()
  end do
    pieces[#pieces + 1] = piece
    size = size + #piece
    if size > ANSWER_BYTES_MAX then
      fail_for_other(path)
    end
  end
  return table.concat(pieces)
end

-- Connects to the first of the paths at which somebody listens.
local function connect(paths)
  local why
  for _, path in ipairs(paths) do
    local is_open, stream = pcall(unix.connect, path)
    if is_open then
      check_peer(stream, path)
      return stream, path
    end
    why = why or stream.message:match ": (.*)$"
  end
  fail("no gateway answers at the admin socket %s: %s. Is it running, with the same --listen or --admin-socket?",
    paths[1], why)
end

local function tree_of(paths)
  local stream, path = connect(paths)
  local ok, answer = pcall(scope.move_on_after, PATIENCE_SECONDS, ask, stream, path)
  stream:close()
  if answer == "" or errors.is_error(answer) and answer.kind == "closed" then
    fail("what answers at the admin socket %s has closed the connection without an answer", path)
  elseif not ok then
    error(answer, 0)
  elseif not answer then
    fail("the gateway at the admin socket %s has not answered for %d s; something holds its loop", path,
      PATIENCE_SECONDS)
  end
  return answer:match "^HTTP/1%.%d 200 .-\r\n\r\n(.*)$" or fail_for_other(path)
end

local function absolute(path)
  return path:sub(1, 1) == "/" and path or assert(core.working_folder()) .. "/" .. path
end

local function socket_paths(values)
  local path = values.admin_socket
  if path == "none" then
    fail("a gateway with the admin socket none cannot be asked")
  elseif path ~= "" then
    return { absolute(path) }
  end
  local paths, wrong = admin.paths(values.listen[1])
  if #paths == 0 then
    fail("there is no folder for admin sockets, so no gateway of this user has one: %s", table.concat(wrong, "; "))
  end
  return paths
end

return function(args)
  local flags = options.parse("tasks", "Prints the tasks of a running gateway as a tree.", args)
  if not flags then
    return 0
  end
  local paths = socket_paths((settings.resolve(flags)))
  local ok, text
  core.spawn_root(function()
    ok, text = pcall(tree_of, paths)
    core.stop()
  end)
  core.run()
  if not ok then
    error(text, 0)
  end
  output.text(text)
  return 0
end
