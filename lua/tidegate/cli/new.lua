-- tidegate new: makes a folder with a route, its test and its settings.
local core = require "tidegate.core"
local files = require "tidegate.cli.new_files"
local output = require "tidegate.cli.output"

local HELP = [[
Usage: tidegate new DIR
Makes a folder with a route, its test, its settings and a README. A folder that is there already must be empty.
]]

local function usage_error(message, ...)
  error({ usage = message:format(...) }, 0)
end

local function read_folder(args)
  for _, arg in ipairs(args) do
    if arg:find "^%-" then
      usage_error("there is no option %s; `tidegate new DIR` has none but --help", arg)
    end
  end
  if #args ~= 1 or args[1] == "" then
    usage_error("tidegate new takes one folder: tidegate new DIR")
  end
  return args[1]:match "^.*[^/]" or "/"
end

-- A folder under version control may have that already.
local function check_empty(folder)
  local names = core.list_folder(folder) or {}
  table.sort(names)
  for _, name in ipairs(names) do
    if name ~= "." and name ~= ".." and name ~= ".git" then
      error(("%s has something in it already, as %s; name a new folder or an empty one"):format(folder, name), 0)
    end
  end
end

local function make_folder(path)
  local why = core.make_folder(path)
  if why then
    error(("the folder %s cannot be made: %s"):format(path, why), 0)
  end
end

-- Makes a folder, and those that it is in.
local function make_all(path)
  for at in path:gmatch "[^/]()" do
    if path:sub(at, at) == "/" or at > #path then
      make_folder(path:sub(1, at - 1))
    end
  end
end

local function write(path, text)
  local file, why = io.open(path, "wx")
  local is_written = file and file:write(text) and true
  if file then
    local is_closed, how = file:close()
    is_written, why = is_written and is_closed, why or how
  end
  if not is_written then
    error(("%s cannot be written: %s"):format(path, tostring(why):gsub("^.*: ", "")), 0)
  end
  output.line("made %s", path)
end

-- A path as a shell takes it.
local function quoted(path)
  if path:find "^[%w_./-]+$" and path:sub(1, 1) ~= "-" then
    return path
  end
  return "'" .. path:gsub("'", "'\\''") .. "'"
end

return function(args)
  for _, arg in ipairs(args) do
    if arg == "--help" or arg == "-h" then
      io.stdout:write(HELP)
      return 0
    end
  end
  local folder = read_folder(args)
  check_empty(folder)
  make_all(folder)
  local prefix = folder == "." and "" or (folder == "/" and "/" or folder .. "/")
  for _, file in ipairs(files) do
    local inner = file[1]:match "^(.*)/"
    if inner then
      make_folder(prefix .. inner)
    end
    write(prefix .. file[1], file[2])
  end
  output.text "\nNext:\n"
  if folder ~= "." then
    output.line("  cd %s", quoted(folder))
  end
  output.text "  tidegate test\n  tidegate run\n  curl http://127.0.0.1:8000/hello/Ada\n"
  return 0
end
