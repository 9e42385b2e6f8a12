-- The app: what route files register on. Routes, groups and middleware, put together once when all are loaded.
local check = require "tidegate.check"
local core = require "tidegate.core"
local errors = require "tidegate.errors"
local hooks = require "tidegate.hooks"
local log = require "tidegate.log"
local places = require "tidegate.places"
local response = require "tidegate.response"
local returns = require "tidegate.returns"
local router = require "tidegate.router"
local static = require "tidegate.static"
local task = require "tidegate.task"

local note_trace, response_of, xpcall = task.note_trace, response.of, xpcall

---@class tidegate.App
---@field folder string the folder whose route files are loaded
local App = { __name = "tidegate.App" }
App.__index = App

local function fail(message)
  core.raise(message)
end

local function check_open(self)
  if getmetatable(self) ~= App then
    fail("an app's functions are called with a colon, as in app:get(pattern, handler)")
  end
  if self.shared.mounted then
    fail("routes and middleware are registered while the route files are loaded, not later")
  end
end

-- The pattern behind the prefix; one that is none stays as it is, and the router says what is wrong with it.
local function below(prefix, pattern)
  if pattern == "" and prefix ~= "" then
    return prefix -- the group's own path
  end
  return type(pattern) == "string" and pattern:sub(1, 1) == "/" and prefix .. pattern or pattern
end

local function is_amount(value)
  return type(value) == "number" and value >= 0 and value <= 2 ^ 53
end

local function is_half_closed(value)
  return value == "cancel" or value == "serve"
end

local route_options = check.options_of("a route", {
  { "body_bytes_max", is_amount, "a number of bytes" },
  { "compress", "boolean", "true or false" },
  { "half_closed", is_half_closed, '"cancel" or "serve"' },
  { "request_timeout_ms", is_amount, "a number of milliseconds, or 0 for none" },
}, { timeout = "request_timeout_ms", max_body = "body_bytes_max" })

-- The options of a route, as a table of what was given.
local function read_options(options)
  check.options(route_options, options)
  return options or {}
end

-- A forgotten return is a route that answers 204 for ever.
local function warn_of_nothing(route)
  local place = route.method == "GET" and places.of(route.handler, ("the handler of GET %s"):format(route.pattern))
  if place and returns.nothing(route.handler) then
    log.warn("%s: it never returns a value, so every answer is 204 (No Content); is a return missing?", place)
  end
end

local function add(self, method, pattern, handler, options)
  check_open(self)
  if type(handler) ~= "function" then
    check.refuse(("app:%s(pattern, handler): the handler must be a function"):format(method:lower()), handler)
  end
  local route = { handler = handler, group = self, place = core.place(), options = read_options(options) }
  local routes = self.shared.router
  local ok, message = pcall(routes.add, routes, method, below(self.prefix, pattern), route)
  if not ok then
    fail(message)
  end
end

for _, method in ipairs { "GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS" } do
  --- Registers a handler, which gets the request and returns the answer. Options: request_timeout_ms,
  --- body_bytes_max, compress and half_closed, for this route in place of the settings.
  App[method:lower()] = function(self, pattern, handler, options)
    add(self, method, pattern, handler, options)
  end
end

--- Registers a handler for every method that the pattern has no route of its own for, such as PROPFIND; HEAD and
--- OPTIONS too.
App.any = function(self, pattern, handler, options)
  add(self, "ANY", pattern, handler, options)
end

-- Adds to a list of hooks that the app or group may not have yet.
local function add_hook(self, list, fn)
  self[list] = self[list] or {}
  table.insert(self[list], fn)
  self.shared.has_hooks = true
end

--- Adds a function that may answer an error of this app or group in place of the usual problem: it returns what a
--- handler returns, or nothing.
---@param fn fun(request: tidegate.Request, err: any): any
function App:on_error(fn)
  check_open(self)
  add_hook(self, "error_hooks", hooks.check("app:on_error", fn, "request, err"))
end

--- Adds a function that sees every answer of this app or group before it is sent, those of errors too. It may change
--- the response, or return another one.
---@param fn fun(request: tidegate.Request, response: tidegate.Response): any
function App:after(fn)
  check_open(self)
  add_hook(self, "after_hooks", hooks.check("app:after", fn, "request, response"))
end

