-- The access log, as the settings have it: one line for each exchange, written by the servers themselves.
local core = require "tidegate.core"
local request_id = require "tidegate.request_id"

local access_log = {
  is_on = false, -- does anybody read what is noted of a request?
}

--- Turns it on where the settings say so; raises where its path cannot be opened.
---@param values table the settings
function access_log.start(values)
  local path = values.access_log
  if path == "none" then
    return
  end
  local ok, why = core.access_log_open {
    path = path,
    format = values.access_log_format,
    buffer_bytes_max = values.access_log_buffer_bytes_max,
    id_prefix = request_id.prefix,
  }
  if not ok then
    error(("cannot open the access log %s: %s"):format(path, why), 0)
  end
  access_log.is_on = true
end

--- Goes on in a new file of the same path, for whoever has renamed the old one.
function access_log.reopen()
  core.access_log_reopen()
end

return access_log
