-- Failures that nobody can raise any more: of a task whose scope raises another one, or is cancelled, or did without
-- it. They go to the log, with the request that they belong to.
local core = require "tidegate.core"
local errors = require "tidegate.errors"
local reports = require "tidegate.reports"
local request_id = require "tidegate.request_id"
local task = require "tidegate.task"
local unheard = require "tidegate.unheard"
local short = require("tidegate.text").short

local lost = {}

-- The request that a task belongs to, through the tasks that wait for it.
---@param of lightuserdata?
---@return string? method
---@return string? path
---@return integer? number
function lost.request_of(of)
  while of do
    local method, path, number = core.task_request(of)
    if method then
      return method, path, number
    end
    of = task.parent(of)
  end
end

local function owner_of(of)
  local method, path, number = lost.request_of(of)
  if method then
    return ("%s %s (request %s)"):format(method, short(path), request_id.of(number))
  end
  return "background"
end

local function fields_of(of, trace)
  local method, path, number = lost.request_of(of)
  return {
    request = method and request_id.of(number), method = method, path = path and short(path),
    traceback = reports.trace_field(trace),
  }
end

local function describe(of, why, err, trace)
  local summary = ("a task failed %s: %s"):format(why, errors.text(err))
  return ("%s: %s%s"):format(owner_of(of), summary, trace or ""), summary, summary, fields_of(of, trace)
end

--- Logs a failure; a cancellation is none.
---@param of lightuserdata? a task of the request that it belongs to
---@param level "warn"|"error"
---@param why string "beside another, whose error is raised"
---@param err any
---@param trace string? its traceback
---@param may_fail boolean? as unheard.tell has it
function lost.report(of, level, why, err, trace, may_fail)
  if not task.is_cancellation(err) then
    unheard.tell("a task, " .. why, err, trace, may_fail)
    reports.write(level, "lost " .. why .. " " .. reports.place_of(err, trace), describe, of, why, err, trace)
  end
end

return lost