--- Adds a middleware around every route of this app or group, whatever file or order they come in, and, on the app,
--- around the answers to paths that no route has. It gets the request and `next`, and returns a response.
--- `next(request)` gives one as an object with `status`, `headers` and `body`.
---@param middleware fun(request: tidegate.Request, next: fun(request): tidegate.Response): any
function App:use(middleware)
  check_open(self)
  if type(middleware) ~= "function" then
    check.refuse("app:use takes a function(request, next)", middleware)
  end
  self.middleware[#self.middleware + 1] = { call = middleware, place = core.place() }
end

--- Registers what `register` registers below a prefix, with middleware of its own.
---@param prefix string "/api"
---@param register fun(group: tidegate.App)
function App:group(prefix, register)
  check_open(self)
  if type(prefix) ~= "string" or prefix:sub(1, 1) ~= "/" or prefix:sub(-1) == "/" then
    check.refuse('app:group(prefix, register): the prefix must be a path like "/api", with no slash at the end', prefix)
  end
  if type(register) ~= "function" then
    check.refuse("app:group(prefix, register): register must be a function(group)", register)
  end
  local group = setmetatable({
    prefix = self.prefix .. prefix,
    parent = self,
    middleware = {},
    shared = self.shared,
    folder = self.folder,
  }, App)
  table.insert(self.shared.groups, group)
  register(group)
end

local EVERY_SECONDS_MAX = 5e8 -- with jitter twice as much, which is the longest sleep

local every_options = check.options_of("app:every", { { "jitter", check.number(0, 1), "a number from 0 to 1" } })

--- Serves the files of a folder below a prefix: GET and HEAD, with types, validators and ranges. Nothing outside the
--- folder can be reached.
---@param prefix string "/assets"
---@param folder string a path; one that is not absolute lies in the routes folder
---@param options? {index?: string, cache_control?: string, compress?: boolean, dotfiles?: boolean,
--- types?: table<string, string>}
function App:static(prefix, folder, options)
  check_open(self)
  if type(prefix) ~= "string" or prefix:sub(1, 1) ~= "/" then
    check.refuse('app:static(prefix, folder): the prefix must be a path like "/assets"', prefix)
  elseif type(folder) ~= "string" or folder == "" then
    check.refuse("app:static(prefix, folder): the folder must be a path", folder)
  end
  check.options(static.options, options)
  local path = folder:sub(1, 1) == "/" and folder or self.folder .. "/" .. folder
  options = options or {}
  local handler = static.handler(path, options, self.shared)
  local base = prefix:match "^.*[^/]" or ""
  if base ~= "" then
    self:get(base, static.add_slash)
  end
  -- a file may have to be fetched before its answer begins: that is no wait which a client that half closes gives up
  self:get(base .. "/{path...}", handler, { compress = options.compress, half_closed = "serve" })
end

--- Calls a function every so many seconds while the gateway serves, in a background task of its own. It never overlaps
--- itself: the pause begins when it has returned.
---@param seconds number the pause
---@param fn fun()
---@param options? {jitter?: number} jitter: each pause is shorter or longer by up to this part of it; 0.1 by default
function App:every(seconds, fn, options)
  check_open(self)
  local is_time = type(seconds) == "number" and seconds > 0 and seconds <= EVERY_SECONDS_MAX
  if not is_time or type(fn) ~= "function" then
    check.refuse_time("app:every takes a number of seconds over 0, up to 5e8, and a function", is_time, seconds, fn)
  end
  check.options(every_options, options)
  local jitter = options and options.jitter or 0.1
  local periodic = self.shared.periodic
  periodic[#periodic + 1] = { seconds = seconds, fn = fn, jitter = jitter, place = core.place() }
end

--- The gateway's own address, for routes that call it: "http://127.0.0.1:8000". Known once it serves.
---@return string
function App:url()
  local url = self.shared.url
  if url == false then
    fail("app:url(): the gateway listens on Unix sockets only, which have no URL")
  end
  return url or fail("app:url() is known once the gateway serves; call it in a handler")
end

-- What `next` gives a middleware. An error keeps the traceback of where it came from, whoever catches it on its way.
local function pass_on(is_fine, ...)
  if is_fine then
    return response_of(...)
  end
  return task.raise_again((...), task.trace(), false)
end

-- What a middleware has returned.
local function answer_of(place, first, ...)
  if first == nil then
    error(place .. ": the middleware returned nothing; it must return what next gives, as in: return next(request), or "
      .. "an answer of its own; for an empty one: return 204", 0)
  end
  return first, ...
end

local function within(middleware, inner, owner)
  local call, place = middleware.call, middleware.place
  local function following(request)
    return pass_on(xpcall(inner, note_trace, request))
  end
  local function chain(request)
    return answer_of(place, call(request, following))
  end
  places.own(following, owner)
  places.own(chain, places.of(call, "a middleware") or place .. " (a middleware)")
  return chain
end

-- A handler inside the middleware of its group and all groups around it. `owner` says whose it is, for messages.
local function wrap(handler, group, owner)
  local chain = handler
  while group do
    for index = #group.middleware, 1, -1 do
      chain = within(group.middleware[index], chain, owner)
      owner = nil -- the others are around a middleware, which says itself where it is
    end
    group = group.parent
  end
  return chain
end

local function not_found()
  errors.abort(404, "no route has this path")
end

local function allow_list(allowed)
  if allowed.GET then
    allowed.HEAD = true
  end
  allowed.OPTIONS = true
  local names = {}
  for name in pairs(allowed) do
    names[#names + 1] = name
  end
  table.sort(names)
  return table.concat(names, ", ")
end

-- The answer where the path exists and the method does not.
local function other_method(request)
  local allow = allow_list(request._allowed)
  if request.method == "OPTIONS" then
    return 204, nil, { Allow = allow }
  end
  errors.abort(405, request.method .. " is not allowed here; only " .. allow .. " are", { Allow = allow })
end

local function any_path()
  return 204, nil, { Allow = "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS" }
end

-- The total time of a route: its own option, or else the setting; nil for none.
local function time_of(own_ms, request_timeout_ms)
  local milliseconds = own_ms or request_timeout_ms
  return milliseconds ~= 0 and milliseconds or nil
end

-- A route's chain whose answers are compressed, or not, whatever the setting says.
local function with_compression(compress, chain)
  if compress == nil then
    return chain
  end
  return function(request)
    request._compress = compress
    return chain(request)
  end
end

-- A route's chain for requests whose body may be longer, or must be shorter, than the setting says.
local function with_body(bytes_max, chain)
  if not bytes_max then
    return chain
  end
  return function(request)
    core.request_limit_body(request._exchange, bytes_max)
    return chain(request)
  end
end

-- A route's chain for requests that are answered, or not, though their client ends its side meanwhile.
local function with_half_closed(half_closed, chain)
  if half_closed == nil then
    return chain
  end
  return function(request)
    core.request_half_closed(request._exchange, half_closed == "serve")
    return chain(request)
  end
end

-- What finds the hooks around an answer that no route gives: those of the groups whose routes have the path, with
-- other methods, or else of those that the path lies in.
local function hooks_finder(shared)
  if not shared.has_hooks then
    return function() end
  end
  local groups_of_path = hooks.finder(shared.groups)
  return function(path, routes)
    local groups = {}
    for _, route in pairs(routes or {}) do
      groups[#groups + 1] = route.group
    end
    return hooks.around(routes and groups or groups_of_path(path))
  end
end

--- Puts routes and middleware together. Nothing can be registered afterwards.
---@param request_timeout_ms? number the total time of each route that does not say itself; 0 for none
---@param compression? tidegate.Compression of its files
---@return fun(request): (fun(request): any), number?, string?, tidegate.Hooks?, string? # finds what answers a request,
--- its time, its pattern, what is around its answer, and whose work that is, see places.own
function App:mount(request_timeout_ms, compression)
  self.shared.mounted, self.shared.compression = true, compression
  local routes = self.shared.router
  for _, route in ipairs(routes:list()) do
    local what = ("the handler of %s %s"):format(route.method, route.pattern)
    local owner = places.of(route.handler, what) or ("%s (%s)"):format(route.place, what)
    local chain = with_body(route.options.body_bytes_max, wrap(route.handler, route.group, owner))
    chain = with_half_closed(route.options.half_closed, chain)
    route.run = with_compression(route.options.compress, chain)
    route.owner = owner
    warn_of_nothing(route)
    route.timeout_ms = time_of(route.options.request_timeout_ms, request_timeout_ms)
    route.hooks = hooks.around { route.group }
  end
  local missing, mismatch, asterisk = wrap(not_found, self), wrap(other_method, self), wrap(any_path, self)
  local find_hooks = hooks_finder(self.shared)
  local timeout_ms = time_of(nil, request_timeout_ms) -- where there is no route
  local find, note_route = routes.find, self.shared.notes_routes and core.note_route
  return function(request)
    local route, params, allowed = find(routes, request.method, request.path)
    if route then
      if note_route then
        note_route(request._exchange, route.pattern)
      end
      if params then
        request.params = params
      end
      return route.run, route.timeout_ms, route.pattern, route.hooks, route.owner
    elseif allowed then
      request._allowed = allowed
      return mismatch, timeout_ms, nil, find_hooks(request.path, allowed)
    elseif request.path == "*" then
      return asterisk, timeout_ms, nil, find_hooks(request.path)
    end
    return missing, timeout_ms, nil, find_hooks(request.path)
  end
end

--- Every route, ordered by pattern: {method, pattern, place}.
function App:routes()
  return self.shared.router:list()
end

local app = {}

---@param folder string
---@return tidegate.App
function app.new(folder)
  local shared = { router = router.new(), periodic = {}, groups = {} }
  local self = setmetatable({ prefix = "", middleware = {}, shared = shared, folder = folder }, App)
  shared.groups[1] = self
  return self
end

--- The longest body that a route takes by an option of its own; 0 where none has one.
---@param self tidegate.App
---@return number # bytes
function app.body_bytes_cap(self)
  local most = 0
  for _, route in ipairs(self.shared.router:list()) do
    most = math.max(most, route.options.body_bytes_max or 0)
  end
  return most
end

--- What app:every has registered, for background.start.
function app.periodic(self)
  return self.shared.periodic
end

--- Has the route of each request noted for the access log; before it is mounted.
function app.note_routes(self)
  self.shared.notes_routes = true
end

--- Says where the gateway can be reached, for app:url().
function app.set_url(self, address)
  local host = address:gsub("^0%.0%.0%.0:", "127.0.0.1:"):gsub("^%[::%]:", "[::1]:")
  self.shared.url = address:sub(1, 5) ~= "unix:" and "http://" .. host
end

return app
