-- The page that `tidegate run --dev` shows a browser where a route fails: what, where, and the lines around it.
local core = require "tidegate.core"

local error_page = {}

local STYLE = [[
body { font: 16px/1.5 system-ui, sans-serif; margin: 3rem auto; max-width: 60rem; padding: 0 1rem; color: #1b2733; }
h1 { font-size: 1.4rem; } .message { background: #fdecea; border-left: 4px solid #c62828; padding: .8rem 1rem; }
pre { background: #f4f6f8; padding: 1rem; overflow-x: auto; } mark { background: #ffe08a; } .place { color: #5b6b7a; }
]]

local ENTITIES = { ["&"] = "&amp;", ["<"] = "&lt;", [">"] = "&gt;", ['"'] = "&quot;", ["'"] = "&#39;" }

local function escape(text)
  return (tostring(text):gsub("[&<>\"']", ENTITIES))
end

-- The lines around the first place in the message or the traceback whose file can be read.
local function excerpt(text)
  for name, line in text:gmatch "%f[^%z%s:]([^%z%s:]+):(%d+)" do
    local source = name:sub(-4) == ".lua" and core.read_file(name)
    if source then
      local out, number, wanted = {}, 0, tonumber(line)
      for content in source:gmatch "([^\n]*)\n?" do
        number = number + 1
        if math.abs(number - wanted) <= 4 then
          local row = ("%5d  %s"):format(number, escape(content))
          out[#out + 1] = number == wanted and "<mark>" .. row .. "</mark>" or row
        end
      end
      return ('<p class="place">%s, line %d</p><pre>%s</pre>'):format(escape(name), wanted, table.concat(out, "\n"))
    end
  end
  return ""
end

--- The page for an error.
---@return string # HTML
function error_page.render(request, status, err, trace)
  local message = tostring(err)
  return table.concat {
    "<!doctype html><html lang=en><meta charset=utf-8><title>", status, " ", escape(request.path),
    "</title><style>", STYLE, "</style>",
    "<h1>", escape(request.method), " ", escape(request.path), " failed with ", status, "</h1>",
    '<p class="message">', escape(message), "</p>",
    excerpt(message .. "\n" .. (trace or "")),
    "<h2>Traceback</h2><pre>", escape((trace or ""):gsub("^%s+", "")), "</pre>",
    '<p class="place">Request ', escape(request.id), ". This page is shown because of --dev.</p></html>",
  }
end

return error_page
