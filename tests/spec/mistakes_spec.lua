-- The mistakes of new users in what they hand over: each with what it is told, at the line that made it.
local tg = require "tidegate"
local t = require "tidegate.testing"
local app = require "tidegate.app"

-- What `make` is told; it must name the line on which `make` stands.
local function told(make)
  local ok, message = pcall(make)
  assert.is_false(ok, "nothing was said")
  local place = ("mistakes_spec.lua:%d: "):format(debug.getinfo(make, "S").linedefined)
  assert.matches(place, tostring(message), 1, true)
  return (tostring(message):gsub("^.-mistakes_spec.lua:%d+: ", ""))
end

local function on()
  return app.new "routes"
end

local fn = function() end
local client = function(fields)
  fields.base_url = fields.base_url or "http://a.test"
  return tg.http.client(fields)
end

local OPTIONS = {
  -- of calls
  { function() tg.http.get("http://a.test/", { timeout_ms = 5 }) end,
    'an HTTP call has no option "timeout_ms"; it has path, query, headers, body, json, form, timeout and '
    .. "forward_deadline. Did you mean timeout?" },
  { function() tg.http.get("http://a.test/", { querry = {} }) end, "Did you mean query?" },
  { function() tg.http.get("http://a.test/", { params = {} }) end, "Did you mean query?" },
  { function() tg.http.post("http://a.test/", { data = "x" }) end, "Did you mean body?" },
  { function() tg.http.get("http://a.test/", { Headers = {} }) end, "Did you mean headers?" },
  { function() tg.http.get("http://a.test/", { [1] = "x" }) end, "an HTTP call has no option 1;" },
  { function() tg.http.get("http://a.test/", { timeout = "5" }) end,
    'timeout must be a number of seconds from 0 to 1e9, not the string "5"' },
  { function() tg.http.get("http://a.test/", { timeout = -1 }) end, "seconds from 0 to 1e9, not -1" },
  { function() tg.http.get("http://a.test/", { timeout = 0 / 0 }) end, "seconds from 0 to 1e9, not nan" },
  { function() tg.http.get("http://a.test/", { headers = "A: 1" }) end,
    'headers must be a table of names and values, not the string "A: 1"' },
  { function() tg.http.get("http://a.test/", { query = "a=1" }) end, 'query must be a table of names and values, not' },
  { function() tg.http.post("http://a.test/", { body = {} }) end,
    "body must be a string (json = … sends a table, form = … a form), not a table" },
  { function() tg.http.post("http://a.test/", { json = {}, body = "" }) end,
    "has one body, and this one is given json" },
  { function() tg.http.post("http://a.test/", { form = {}, body = "" }) end, "given form and body" },
  { function() tg.http.post("http://a.test/", { json = {}, form = {} }) end, "given json and form" },
  { function() tg.http.post("http://a.test/", "text") end, 'the options must be a table, not the string "text"' },
  { function() tg.http.get(nil) end, "a URL must be a string, not nil" },
  { function() tg.http.get { url = "http://a.test/" } end, "a URL must be a string, not a table" },
  { function() tg.http.get "example.com" end, "does not begin with http://" },
  { function() tg.http.get "/path" end, "does not begin with http://" },
  -- of clients
  { function() client { timeout_ms = 5 } end, 'tg.http.client has no field "timeout_ms"; it has base_url' },
  { function() tg.http.client { url = "http://a.test" } end, "Did you mean base_url?" },
  { function() tg.http.client {} end, "and this one has none" },
  { function() tg.http.client "http://a.test" end, "takes a table with base_url" },
  { function() client { timeout = "1" } end, "tg.http.client: timeout must be a number of seconds" },
  { function() client { forward_deadline = 1 } end, "forward_deadline must be true or false, not 1" },
  { function() client({}):get("/", { timeout_s = 1 }) end, "Did you mean timeout?" },
  { function() client({}):get("/", 5) end, "the options must be a table, not 5" },
  { function() client({}):get "path" end, "must begin with a slash" },
  { function() client({}).get "/path" end, "client.get is called with a colon: client:get(…)" },
  -- of responses and cookies
  { function() tg.response { code = 200 } end, 'tg.response has no field "code"; it has status, headers' },
  { function() tg.response { status_code = 200 } end, "Did you mean status?" },
  { function() tg.response { json = {} } end, "Did you mean body (a table is sent as JSON)?" },
  { function() tg.response { status = "200" } end,
    'tg.response: a status must be a whole number from 200 to 599, not the string "200"' },
  { function() tg.response { status = 200.5 } end, "from 200 to 599, not 200.5" },
  { function() tg.response { status = 1000 } end, "from 200 to 599, not 1000" },
  { function() tg.response { headers = "X: 1" } end, "headers must be a table of names and values, not" },
  { function() tg.response "text" end, 'takes a table of status, headers, cookies and body, not the string "text"' },
  { function() tg.response { cookies = { a = { value = "1", httponly = true } } } end, "Did you mean http_only?" },
  { function() tg.response { cookies = { a = { value = "1", expires = 5 } } } end, "Did you mean max_age?" },
  { function() tg.response { cookies = { a = { value = "1", secure = "yes" } } } end,
    'cookie a: secure must be true or false, not the string "yes"' },
  { function() tg.response { cookies = { a = { value = "1", max_age = "60" } } } end,
    'max_age must be a whole number of seconds, not the string "60"' },
  { function() tg.response { cookies = { a = { value = "1", same_site = "any" } } } end,
    'same_site must be Strict, Lax or None, not the string "any"' },
  { function() tg.response { cookies = { a = "x; y" } } end, "cookie a: its name must be a token, and its value free" },
  -- of the app
  { function() on():get("/x", fn, { timeout = 5 }) end,
    'a route has no option "timeout"; it has body_bytes_max, compress, half_closed and request_timeout_ms. '
    .. "Did you mean request_timeout_ms?" },
  { function() on():get("/x", fn, { compress = "yes" }) end, 'compress must be true or false, not the string "yes"' },
  { function() on():get("/x", fn, { body_bytes_max = "1MB" }) end, 'a number of bytes, not the string "1MB"' },
  { function() on():get("/x", fn, "x") end, "a route: the options must be a table, not" },
  { function() on():get("/x") end, "app:get(pattern, handler): the handler must be a function, not nil" },
  { function() on():get("/x", fn()) end, "the handler must be a function, not nil" },
  { function() on():get(fn, "/x") end, 'the handler must be a function, not the string "/x"' },
  { function() on().get("/x", fn) end, "called with a colon, as in app:get(pattern, handler)" },
  { function() on():use "x" end, 'app:use takes a function(request, next), not the string "x"' },
  { function() on():group("api", fn) end, 'the prefix must be a path like "/api"' },
  { function() on():group("/api/", fn) end, "with no slash at the end" },
  { function() on():group("/api") end, "register must be a function(group), not nil" },
  { function() on():every("60", fn) end, 'app:every takes a number of seconds over 0, up to 5e8, and a function, not' },
  { function() on():every(fn, 60) end, "a function, in this order, and here they are swapped" },
  { function() on():every(60, fn, { jiter = 0 }) end, 'app:every has no option "jiter"; it has jitter. Did you mean' },
  { function() on():every(60, fn, { jitter = 5 }) end, "jitter must be a number from 0 to 1, not 5" },
  { function() on():static("assets", "public") end, 'the prefix must be a path like "/assets", not' },
  { function() on():static("/assets") end, "the folder must be a path, not nil" },
  { function() on():static("/a", ".", { mime_types = {} }) end, "Did you mean types?" },
  { function() on():static("/a", ".", { index = true }) end, "index must be the name of a file, not true" },
  -- of tests
  { function() t.app(fn, { body_max = 5 }) end, 't.app has no option "body_max"' },
  { function() t.app(fn, { dev = 1 }) end, "t.app: dev must be true or false, not 1" },
  { function() t.app(nil) end, "t.app takes a folder or a function(app), and options, not nil" },
  { function() t.upstream { url = "http://a.test" } end, "t.upstream takes a table with address" },
  { function() t.upstream { address = "http://a.test", delay = 1 } end, "Did you mean latency?" },
  { function() t.answer { code = 404 } end, 't.answer has no field "code"; it has status' },
}

