-- Serving: each request in its task, from the exchange to the answer, and every error into an answer.
local core = require "tidegate.core"
local answer = require "tidegate.answer"
local answer_coding = require "tidegate.answer_coding"
local background = require "tidegate.background"
local blame = require "tidegate.blame"
local copies = require "tidegate.copies"
local defer = require "tidegate.defer"
local errors = require "tidegate.errors"
local error_page = require "tidegate.error_page"
local forwarding = require "tidegate.forwarding"
local hooks = require "tidegate.hooks"
local json = require "tidegate.json"
local places = require "tidegate.places"
local request_of = require "tidegate.request"
local request_reports = require "tidegate.request_reports"
local response = require "tidegate.response"
local scope = require "tidegate.scope"
local task = require "tidegate.task"
local unheard = require "tidegate.unheard"

local deferred = defer.live
local new_request, send, note_trace = request_of.new, answer.send, task.note_trace
local request_line, live = core.request_line, copies.live
local type, xpcall = type, xpcall

local DEADLINE_FIELD = "X-Request-Timeout-Ms"
local HTML = "text/html; charset=utf-8"
local HOOK_SECONDS_MIN, SHUTDOWN_HOOK_SECONDS = 5, 1
local NONE = {}
local PROBLEM = "application/problem+json"

-- The detail may hold what a client sent.
local function problem(request, status, detail, fields)
  local members = {
    type = "about:blank",
    title = core.status_reason(status),
    status = status,
    detail = type(detail) == "string" and core.utf8_repaired(detail) or detail,
    request_id = request.id,
  }
  for name, value in pairs(fields or NONE) do
    members[name] = value
  end
  return json.encode(members)
end

-- A client that gives its request less time than it takes is no fault of the route's.
local function is_asked_for(err)
  return errors.is_error(err) and err.is_asked
end

local function report(request, route, err, trace)
  if is_asked_for(err) then
    request_reports.asked_for(request, route, err)
  else
    unheard.tell(route, err, trace, true) -- its client hears of it
    request_reports.failure(request, route, err, trace)
  end
end

-- The same where there is no client any more.
local function report_unheard(request, route, err, trace)
  local _, _, is_fault = errors.describe(err)
  if is_asked_for(err) then
    request_reports.asked_for(request, route, err)
  elseif is_fault then
    unheard.tell(route .. ", whose client was gone or had its answer,", err, trace)
    request_reports.failure(request, route, err, trace)
  end
end

local function wants_page(request)
  return (request.headers.accept or ""):find("text/html", 1, true) ~= nil
end

-- What the access log says of it.
local function note(exchange, err)
  if task.is_cancellation(err) then
    core.note_cancelled(exchange, err.reason)
  else
    core.note_error(exchange, errors.is_error(err) and err.kind or "error")
  end
end

-- Answers with a problem. One that cannot be compressed, as where the task is cancelled, is sent as it is.
local function answer_problem(exchange, request, compression, status, body, headers)
  if answer_coding.is_wanted(request, compression) then
    local ok, encoded, changed = pcall(answer_coding.whole, compression, exchange, status, PROBLEM, body, headers)
    if ok then
      body, headers = encoded, changed
    end
  end
  core.respond(exchange, status, PROBLEM, body, headers)
end

local function answer_error(self, exchange, request, route, err, trace)
  local status, detail, is_fault = errors.describe(err)
  note(exchange, err)
  if is_fault then
    report(request, route, err, trace)
  end
  core.limit_answer(exchange) -- it tells of the time that is over
  if self.dev and is_fault and wants_page(request) then
    core.respond(exchange, status, HTML, error_page.render(request, status, err, trace))
    return
  end
  local text = problem(request, status, detail, errors.is_error(err) and err.fields or nil)
  local headers = forwarding.answer_lines(errors.is_error(err) and err.headers or nil, false)
  answer_problem(exchange, request, self.compression, status, text, headers)
end

