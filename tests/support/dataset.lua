-- Third-party test data in ../shared/data, where it is there. A test that wants what is not there says so in one line.
local lfs = require "lfs"

local ROOT = lfs.currentdir() .. "/../shared/data/"

local dataset = {}

local function read(path)
  local file = assert(io.open(path, "rb"))
  local text = file:read("*a")
  file:close()
  return text
end

--- The path of a file or folder of the data; nil, with a line on standard output, where it is not there.
---@param name string
---@return string?
function dataset.path(name)
  if lfs.attributes(ROOT .. name) then
    return ROOT .. name
  end
  print(("no ../shared/data/%s here: it was not tried"):format(name))
end

--- The text of a file; nil where it is not there.
---@param name string
---@return string?
function dataset.read(name)
  local path = dataset.path(name)
  return path and read(path)
end

--- The files of an archive, by their names without folders; empty where it is not there.
---@param name string
---@return table<string, string>
function dataset.unpack(name)
  local path = dataset.path(name)
  local files = {}
  if not path then
    return files
  end
  local folder = os.tmpname()
  os.remove(folder)
  assert(os.execute(("mkdir '%s' && tar -xzf '%s' -C '%s' --strip-components=1"):format(folder, path, folder)) == 0)
  for each in lfs.dir(folder) do
    if lfs.attributes(folder .. "/" .. each, "mode") == "file" then
      files[each] = read(folder .. "/" .. each)
    end
  end
  os.execute(("rm -r '%s'"):format(folder))
  return files
end

local ESCAPES = { r = "\r", n = "\n", t = "\t", f = "\f" }

-- llhttp's notation: "\r", "\x20" and the like; "\" at a line's end joins it with the next one; a line ends in CRLF.
local function unescape(block)
  local text = block:gsub("\\\n", "\0"):gsub("\n", "\r\n"):gsub("%z", "")
  text = text:gsub("\\x(%x%x)", function(digits)
    return string.char(tonumber(digits, 16))
  end)
  return (text:gsub("\\([rntf])", ESCAPES))
end

local function blocks_of(list, path, name, kind)
  local text = read(path)
  for block in text:gmatch("\n```" .. kind .. "\n(.-)\n```") do
    list[#list + 1] = { name = ("%s %d"):format(name, #list + 1), bytes = unescape(block) }
  end
end

--- llhttp's cases: {name, bytes}. Empty where they are not there.
---@param folder "request"|"response"
function dataset.llhttp(folder)
  local root, list, names = dataset.path("llhttp/test/" .. folder), {}, {}
  if not root then
    return list
  end
  for name in lfs.dir(root) do
    if name:find("%.md$") then
      names[#names + 1] = name
    end
  end
  table.sort(names)
  for _, name in ipairs(names) do
    blocks_of(list, root .. "/" .. name, folder .. "/" .. name, "http")
  end
  return list
end

--- llhttp's URLs: {name, bytes}.
function dataset.llhttp_urls()
  local path, list = dataset.path("llhttp/test/url.md"), {}
  if path then
    blocks_of(list, path, "url", "url")
  end
  return list
end

return dataset
