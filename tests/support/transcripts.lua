-- The transcripts of tests/data/http1, for tests in Lua: its README says how they are written.
local lfs = require "lfs"

local FOLDER = "tests/data/http1/"
local BYTES = { r = "\r", n = "\n", t = "\t", s = " ", e = "\27", ["0"] = "\0", ["\\"] = "\\" }

local transcripts = {}

-- A text with its escapes undone. Repetitions come first, so that what is repeated may have escapes.
local function unescape(text)
  text = text:gsub("\\{(%d+) ([^}]*)}", function(times, repeated)
    return repeated:rep(tonumber(times))
  end)
  text = text:gsub("\\(x?)(%x?%x?)", function(hex, digits)
    if hex == "x" then
      return string.char(tonumber(digits, 16))
    end
  end)
  return (text:gsub("\\([rntse0\\])", BYTES))
end

---@class tests.Transcript
---@field name string with its file and line
---@field steps {kind: "send"|"finish"|"answer"|"refuse"|"closed", bytes: string?, status: integer?, detail: string?}[]
---@field settings table<string, string|boolean>
---@field sent string all that the peer sends

-- "> text" is a line with CRLF, ">|text" the bare text.
local function line_bytes(text)
  local bare = text:sub(1, 1) == "|"
  return unescape(text:sub(2)) .. (bare and "" or "\r\n")
end

local function add_step(case, step)
  case.steps[#case.steps + 1] = step
end

local function add_bytes(case, kind, text)
  local last, bytes = case.steps[#case.steps], line_bytes(text)
  if last and last.kind == kind then
    last.bytes = last.bytes .. bytes
  else
    add_step(case, { kind = kind, bytes = bytes })
  end
  if kind == "send" then
    case.sent = case.sent .. bytes
  end
end

local function add_refusal(case, text)
  local status, detail = text:match "^ (%d+) ?(.*)$"
  add_step(case, { kind = "refuse", status = tonumber(status), detail = detail })
  add_step(case, { kind = "closed" })
end

local function add_setting(case, text)
  local name, value = text:match "^ (%S+) ?(.*)$"
  case.settings[name] = value == "" or value
end

local function add_line(case, line)
  local mark, text = line:sub(1, 1), line:sub(2)
  if line == ">end" then
    add_step(case, { kind = "finish" })
  elseif line == "<end" then
    add_step(case, { kind = "closed" })
  elseif mark == ">" then
    add_bytes(case, "send", text)
  elseif mark == "<" and text:sub(1, 1) == "!" then
    add_refusal(case, text:sub(2))
  elseif mark == "<" then
    add_bytes(case, "answer", text)
  elseif mark == "@" then
    add_setting(case, text)
  else
    assert(mark == "#" or mark == "=" or line == "", "a transcript's line cannot be read: " .. line)
  end
end

local function read_file(file, cases)
  local number, case = 0, nil
  for line in io.lines(FOLDER .. file) do
    number = number + 1
    local name = line:match "^%-%-%- (.*)$"
    if name then
      case = { name = ("%s:%d: %s"):format(file, number, name), steps = {}, settings = {}, sent = "" }
      cases[#cases + 1] = case
    elseif case then
      add_line(case, line)
    end
  end
end

--- All of them, in the order of the files' names.
---@return tests.Transcript[]
function transcripts.all()
  local files, cases = {}, {}
  for name in lfs.dir(FOLDER) do
    if name:find "%.txt$" then
      files[#files + 1] = name
    end
  end
  table.sort(files)
  for _, file in ipairs(files) do
    read_file(file, cases)
  end
  return cases
end

--- Does the server answer in it?
function transcripts.has_answer(case)
  for _, step in ipairs(case.steps) do
    if step.kind ~= "send" and step.kind ~= "finish" then
      return true
    end
  end
  return false
end

return transcripts