-- The client sees that its answer is not whole; why, the log says.
local function break_off(exchange, request, route, err, trace)
  note(exchange, err)
  core.answer_cut(exchange)
  if task.is_cancellation(err) or errors.is_error(err) and err.kind == "deadline" then
    request_reports.break_off(request, route, err)
  else
    report(request, route, err, trace)
  end
end

-- The request as it came, to ask for its route a second time: a script may have changed its own, and asking sets what
-- the route says of it.
local function probe_of(exchange)
  local method, path = core.task_request(core.request_task(exchange))
  return { method = method, path = path, _exchange = exchange }
end

-- What stands for a request where those of one route are counted together.
local function route_of(find, exchange)
  local probe = probe_of(exchange)
  local _, _, pattern = find(probe)
  return pattern and probe.method .. " " .. pattern or "a request without a route"
end

-- --- errors of what has hooks around it ---

-- The answer of an error as an object, for hooks to see.
local function problem_response(self, request, err, trace)
  local status, detail, is_fault = errors.describe(err)
  if self.dev and is_fault and wants_page(request) then
    local page = error_page.render(request, status, err, trace)
    return response.new { status = status, headers = { ["Content-Type"] = HTML }, body = page }
  end
  local is_ours = errors.is_error(err)
  local text = problem(request, status, detail, is_ours and err.fields or nil)
  local made = response.new { status = status, headers = is_ours and err.headers or nil, body = text }
  made.headers["Content-Type"] = made.headers["Content-Type"] or PROBLEM
  return made
end

local function report_fault(request, route, err, trace)
  local _, _, is_fault = errors.describe(err)
  if is_fault then
    report(request, route, err, trace)
  end
end

-- Sends an answer that the hooks have seen; `seconds` is the time of each.
local function finish(self, exchange, request, made, seconds)
  local function failed(err, trace)
    err = blame.judge(request, err)
    report_fault(request, route_of(self.find, exchange), err, trace)
    return problem_response(self, request, err, trace)
  end
  send(exchange, request, self.compression, hooks.finish(rawget(request, "_hooks"), seconds, request, made, failed))
end

-- The seconds that each hook has for an error: the route's time may be over, and these are beyond it. nil for any time.
local function hook_seconds(request)
  local deadline = rawget(request, "_deadline")
  return deadline and math.max(HOOK_SECONDS_MIN, deadline - core.now())
end

local function answer_with_hooks(self, exchange, request, route, err, trace)
  local seconds, made = hook_seconds(request), nil
  if task.is_cancellation(err) then
    seconds, request._compress = SHUTDOWN_HOOK_SECONDS, false -- which would have to wait for a thread
  else
    made, err, trace = hooks.answer_error(rawget(request, "_hooks"), seconds, request, err, trace, function(...)
      report_fault(request, route, ...)
    end)
  end
  made = made or problem_response(self, request, err, trace)
  if seconds then
    core.limit_answer(exchange, seconds)
  end
  finish(self, exchange, request, made, seconds)
end

-- The same for who has no hooks; where these or what they have made fail, it answers that without them.
local fail

local function fail_with_hooks(self, exchange, request, route, err, trace)
  note(exchange, err)
  report_fault(request, route, err, trace)
  core.limit_answer(exchange)
  local ok, again
  if task.is_cancellation(err) then -- the gateway stops
    ok, again = xpcall(scope.shield, note_trace, answer_with_hooks, self, exchange, request, route, err, trace)
  else
    ok, again = xpcall(answer_with_hooks, note_trace, self, exchange, request, route, err, trace)
  end
  if not ok then
    request._hooks = nil
    fail(self, exchange, request, route, again, task.trace())
  end
end

