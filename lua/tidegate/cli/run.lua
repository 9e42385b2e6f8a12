-- tidegate run: serves until a signal ends it.
local core = require "tidegate.core"
local access_log = require "tidegate.access_log"
local admin = require "tidegate.admin"
local answer_coding = require "tidegate.answer_coding"
local app = require "tidegate.app"
local background = require "tidegate.background"
local blocking = require "tidegate.blocking"
local blocking_watch = require "tidegate.blocking_watch"
local compress = require "tidegate.compress"
local forwarding = require "tidegate.forwarding"
local loader = require "tidegate.loader"
local log = require "tidegate.log"
local options = require "tidegate.cli.options"
local reports = require "tidegate.reports"
local request_id = require "tidegate.request_id"
local scope = require "tidegate.scope"
local serve = require "tidegate.serve"
local settings = require "tidegate.cli.settings"
local task = require "tidegate.task"
local watch = require "tidegate.watch"

local function listen(server, addresses, mode)
  local bound = {}
  for _, address in ipairs(addresses) do
    local got, why = core.listen(server, address, tonumber(mode, 8))
    if not got then
      error(("cannot listen on %s: %s"):format(address, why), 0)
    end
    bound[#bound + 1] = got
  end
  return bound
end

local function announce(bound, loaded, values)
  local places = {}
  for _, address in ipairs(bound) do
    places[#places + 1] = address:sub(1, 5) == "unix:" and address or "http://" .. address
  end
  local count = #loaded:routes()
  log._own("info", ("tidegate %s listens on %s (%d route%s from %s)"):format(core.version, table.concat(places, ", "),
    count, count == 1 and "" or "s", values.routes), nil,
    { version = core.version, listen = places, routes = count, folder = values.routes })
end

-- Ends in order: requests and background tasks may end, for as long as the limit lets them; then they are cancelled.
local function drain(server, values, stopped)
  local open = core.connection_count()
  log._own("info", ("stopping; %d connection%s open"):format(open, open == 1 and "" or "s"), nil,
    { connections = open })
  local in_time = scope.move_on_after(values.drain_timeout_ms / 1000, function()
    core.stop_serving(server)
    while not stopped.done do
      stopped.task, stopped.ticket = core.current(), core.ticket()
      task.results(core.park("draining connections"))
    end
    background.drain()
    return true
  end)
  if not in_time then
    log.warn("cancelling what is still under way")
  end
  core.stop()
end

-- The second signal cancels it, which is no failure.
local function drain_as_long_as_may_be(...)
  local ok, err = xpcall(drain, task.note_trace, ...)
  if not ok and not task.is_cancellation(err) then
    log.error("draining failed: %s%s", err, task.trace())
    core.stop()
  end
end

-- The first signal to end drains, the second one does not wait for that. SIGUSR1 is for the access log only.
local function on_signals(server, values, stopped)
  local stopping = false
  core.on_signal(function(name)
    if name == "SIGUSR1" then
      return access_log.reopen()
    elseif name == "SIGHUP" then
      return log.info("SIGHUP: there is no reload yet; start the gateway anew to load changed routes")
    end
    if stopping then
      log.warn("cancelling what is still under way")
      return core.stop()
    end
    stopping = true
    core.spawn_root(drain_as_long_as_may_be, server, values, stopped)
  end)
end

-- The first address that a URL can name, or the first one.
local function first_with_url(bound)
  for _, address in ipairs(bound) do
    if address:sub(1, 5) ~= "unix:" then
      return address
    end
  end
  return bound[1]
end

-- The gateway serves without its admin socket as well, and says so.
local function start_admin(values, address)
  local path = values.admin_socket
  if path == "none" then
    return
  end
  local why
  if path == "" then
    path, why = admin.new_path(address)
  end
  why = why or admin.start(path)
  if why then
    log.warn("the admin socket%s cannot be opened: %s", path and " at " .. path or "", why)
  end
end

return function(args)
  local flags = options.parse("run", "Serves the routes of a folder.", args)
  if not flags then
    return 0
  end
  core.hold_signals()
  local values = settings.resolve(flags)
  log.set_level(values.log_level)
  log.set_format(values.log_format)
  blocking.configure(values)
  compress.configure(values)
  forwarding.trust(values.trusted_proxies)
  access_log.start(values)
  local loaded = loader.load(values.routes)
  if access_log.is_on then
    app.note_routes(loaded)
  end
  local compression = answer_coding.read(values)
  local handle = loaded:mount(values.request_timeout_ms, compression)
  values.request = serve.handler(handle, values.dev, compression)
  values.body_bytes_cap = app.body_bytes_cap(loaded)
  values.gone = serve.gone
  local stopped = {} -- done, and who waits for it
  values.stopped = function()
    stopped.done = true
    if stopped.task then
      core.wake(stopped.task, stopped.ticket)
    end
  end
  core.raise_descriptor_limit()
  local server = core.serve(values)
  core.log_to_access_log(server)
  on_signals(server, values, stopped)
  local bound = listen(server, values.listen, values.listen_mode)
  app.set_url(loaded, first_with_url(bound))
  start_admin(values, bound[1])
  watch.start(values.stall_warn_ms / 1000, function(method, path)
    return (loaded.shared.router:find(method, path)) -- linear: a router
  end)
  blocking_watch.start(values.stall_warn_ms / 1000)
  if not core.watch_loop(request_id.prefix) then
    log.warn "a route that holds the loop cannot be named while it does: the system has no timer left"
  end
  background.start(app.periodic(loaded))
  for _, each in ipairs(settings.unknown_variables()) do
    log[each.level](each.text)
  end
  announce(bound, loaded, values)
  core.run()
  local left = task.shutdown()
  if left > 0 then
    log._own("warn", ("%d task%s did not end"):format(left, left == 1 and "" or "s"), nil, { tasks = left })
  end
  reports.flush()
  log.info("stopped")
  return 0
end
