-- What fails in a test's process where nobody hears of it: each failure fails the test that runs, unless that takes it.
local errors = require "tidegate.errors"
local unheard = require "tidegate.unheard"

local testing_failures = {}

--- A failure that nobody else has heard of.
---@class tidegate.TestFailure
---@field what string what has failed: "the background task of routes/a.lua:5"
---@field message string
---@field error any the value that was raised
---@field traceback string

local FAILURES_MAX = 1000 -- of one test; what comes on and on need not be kept
local SHOWN_MAX = 10 -- which differ

local list = {}

-- What a failed assertion of busted's is, or nil.
local function assertion_of(value)
  local metatable = debug.getmetatable(value)
  return type(metatable) == "table" and rawget(metatable, "__type") == "failure" and metatable or nil
end

-- A task that has waited for one that was cancelled has done nothing wrong.
local function is_cancelled_with(err)
  return errors.is_error(err) and err.kind == "cancelled_child"
end

local function note(what, err, trace, may_fail)
  may_fail = may_fail or is_cancelled_with(err)
  if #list < FAILURES_MAX and not (may_fail and not assertion_of(err)) then
    list[#list + 1] = {
      what = what, message = errors.text(err), error = err, traceback = (trace or ""):gsub("^\n", ""),
    }
  end
end

--- Listens from here on.
function testing_failures.start()
  list = {}
  unheard.listen(note)
end

--- Gives the failures so far, which nobody else hears of then.
---@return tidegate.TestFailure[]
function testing_failures.take()
  local taken = list
  list = {}
  return taken
end

-- Is this line of a traceback within an assertion?
local function is_inner(line)
  return line:find "/luassert/" or line:find "/busted/" or line:find "%[C%]: in function 'throw'"
end

local function shown_trace(failure)
  local lines = {}
  for line in failure.traceback:gmatch "[^\n]+" do
    if not is_inner(line) then
      lines[#lines + 1] = "\n" .. line
    end
  end
  return #lines > 1 and table.concat(lines) or ""
end

-- A failed assertion's text is whole: a difference is many lines.
local function text_of(failure)
  local message = assertion_of(failure.error) and tostring(failure.error) or failure.message
  return ("%s\nin %s (a test that expects this failure takes it with t.failures())%s"):format(message, failure.what,
    shown_trace(failure))
end

--- What fails a test: a failed assertion stays one.
---@param failures tidegate.TestFailure[]
---@return string|table? # nil where there is none
function testing_failures.fault(failures)
  local texts, seen, metatable, more = {}, {}, nil, 0
  for _, failure in ipairs(failures) do
    local text = text_of(failure)
    metatable = metatable or assertion_of(failure.error)
    if seen[text] or #texts >= SHOWN_MAX then
      more = more + 1
    else
      seen[text], texts[#texts + 1] = true, text
    end
  end
  local whole = table.concat(texts, "\n") .. (more > 0 and ("\nand %d more"):format(more) or "")
  return #texts > 0 and (metatable and setmetatable({ message = whole }, metatable) or whole) or nil
end

return testing_failures