function fail(self, exchange, request, route, err, trace)
  local state = core.answer_state(exchange)
  err = blame.judge(request, err)
  if task.is_cancellation(err) and state ~= "started" then
    request_reports.cancellation(request, route, err)
  elseif state == "gone" or state == "ended" then
    report_unheard(request, route, err, trace)
  end
  if state == "none" and rawget(request, "_hooks") then
    fail_with_hooks(self, exchange, request, route, err, trace)
  elseif state == "none" then
    answer_error(self, exchange, request, route, err, trace)
  elseif state == "started" then
    break_off(exchange, request, route, err, trace)
  end
end

-- Runs what was deferred. Nobody may have been answered, where even that has failed: nothing waits for it then.
local function run_deferred(exchange)
  local state = core.answer_state(exchange)
  if state == "none" then
    pcall(core.respond, exchange, 500)
  elseif state == "started" then
    core.answer_cut(exchange)
  end
  background.hold()
  defer.run(exchange, true)
  background.release()
end

-- Answers an error; where even that fails, the log says so. Nothing of it reaches the request's end.
local function answer_failure(self, exchange, request, err, trace)
  local fine, again = pcall(function()
    fail(self, exchange, request, route_of(self.find, exchange), err, trace)
  end)
  if not fine then
    pcall(function()
      request_reports.second(request, route_of(self.find, exchange), again)
    end)
  end
end

local serve = {}

-- The milliseconds that X-Request-Timeout-Ms gives a request.
local function read_timeout(text)
  local milliseconds = text:match("^%d+$") and #text <= 10 and tonumber(text)
  if not milliseconds then
    errors.abort(400, DEADLINE_FIELD .. " is not a whole number of milliseconds")
  end
  return milliseconds
end

--- The function that the core calls with each request, in a task of its own.
---@param find fun(request): (fun(request): any), number?, string?, tidegate.Hooks?, string? as App:mount gives it
---@param dev boolean answer a browser with a readable page where a route fails
---@param compression? tidegate.Compression none where it is left out, but for routes that ask for it
function serve.handler(find, dev, compression)
  compression = compression or answer_coding.read {}
  local self = { dev = dev, compression = compression, find = find }
  local function run_within(exchange, request, handle)
    send(exchange, request, compression, handle(request))
  end
  local function run_with_hooks(exchange, request, handle)
    local made = response.of(handle(request))
    finish(self, exchange, request, made)
  end
  -- The shorter of what the route gives and what the request brings covers the answer too, whoever makes it.
  local function run(exchange, request, timeout)
    local handle, own, _, around = find(request)
    if around then
      request._hooks = around
    end
    local asked = timeout and read_timeout(timeout)
    if not own and not asked then
      if around then
        return run_with_hooks(exchange, request, handle)
      end
      send(exchange, request, compression, handle(request)) -- a tail call would cost four times that
      return
    end
    local is_asked = asked and not (own and own <= asked)
    local seconds = (is_asked and asked or own) / 1000
    core.limit_answer(exchange, seconds)
    if around then
      request._deadline = core.now() + seconds
    end
    scope.bound(seconds, is_asked, around and run_with_hooks or run_within, exchange, request, handle)
  end
  local function serve_request(exchange, method, path, timeout)
    local request = new_request(exchange, method, path)
    local ok, err = xpcall(run, note_trace, exchange, request, timeout)
    if not ok then
      answer_failure(self, exchange, request, err, task.trace())
    end
    if deferred.is_any and defer.is_wanted(exchange) then
      run_deferred(exchange)
    end
    request._exchange = false -- what is still asked of it raises
    if live.is_any then
      copies.forget(exchange)
    end
  end
  places.own(serve_request, function(level)
    local exchange = places.variable(level, "exchange")
    return exchange and select(5, find(probe_of(exchange)))
  end)
  local function on_request()
    return serve_request(request_line())
  end
  jit.off(on_request) -- compiled code would be left for the core's function, and entered once more behind it
  return on_request
end

--- The function that the core calls with the task of a request whose client has left.
function serve.gone(request_task)
  task.cancel(request_task, task.cancellation("the client is gone"))
end

return serve
