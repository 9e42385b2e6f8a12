-- The commands of a console block, run one after the other.
local gateway = require "tests.support.gateway"
local match = require "tests.docs.support.match"
local page = require "tests.docs.support.page"

local console = {}

local BOUNDARY = "------------------------d74496d66958873e"

-- {command, expected} for each command of a block.
local function steps_of(block)
  local steps = {}
  for line in (block.text .. "\n"):gmatch("(.-)\n") do
    local command, last = line:match("^%$ (.*)$"), steps[#steps]
    if command then
      steps[#steps + 1] = { command = command, lines = {} }
    elseif last and last.command:sub(-1) == "\\" then
      last.command = last.command:sub(1, -2) .. line
    elseif last then
      last.lines[#last.lines + 1] = line
    else
      error(block.place .. ": a console block begins with a command: $ …", 0)
    end
  end
  return steps
end

-- The words of a command, as a shell takes them apart: quotes hold a word together.
local function words_of(command)
  local words, at = {}, 1
  while true do
    at = command:find("%S", at)
    if not at then
      return words
    end
    local word = ""
    while at <= #command and not command:find("^%s", at) do
      local piece
      local quote = command:sub(at, at)
      if quote == "'" or quote == '"' then
        piece = assert(command:match("^([^" .. quote .. "]*)" .. quote, at + 1), "a quote has no end: " .. command)
        at = at + 2
      else
        piece = command:match("^[^%s'\"]+", at)
      end
      word, at = word .. piece, at + #piece
    end
    words[#words + 1] = word
  end
end

-- --- curl ---

local takes_value = { ["-X"] = true, ["-H"] = true, ["-d"] = true, ["-F"] = true }

local function add_option(request, option, value)
  if option == "-X" then
    request.method = value
  elseif option == "-H" then
    request.fields[#request.fields + 1] = value
  elseif option == "-d" then
    request.body = value
  elseif option == "-F" then
    request.parts[#request.parts + 1] = value
  else
    request.with_head = true
  end
end

local function read_curl(words)
  local request, index = { fields = {}, parts = {} }, 2
  while words[index] do
    local word = words[index]
    if takes_value[word] then
      index = index + 1
      add_option(request, word, assert(words[index], word .. " needs a value"))
    elseif word == "-i" or word == "-I" then
      request.is_head = word == "-I"
      add_option(request, word)
    else
      assert(word:sub(1, 1) ~= "-" and not request.url, "curl with " .. word .. " is not known here")
      request.url = word
    end
    index = index + 1
  end
  return request
end

local function has_field(fields, name)
  for _, line in ipairs(fields) do
    if line:lower():sub(1, #name + 1) == name .. ":" then
      return true
    end
  end
  return false
end

-- A part of a form from "name=text" or "name=@file"; files are those of the page.
local function part_of(text, folder)
  local name, value = text:match("^([^=]+)=(.*)$")
  assert(name, "-F takes name=text or name=@file, not " .. text)
  local path = value:match("^@(.+)$")
  local head = ('Content-Disposition: form-data; name="%s"'):format(name)
  if path then
    local kind = path:find "%.txt$" and "text/plain" or "application/octet-stream"
    head = ('%s; filename="%s"\r\nContent-Type: %s'):format(head, path:match "[^/]*$", kind)
    value = page.read(folder .. "/" .. path) or error("there is no file " .. path, 0)
  end
  return ("--%s\r\n%s\r\n\r\n%s\r\n"):format(BOUNDARY, head, value)
end

-- Makes of the parts that a command names a body.
local function add_form(request, folder)
  if #request.parts == 0 then
    return
  end
  local parts = {}
  for index, text in ipairs(request.parts) do
    parts[index] = part_of(text, folder)
  end
  request.body = table.concat(parts) .. "--" .. BOUNDARY .. "--\r\n"
  request.fields[#request.fields + 1] = "Content-Type: multipart/form-data; boundary=" .. BOUNDARY
end

-- The bytes that curl would send.
local function bytes_of(request)
  local authority, target = request.url:match("^http://([^/]+)(.*)$")
  assert(authority, "a URL of http:// is wanted, not " .. tostring(request.url))
  local method = request.method or request.is_head and "HEAD" or request.body and "POST" or "GET"
  local lines = { ("%s %s HTTP/1.1"):format(method, target == "" and "/" or target), "Host: " .. authority }
  for _, line in ipairs(request.fields) do
    lines[#lines + 1] = line
  end
  if request.body then
    lines[#lines + 1] = "Content-Length: " .. #request.body
    if not has_field(request.fields, "content-type") then
      lines[#lines + 1] = "Content-Type: application/x-www-form-urlencoded"
    end
  end
  return table.concat(lines, "\r\n") .. "\r\n\r\n" .. (request.body or "")
end

local function run_curl(site, step, words)
  local request = read_curl(words)
  add_form(request, site:path())
  local answer = site:gateway():ask(bytes_of(request), request.is_head)
  if request.with_head then
    match.answer(step.place, step.expected, answer)
  else
    match.text(step.place, step.expected, answer.body)
  end
end

-- --- tidegate ---

local function run_tidegate(site, step, words)
  local environment = {}
  while words[1]:match("^[%w_]+=") do
    local name, value = words[1]:match("^([%w_]+)=(.*)$")
    environment[name] = value
    table.remove(words, 1)
  end
  if words[2] == "tasks" then
    words[#words + 1] = "--admin-socket=" .. site:admin_socket()
  end
  local result = gateway.command({ unpack(words, 2) }, { environment = environment, folder = site:path() })
  site.status = result.status
  match.text(step.place, step.expected, result.out .. result.err)
end

local function run_step(site, step)
  local words = words_of(step.command)
  local first = step.command:gsub("^[%w_]+=%S* ", "")
  if words[1] == "curl" then
    run_curl(site, step, words)
  elseif first:match("^tidegate ") then
    run_tidegate(site, step, words)
  elseif step.command == "echo $?" then
    match.text(step.place, step.expected, tostring(site.status))
  else
    error(("%s: %s is no command of a console block"):format(step.place, tostring(words[1])), 0)
  end
end

--- Runs the commands of a block; raises where one does not answer as the block shows.
---@async
---@param site tests.Site
---@param block tests.Block
function console.run(site, block)
  for _, step in ipairs(steps_of(block)) do
    step.place = ("%s: $ %s"):format(block.place, step.command)
    step.expected = table.concat(step.lines, "\n"):gsub("%s+$", "")
    run_step(site, step)
  end
end

return console
