-- What the commands print. A terminal obeys what it is sent: what comes from a file, a variable or another process is
-- only ever shown, as core.printable has it.
local core = require "tidegate.core"

local output = {}

-- A value within a line stays within it.
local function within_line(value)
  return type(value) == "string" and core.printable(value):gsub("\n", "\\x0a") or value
end

--- Prints a line on standard output.
---@param format string of string.format
---@param ... any texts and numbers
function output.line(format, ...)
  local values = { ... }
  for index = 1, select("#", ...) do
    values[index] = within_line(values[index])
  end
  io.stdout:write(format:format(unpack(values, 1, select("#", ...))), "\n")
end

--- Prints lines on standard output.
---@param text string
function output.text(text)
  io.stdout:write((core.printable(text)))
end

--- Says on standard error what went wrong.
---@param who string "tidegate"
---@param message string
function output.complain(who, message)
  io.stderr:write(who, ": ", core.printable(message), "\n")
end

--- Was all of it taken? Not where the disk is full.
---@return string? # what is wrong
function output.finish()
  local ok, why = io.stdout:flush()
  return not ok and why or nil
end

return output