local CALLS = {
  { function() tg.sleep "1" end, 'tg.sleep takes a number of seconds from 0 to 1e9, not the string "1"' },
  { function() tg.sleep(-1) end, "from 0 to 1e9, not -1" },
  { function() tg.sleep(0 / 0) end, "from 0 to 1e9, not nan" },
  { function() tg.sleep() end, "from 0 to 1e9, not nil" },
  { function() tg.map(fn, {}) end, "takes a list and a function, in this order, and here they are swapped" },
  { function() tg.map({}) end, "tg.map takes a list and a function, not nil" },
  { function() tg.map({ a = 1 }, print) end, "tg.map takes a list and a function, and this table has nothing at 1" },
  { function() tg.range(1, math.huge) end, "tg.range makes at most 10000000 numbers, and from 1 to inf by 1 there" },
  { function() tg.range(1, 0 / 0) end, "tg.range makes at most 10000000 numbers, and from 1 to nan by 1 there" },
  { function() tg.range(1, 1e9) end, "tg.range makes at most 10000000 numbers, and from 1 to 1000000000 by 1 there" },
  { function() tg.gather(fn, fn) end,
    "tg.gather takes one table of functions, as in tg.gather { f, g }, not a function" },
  { function() tg.gather({ fn, 5 }) end, "tg.gather: the value at 2 must be a function, not 5" },
  { function() tg.gather({ fn }, { limit = 2 }) end, "Did you mean max?" },
  { function() tg.gather({ fn }, { max = "2" }) end, 'max must be a whole number from 1, not the string "2"' },
  { function() tg.map({ 1 }, fn, { quorum = 2 }) end, "tg.map: quorum must be a whole number from 1 to 1" },
  { function() tg.race(fn) end, "tg.race takes one table of functions, as in tg.race { f, g }, not a function" },
  { function() tg.race {} end, "tg.race needs at least one function" },
  { function() tg.scope() end, "tg.scope takes a function(scope), not nil" },
  { function() tg.scope(function(scope) scope.spawn(fn) end) end,
    "scope.spawn is called with a colon: scope:spawn(…)" },
  { function() tg.scope(function(scope) scope:spawn() end) end, "scope:spawn takes a function, not nil" },
  { function() tg.fail_after(fn, 1) end, "a number of seconds, and a function, in this order, and here they are" },
  { function() tg.move_on_after(1) end, "tg.move_on_after takes a number of seconds, and a function, not nil" },
  { function() tg.shield(5) end, "tg.shield takes a function, not 5" },
  { function() tg.background() end, "tg.background takes a function, not nil" },
  { function() tg.blocking(fn) end, "tg.blocking takes the name of a module" },
  { function() tg.range("1", 5) end, "tg.range takes the first and the last number" },
  { function() tg.channel "1" end, 'a whole number from 0, not the string "1"' },
  { function() tg.channel(1).send(5) end, "channel.send is called with a colon: channel:send(…)" },
  { function() tg.semaphore(0) end, "a whole number from 1, not 0" },
  { function() tg.semaphore(1).acquire() end, "semaphore.acquire is called with a colon" },
  { function() tg.lock():run() end, "lock:run takes a function, and its arguments, not nil" },
  { function() tg.event().wait() end, "event.wait is called with a colon" },
  { function() tg.tcp.connect("a.test:80") end, "a port must be a whole number from 1 to 65535, not nil" },
  { function() tg.tcp.connect("a.test", "80") end, 'from 1 to 65535, not the string "80"' },
  { function() tg.unix.connect "socket" end, 'tg.unix.connect takes an absolute path, not the string "socket"' },
  { function() tg.abort(200, "fine") end, "tg.abort takes a status from 400 to 599, not 200" },
  { function() tg.abort "no" end, 'tg.abort takes a status from 400 to 599, not the string "no"' },
  { function() tg.abort(404, "no", "X: 1") end, "tg.abort: the further fields must be a table" },
  { function() tg.url.encode() end, "a value must be a string, a number or a boolean, not nil" },
  { function() tg.url.decode(5) end, "tg.url.decode takes a string, not 5" },
  { function() tg.json.array "x" end, 'json.array takes a table, not the string "x"' },
  { function() tg.json.raw {} end, "json.raw takes a string of JSON, not a table" },
  { function() tg.values("x", "a") end, "tg.values takes a map like request.query or request.headers, not" },
  { function() tg.with({}, "x") end, 'a table of changes, not the string "x"' },
  { function() tg.constant_time_equal("a") end, "tg.constant_time_equal takes two strings, not nil" },
  { function() tg.sleep(("x"):rep(200) .. "\27") end, "xxx" },
}

local function try_each(cases)
  for index, case in ipairs(cases) do
    it(("%d: %s"):format(index, case[2]:sub(1, 60)), function()
      assert.matches(case[2], told(case[1]), 1, true)
    end)
  end
end

describe("an option that is wrong", function()
  try_each(OPTIONS)
end)

describe("a call that is wrong", function()
  try_each(CALLS)

  it("is shown short, and without control characters", function()
    local message = told(function() tg.sleep(("x"):rep(5000) .. "\27") end)
    assert.is_true(#message < 250)
    assert.is_nil(message:find("%c"))
  end)
end)
