-- This page: what is served here, and a look at ten calls running at once.
--
-- page.html is read when the gateway loads. Its table lists what is mounted, so a route of yours appears by itself,
-- described by the first sentence of the comment above it, or else of the comment that opens its file.

-- Everything that the page needs is in it, and it asks nobody but this gateway; the browser holds it to that.
local POLICY = "default-src 'none'; connect-src 'self'; img-src data:; script-src 'unsafe-inline'; "
  .. "style-src 'unsafe-inline'"

local function read(path)
  local file, why = io.open(path, "rb")
  if not file then
    error("the page cannot be read: " .. why, 0)
  end
  local text = file:read("*a")
  file:close()
  return text
end

local function lines_of(path)
  local lines = {}
  local file = io.open(path)
  if file then
    for line in file:lines() do
      lines[#lines + 1] = line
    end
    file:close()
  end
  return lines
end

-- What a line says where it is a comment; annotations (---@async) say nothing to a reader of the page.
local function comment(line)
  local text = line and line:match("^%s*%-%-+%s*(.*)$")
  return text and (text:sub(1, 1) == "@" and "" or text)
end

local function first_sentence(words)
  local text = table.concat(words, " "):match("^%s*(%S.*)$") or ""
  return text:match("^(.-%.)%s") or text
end

-- What the comment says that ends right above a line.
local function comment_above(lines, number)
  local first, words = number, {}
  while comment(lines[first - 1]) do
    first = first - 1
  end
  for above = first, number - 1 do
    words[#words + 1] = comment(lines[above])
  end
  return first_sentence(words)
end

local function opening_comment(lines)
  local words = {}
  while comment(lines[#words + 1]) do
    words[#words + 1] = comment(lines[#words + 1])
  end
  return first_sentence(words)
end

local function describe(folder, route)
  local name, number = ("/" .. route.place):match("^.*/([^/:]+):(%d+)$")
  if not name then
    return ""
  end
  local lines = lines_of(folder .. "/" .. name)
  local said = comment_above(lines, tonumber(number))
  return said ~= "" and said or opening_comment(lines)
end

local entities = { ["&"] = "&amp;", ["<"] = "&lt;", [">"] = "&gt;", ['"'] = "&quot;" }

local function escape(text)
  return (text:gsub('[&<>"]', entities))
end

-- A link where a click can call the route: the method is GET, and no {name} waits for a value.
local function path_cell(route)
  local path = "<code>" .. escape(route.pattern) .. "</code>"
  if route.method ~= "GET" or route.pattern:find("{", 1, true) then
    return path
  end
  return ('<a href="%s">%s</a>'):format(escape(route.pattern), path)
end

local function table_rows(app)
  local rows = {}
  for _, route in ipairs(app:routes()) do
    rows[#rows + 1] = ('<tr><td><code>%s</code><td>%s<td>%s\n'):format(
      route.method, path_cell(route), escape(describe(app.folder, route)))
  end
  return table.concat(rows)
end

return function(app)
  local template = read(app.folder .. "/page.html")
  local page

  app:get("/", function()
    -- Not before the first request are all route files loaded; nothing is mounted later.
    page = page or template:gsub("<!%-%- routes %-%->", function()
      return table_rows(app)
    end)
    return 200, page, { ["Content-Type"] = "text/html; charset=utf-8", ["Content-Security-Policy"] = POLICY }
  end)
end
