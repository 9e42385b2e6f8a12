-- tidegate run: serves until a signal ends it.
local core = require "tidegate.core"
local app = require "tidegate.app"
local loader = require "tidegate.loader"
local log = require "tidegate.log"
local options = require "tidegate.cli.options"
local serve = require "tidegate.serve"
local settings = require "tidegate.cli.settings"
local task = require "tidegate.task"

local function listen(addresses)
  local bound = {}
  for _, address in ipairs(addresses) do
    local got, why = core.listen(address)
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
  log.info("tidegate %s listens on %s (%d route%s from %s)", core.version, table.concat(places, ", "), count,
    count == 1 and "" or "s", values.routes)
end

-- The first signal lets requests end, for as long as they may; the second one does not wait.
local function on_signals(values)
  local stopping = false
  local function cancel_all()
    log.warn("cancelling what is still under way")
    core.stop()
  end
  core.on_signal(function()
    if stopping then
      return cancel_all()
    end
    stopping = true
    local open = core.connection_count()
    log.info("stopping; %d connection%s open", open, open == 1 and "" or "s")
    core.stop_serving()
    core.spawn(function()
      if core.sleep(values.drain_timeout_ms / 1000) == nil then
        cancel_all()
      end
    end)
  end)
end

return function(args)
  local flags = options.parse("run", "Serves the routes of a folder.", args)
  if not flags then
    return 0
  end
  local values = settings.resolve(flags)
  log.set_level(values.log_level)
  local loaded = loader.load(values.routes)
  local handle = loaded:mount()
  values.request = serve.handler(handle, values.dev)
  values.gone = serve.gone
  values.stopped = core.stop
  core.serve(values)
  local bound = listen(values.listen)
  app.set_url(loaded, bound[1])
  on_signals(values)
  announce(bound, loaded, values)
  core.run()
  task.shutdown()
  log.info("stopped")
  return 0
end
