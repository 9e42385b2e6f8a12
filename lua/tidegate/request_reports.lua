-- What the log says of requests that did not go well: one line each, or how many there were where there are many of a
-- kind (reports.lua). A kind is a route, an error and its place; what a client sends makes none.
local errors = require "tidegate.errors"
local reports = require "tidegate.reports"
local task = require "tidegate.task"
local short = require("tidegate.text").short

local request_reports = {}

-- The method and the path of a request.
local function line_of(request)
  return request.method .. " " .. short(request.path)
end

-- The host that a call has failed for, so that two upstreams are two places. Where clients choose it, there are no
-- more places than reports.lua has room for.
local function host_of(err)
  return errors.is_error(err) and type(err.message) == "string" and err.message:match "^%a+://[^/?#%s]+" or ""
end

local function kind_of(err)
  return errors.is_error(err) and tostring(err.kind) or type(err)
end

-- What is known of a request and its error. `request` is its id.
local function fields_of(request, route, err, trace)
  return {
    request = request.id, method = request.method, path = short(request.path), route = route, error = kind_of(err),
    traceback = reports.trace_field(trace),
  }
end

local function describe_failure(request, route, err, trace)
  local text = errors.text(err)
  return ("%s failed (request %s): %s%s"):format(line_of(request), request.id, text, trace),
    ("%s failed: %s"):format(route, text),
    ("%s failed: %s"):format(line_of(request), text), fields_of(request, route, err, trace)
end

--- A fault: with its traceback.
---@param route string what stands for it in keys: "GET /things/{id}"
function request_reports.failure(request, route, err, trace)
  local key = ("%s failed: %s %s %s"):format(route, kind_of(err), host_of(err), reports.place_of(err, trace))
  reports.write("error", key, describe_failure, request, route, err, trace or "")
end

local function describe_asked_for(request, route, err)
  local text = errors.text(err)
  return ("%s failed (request %s): %s, as its client asked"):format(line_of(request), request.id, text),
    ("%s failed, as its client asked"):format(route),
    ("%s failed: %s, as its client asked"):format(line_of(request), text), fields_of(request, route, err)
end

--- It took longer than its client has allowed: no fault of the route's.
function request_reports.asked_for(request, route, err)
  reports.write("info", route .. " failed as asked", describe_asked_for, request, route, err)
end

local function describe_break(request, route, err)
  local text = errors.text(err)
  return ("%s broke off its answer (request %s): %s"):format(line_of(request), request.id, text),
    ("%s broke off its answer: %s"):format(route, text),
    ("%s broke off its answer: %s"):format(line_of(request), text), fields_of(request, route, err)
end

--- The client has got a part of the answer, and sees that it is none.
function request_reports.break_off(request, route, err)
  reports.write(errors.is_error(err) and err.is_asked and "info" or "warn",
    ("%s broke off: %s"):format(route, task.is_cancellation(err) and err.reason or kind_of(err)),
    describe_break, request, route, err)
end

local function cancellation_fields(request, route, err)
  local fields = fields_of(request, route, err)
  fields.error, fields.reason, fields.children = "cancelled", err.reason, err.children
  return fields
end

local function describe_cancellation(request, route, err)
  return ("%s cancelled (request %s): %s → %d %s"):format(line_of(request), request.id, err.reason, err.children,
    err.children == 1 and "child" or "children"), ("%s cancelled: %s"):format(route, err.reason),
    ("%s cancelled: %s"):format(line_of(request), err.reason), cancellation_fields(request, route, err)
end

--- Nobody waits for the answer, or the gateway stops.
function request_reports.cancellation(request, route, err)
  reports.write("info", ("%s cancelled: %s"):format(route, err.reason), describe_cancellation, request, route, err)
end

local function describe_second(request, route, err)
  local text = errors.text(err)
  return ("%s: answering an error failed (request %s): %s"):format(line_of(request), request.id, text),
    ("%s: answering an error failed: %s"):format(route, text),
    ("%s: answering an error failed: %s"):format(line_of(request), text), fields_of(request, route, err)
end

--- The answer to an error could not be given.
function request_reports.second(request, route, err)
  reports.write("error", route .. " answering", describe_second, request, route, err)
end

return request_reports
