-- Settings: from flags, then TIDEGATE_* variables, then the configuration file, then defaults.
local check = require "tidegate.check"
local core = require "tidegate.core"
local nearest = require "tidegate.nearest"
local variables = require "tidegate.variables"

local settings = {}

local function text(value)
  return type(value) == "string" and value ~= "" and value or nil, "a text"
end

local function any_text(value)
  return type(value) == "string" and value or nil, "a text"
end

local function whole_number(value)
  local number = tonumber(value)
  local fine = number and number >= 1 and number <= 2 ^ 31 and number % 1 == 0
  return fine and number or nil, "a whole number from 1 to 2147483648"
end

-- Half of it must hold the longest line; see access_log.h.
local function access_log_bytes(value)
  local number = whole_number(value)
  return number and number >= 131072 and number or nil, "a whole number from 131072 to 2147483648"
end

local function whole_number_or_none(value)
  if tonumber(value) == 0 then
    return 0
  end
  return (whole_number(value)), "a whole number from 1 to 2147483648, or 0"
end

local function yes_or_no(value)
  if value == true or value == "true" or value == "1" then
    return true
  elseif value == false or value == "false" or value == "0" then
    return false
  end
  return nil, "true or false"
end

-- The words of a list, or of a text in which commas or blanks stand between them; nil and the word where one is wrong.
local function words(value, is_fine)
  local all = {}
  for _, item in ipairs(type(value) == "table" and value or { value }) do
    if type(item) ~= "string" then
      return nil
    end
    for word in item:gmatch("[^,%s]+") do
      if not is_fine(word) then
        return nil, word
      end
      all[#all + 1] = word
    end
  end
  return #all > 0 and all or nil
end

local ADDRESSES = "addresses like 127.0.0.1:8000, [::1]:8000 or unix:/path"

-- What is probably meant by a text that is no address to listen on.
local function meant_address(word)
  local scheme, rest = word:match "^(%a+)://([^/]*)/?$"
  if scheme == "https" then
    return "Tidegate does not speak TLS yet: listen on " .. rest .. ", behind a proxy that does"
  elseif scheme == "http" then
    return "an address has no scheme: " .. rest
  elseif word:find "^:?%d+$" then
    return ("the host is missing: 127.0.0.1:%s, or 0.0.0.0:%s for every address of the machine"):format(
      word:match "%d+", word:match "%d+")
  elseif core.is_network(word) or word:lower() == "localhost" then
    return ("the port is missing: %s:8000"):format(word:find(":", 1, true) and "[" .. word .. "]" or word)
  elseif word:find "^%*:%d+$" then
    return "every address of the machine is 0.0.0.0" .. word:sub(2) .. " or [::]" .. word:sub(2)
  end
end

-- That a path is too long, or its folder missing, is told when it is listened on.
local function is_address(word)
  return word:find "^unix:." and true or core.normal_address(word) ~= nil
end

local function addresses(value)
  local seen = {}
  local list, wrong = words(value, is_address)
  if not list then
    return nil, ADDRESSES, wrong, wrong and meant_address(wrong)
  end
  for _, word in ipairs(list) do
    local same = core.normal_address(word) or word
    if seen[same] and not word:find ":0$" then
      return nil, nil, word, ("has %s twice"):format(word)
    end
    seen[same] = true
  end
  return list, ADDRESSES
end

local function is_type(word)
  return word == "usual" or word:find "^[%w_.+-]+/[%w_.+-]+$" or word:find "^[%w_.+-]+/%*$"
    or word:find "^%+[%w_.-]+$"
end

local function media_types(value)
  local list, wrong = words(value, is_type)
  return list, "a media type or a list of them: text/html, text/*, +json, usual", wrong
end

local function networks(value)
  local is_empty = value == "" or type(value) == "table" and next(value) == nil
  local wanted = "addresses, ranges like 10.0.0.0/8, or unix:"
  if is_empty then
    return {}, wanted
  end
  local list, wrong = words(value, function(word)
    return word == "unix:" or core.is_network(word)
  end)
  return list, wanted, wrong
end

-- The mode of a file, in octal digits: its owner at least may use a socket.
local function socket_mode(value)
  local number = type(value) == "string" and value:find "^0?[0-7][0-7][0-7]$" and tonumber(value, 8)
  local is_fine = value == "umask" or number and math.floor(number / 128) % 4 == 3
  return is_fine and value or nil, 'umask, or octal digits that let its owner read and write, like "0660"'
end

local levels = { debug = true, info = true, warn = true, error = true }
local function level(value)
  return levels[value] and value or nil, "debug, info, warn or error"
end

local formats = { json = true, combined = true }
local function access_log_format(value)
  return formats[value] and value or nil, "json or combined"
end

local log_formats = { text = true, json = true }
local function log_format(value)
  return log_formats[value] and value or nil, "text or json"
end

local ends = { cancel = true, serve = true }
local function half_closed(value)
  return ends[value] and value or nil, "cancel or serve"
end

--- Every setting: its name in the configuration file; `--name-with-dashes` and TIDEGATE_NAME are made of it.
settings.list = {
  { name = "listen", read = addresses, default = { "127.0.0.1:8000" }, many = true, value = "ADDRESS",
    help = "where to listen; repeatable: also [::1]:8000, unix:/path" },
  { name = "listen_mode", read = socket_mode, default = "umask", value = "MODE",
    help = "who may connect to unix:/path, in octal digits like 0660" },
  { name = "routes", read = text, default = "routes", value = "DIR", help = "the folder of the route files" },
  { name = "dev", read = yes_or_no, default = false, flag = true,
    help = "answer a browser with a readable page where a route fails" },
  { name = "log_level", read = level, default = "info", value = "LEVEL", help = "debug, info, warn or error" },
  { name = "log_format", read = log_format, default = "text", value = "FORMAT",
    help = "of the log's lines: text, or json for an object in each" },
  { name = "access_log", read = text, default = "none", value = "PATH",
    help = "a line for each exchange; `-` for standard output, `none` for none" },
  { name = "access_log_format", read = access_log_format, default = "json", value = "FORMAT",
    help = "json or combined" },
  { name = "access_log_buffer_bytes_max", read = access_log_bytes, default = 1048576, value = "BYTES",
    help = "lines that are not written yet; those over it are dropped" },
  { name = "head_bytes_max", read = whole_number, default = 16384, value = "BYTES",
    help = "request line and header section; 414 or 431 over it" },
  { name = "field_count_max", read = whole_number, default = 100, value = "N", help = "header fields; 431 over it" },
  { name = "body_bytes_max", read = whole_number, default = 1048576, value = "BYTES",
    help = "a request's body; 413 over it" },
  { name = "merge_slashes", read = yes_or_no, default = false, flag = true,
    help = "several slashes in a row in a path become one" },
  { name = "head_timeout_ms", read = whole_number, default = 10000, value = "MS",
    help = "from a request's first byte to the end of its header section; 408 over it" },
  { name = "body_timeout_ms", read = whole_number, default = 60000, value = "MS",
    help = "how long a body may fall behind its rate; 408 over it" },
  { name = "body_bytes_per_second_min", read = whole_number_or_none, default = 500, value = "BYTES",
    help = "the rate of a body; 0 for none: then its whole time is bounded" },
  { name = "body_ahead_bytes_max", read = whole_number, default = 65536, value = "BYTES",
    help = "held of a body that its route does not read; then the client waits" },
  { name = "skipped_bytes_max", read = whole_number_or_none, default = 65536, value = "BYTES",
    help = "read of an unwanted body after its answer; closed over it" },
  { name = "send_timeout_ms", read = whole_number, default = 60000, value = "MS",
    help = "how long a client may read below its rate; closed over it" },
  { name = "send_bytes_per_second_min", read = whole_number_or_none, default = 500, value = "BYTES",
    help = "the rate of reading; 0 for none: then the whole time is bounded" },
  { name = "idle_timeout_ms", read = whole_number, default = 60000, value = "MS",
    help = "a connection between requests is closed after it" },
  { name = "half_closed", read = half_closed, default = "cancel", value = "HOW",
    help = "where a client ends its side before the answer begins: cancel or serve" },
  { name = "linger_timeout_ms", read = whole_number, default = 2000, value = "MS",
    help = "how long to read what a client still sends after the last answer" },
  { name = "pipelined_bytes_max", read = whole_number, default = 65536, value = "BYTES",
    help = "received after the request under way; then the client waits" },
  { name = "requests_per_connection_max", read = whole_number, default = 2147483648, value = "N",
    help = "the answer to the last one closes the connection" },
  { name = "connections_max", read = whole_number, default = 10000, value = "N",
    help = "open at once; 503 over it" },
  { name = "connections_per_address_max", read = whole_number_or_none, default = 0, value = "N",
    help = "of these from one address, 0 for any number; 503 over it" },
  { name = "compress", read = yes_or_no, default = false, flag = true,
    help = "compress answers for clients that take it" },
  { name = "compress_bytes_min", read = whole_number, default = 1024, value = "BYTES",
    help = "smaller answers are sent as they are" },
  { name = "compress_types", read = media_types, default = { "usual" }, many = true, value = "TYPE",
    help = "which types are compressed; repeatable: text/html, text/*, +json, usual" },
  { name = "compress_bodies_max", read = whole_number_or_none, default = 100, value = "N",
    help = "answers that are compressed at once; others are sent as they are" },
  { name = "decode_bodies_max", read = whole_number, default = 100, value = "N",
    help = "bodies that are decoded at once; 503 over it" },
  { name = "trusted_proxies", read = networks, default = {}, many = true, value = "ADDRESS",
    help = "proxies believed about their clients; repeatable: 127.0.0.1, 10.0.0.0/8, unix:" },
  { name = "request_timeout_ms", read = whole_number_or_none, default = 0, value = "MS",
    help = "the total time of a route, 0 for none; 504 over it" },
  { name = "stall_warn_ms", read = whole_number, default = 50, value = "MS",
    help = "a task that holds the loop for longer is logged" },
  { name = "admin_socket", read = any_text, default = "", value = "PATH",
    help = "the Unix socket of `tidegate tasks`; `none` for none" },
  { name = "blocking_threads_max", read = whole_number, default = 4, value = "N",
    help = "calls of tg.blocking that run at once" },
  { name = "blocking_queue_max", read = whole_number, default = 1000, value = "N",
    help = "calls of tg.blocking that wait for a thread; 503 over it" },
  { name = "drain_timeout_ms", read = whole_number, default = 10000, value = "MS",
    help = "at the end, requests under way are cancelled after it" },
}

local by_name = {}
for _, setting in ipairs(settings.list) do
  by_name[setting.name] = setting
end

local names = {}
for index, setting in ipairs(settings.list) do
  names[index] = setting.name
end

-- What other servers call a setting: how it is said here, with what was given as %s.
local PORT = "the address has the port: --listen 127.0.0.1:%s"
local HOST = "the address has host and port: --listen %s:8000"
local OTHERS = {
  port = { PORT, "8000" }, p = { PORT, "8000" }, host = { HOST, "127.0.0.1" }, bind = { HOST, "127.0.0.1" },
  address = { HOST, "127.0.0.1" }, addr = { HOST, "127.0.0.1" }, l = { "the address to listen on is --listen %s",
    "127.0.0.1:8000" }, c = { "the configuration file is named with --config %s", "FILE" },
  debug = { "--log-level debug logs more" }, verbose = { "--log-level debug logs more" },
  v = { "`tidegate version` prints the version; --log-level debug logs more" },
  timeout = { "the time of a route is --request-timeout-ms 5000, in milliseconds" },
}

--- How that is said here which other servers call by another name.
---@param name string "port"
---@param value any what was given
---@return string?
function settings.meant(name, value)
  local other = OTHERS[name]
  local is_fine = type(value) == "number" or type(value) == "string" and value:find "^[%w.:_-]+$" ~= nil
    and value:sub(1, 1) ~= "-"
  return other and other[1]:format(is_fine and tostring(value) or other[2])
end

-- The same of the configuration file.
local function hint(key, value)
  local how = type(key) == "string" and settings.meant(key, value)
  if how then
    return "; " .. how
  end
  local near = type(key) == "string" and nearest.of(key, names)
  return near and ("; did you mean %s?"):format(near) or ""
end

local DEFAULT_FILE = "tidegate.conf.lua"

local function usage_error(message)
  error({ usage = message }, 0)
end

-- A value as the message about it shows it.
local function shown(value)
  if type(value) == "string" then
    return ("%q"):format(value)
  elseif type(value) == "table" and type(value[1]) == "string" then
    return ("%q"):format(value[1])
  end
  return type(value) == "table" and "this table" or tostring(value)
end

local function read(setting, value, place)
  local result, wanted, wrong, how = setting.read(value)
  if result == nil and not wanted then
    usage_error(("%s: %s %s"):format(place, setting.name, how))
  elseif result == nil then
    usage_error(("%s: %s must be %s, and %s is not%s"):format(place, setting.name, wanted,
      shown(wrong == nil and value or wrong), how and "; " .. how or ""))
  end
  return result
end

-- The line of a configuration file on which a key stands, for the message about it.
local function line_of(source, key)
  local escaped, number = key:gsub("%p", "%%%0"), 0
  for line in source:gmatch "([^\n]*)\n?" do
    number = number + 1
    -- linear: lines of a configuration file
    if line:find("%f[%w_]" .. escaped .. "%s*=") or line:find("%[%s*[\"']" .. escaped .. "[\"']%s*%]") then
      return number
    end
  end
  return 1
end

-- What a configuration file returns, and its text.
local function load_file(path, required)
  local source, why, is_missing = core.read_file(path)
  if not source then
    if required or not is_missing then
      usage_error(("the configuration file %s cannot be read: %s"):format(path, why))
    end
    return {}, ""
  end
  local chunk, message = loadstring(source, "@" .. path)
  if not chunk then
    usage_error(message)
  end
  local ok, values = pcall(chunk)
  if not ok then
    usage_error(type(values) == "string" and values or ("%s: raised %s"):format(path, shown(values)))
  elseif type(values) ~= "table" then
    usage_error(("%s: must return a table of settings, and returns %s"):format(path, check.shown(values)))
  end
  for key, value in pairs(values) do
    if not by_name[key] then
      usage_error(("%s:%d: there is no setting %q%s (`tidegate check --help` lists them)"):format(
        path, line_of(source, tostring(key)), tostring(key), hint(key, value)))
    end
  end
  return values, source
end

-- The value of TIDEGATE_NAME, nil where it is not set or empty, and that name.
local function variable_of(name)
  local variable = "TIDEGATE_" .. name
  local value = os.getenv(variable)
  return value ~= "" and value or nil, variable
end

local OWN = { TIDEGATE_CONFIG = true }
for _, setting in ipairs(settings.list) do
  OWN["TIDEGATE_" .. setting.name:upper()] = true
end

--- What is wrong with variables whose names begin like those of settings and that no script has read: as a warning
--- where a setting was probably meant.
---@return {level: "info"|"warn", text: string}[]
function settings.unknown_variables()
  local found = {}
  for _, variable in ipairs(core.environment()) do
    local name = not OWN[variable] and not variables.is_read(variable) and variable:match "^TIDEGATE_(.+)$"
    if name then
      local how = settings.meant(name:lower(), os.getenv(variable))
      local near = not how and nearest.of(name:lower(), names)
      local meant = how and "; " .. how or near and "; did you mean TIDEGATE_" .. near:upper() .. "?" or ""
      found[#found + 1] = {
        level = (how or near) and "warn" or "info",
        text = ("the variable %s is no setting%s"):format(variable, meant),
      }
    end
  end
  table.sort(found, function(a, b) return a.text < b.text end)
  return found
end

--- The settings in force.
---@param flags table<string, any> values of the command line, by name; `config` is the file
---@return table<string, any> values
---@return table<string, string> sources by name: "--listen", "TIDEGATE_LISTEN", "tidegate.conf.lua:3", "default"
function settings.resolve(flags)
  local path = flags.config or variable_of("CONFIG") or DEFAULT_FILE
  local from_file, source = load_file(path, path ~= DEFAULT_FILE)
  local values, sources = {}, {}
  for _, setting in ipairs(settings.list) do
    local name = setting.name
    local environment, variable = variable_of(name:upper())
    if flags[name] ~= nil then
      sources[name] = "--" .. name:gsub("_", "-")
      values[name] = read(setting, flags[name], sources[name])
    elseif environment then
      sources[name] = variable
      values[name] = read(setting, environment, variable)
    elseif from_file[name] ~= nil then
      sources[name] = ("%s:%d"):format(path, line_of(source, name))
      values[name] = read(setting, from_file[name], sources[name])
    else
      sources[name] = "default"
      values[name] = setting.default
    end
  end
  return values, sources
end

return settings
