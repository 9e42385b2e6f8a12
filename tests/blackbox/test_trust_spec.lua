-- What `tidegate test` does so that a test which passes can be trusted: nothing outside is reached, no request goes
-- unanswered unseen, hooks and clocks are the test's own, and no state comes from the test before.
local runner = require "tests.support.runner"

local HEAD = [[
local t, tg = require "tidegate.testing", require "tidegate"
]]

local function run(body, ...)
  return runner.run({ ["tests/x_spec.lua"] = HEAD .. body }, ...)
end

local function fails(what, body, ...)
  local result = run(body, ...)
  assert.same({ 0, 0, 1 }, { runner.counts(result) }, result.out)
  assert.matches(what, result.out)
  assert.equal(1, result.status)
end

local function passes(count, body, ...)
  local result = run(body, ...)
  assert.same({ count, 0, 0 }, { runner.counts(result) }, result.out .. result.err)
  assert.equal(0, result.status)
end

describe("The world outside", function()
  it("is not reached by HTTP, by TCP or over a Unix socket", function()
    for call, name in pairs {
      ["tg.http.get('http://users.internal/x')"] = "users.internal:80",
      ["tg.http.get('http://127.0.0.1:1/')"] = "127.0.0.1:1",
      ["tg.http.get('http://[::1]:9/')"] = "::1:9",
      ["tg.tcp.connect('redis.internal', 6379)"] = "redis.internal:6379",
      ["tg.unix.connect('/run/nothing.sock')"] = "unix:/run/nothing.sock",
    } do
      fails("x_spec.lua:2: the test called " .. name:gsub("%p", "%%%0") .. ", for which it has no t.upstream",
        ("it('x', function() pcall(function() %s end) end)"):format(call))
    end
  end)

  it("is not reached by a route whose caller is content with 502", function()
    fails("the test called users.internal:80, for which it has no t.upstream", [[
      it("x", function()
        local app = t.app(function(app)
          app:get("/", function() return tg.http.get("http://users.internal/"):json() end)
        end)
        assert.equal(502, app:get("/").status)
      end)]])
  end)

  it("is reached where the test says so, or an option", function()
    local body = "it('x%s', function() %s local ok, err = pcall(tg.http.get, 'http://127.0.0.1:1/') "
      .. "assert.equal('connect', err.kind) end)"
    passes(1, body:format(" #network", ""))
    passes(1, body:format(" #realtime", ""))
    passes(1, body:format("", "t.network()"))
    passes(1, body:format("", ""), "--network")
    passes(1, body:format("", ""), "--realtime")
    passes(1, ("describe('block #network', function() %s end)"):format(body:format("", "")))
  end)

  it("is not reached by a setup, which is no test", function()
    local body = "setup(function() tg.http.get 'http://127.0.0.1:1/' end) it('x', function() end)"
    local result = run(body)
    assert.matches("127.0.0.1:1/ cannot be reached: no upstream of the test has this address", result.out, 1, true)
    assert.equal(1, result.status)
    assert.matches("connection refused", run(body, "--network").out, 1, true)
  end)

  it("is closed again behind a test that has opened it", function()
    local result = run [[
      it("a", function() t.network() pcall(tg.http.get, 'http://127.0.0.1:1/') end)
      it("b", function() pcall(tg.http.get, 'http://127.0.0.1:1/') end)]]
    assert.same({ 1, 0, 1 }, { runner.counts(result) }, result.out)
  end)
end)

describe("An upstream of a test", function()
  local UP = "t.upstream { address = 'http://up.test', routes = { ['GET /things/{id}'] = 'x', ['PUT /y'] = 'x' } }"

  it("fails the test for a request that none of its routes matches", function()
    fails("the upstream http://up.test got a request for which it has no route: GET /thing%?a=b; "
      .. "it has GET /things/{id}, PUT /y",
      "it('x', function() " .. UP .. " pcall(tg.http.get, 'http://up.test/thing?a=b') end)")
    fails("no route: POST /y", "it('x', function() " .. UP .. " pcall(tg.http.post, 'http://up.test/y') end)")
    passes(1, "it('x', function() " .. UP .. " tg.http.get 'http://up.test/things/7?a=b' end)")
  end)

  it("fails the test for a function that returns nothing", function()
    fails("the function for GET /a returned nothing",
      "it('x', function() t.upstream { address = 'http://up.test', routes = { ['GET /a'] = function() end } } "
      .. "tg.http.get 'http://up.test/a' end)")
  end)

  it("refuses connections", function()
    passes(1, [[it("x", function()
      t.upstream { address = "http://up.test", failure = "refused" }
      local ok, err = pcall(tg.http.get, "http://up.test/")
      assert.equal("connect", err.kind)
    end)]])
  end)

  it("waits and fails for each route", function()
    passes(1, [[it("x", function()
      t.upstream { address = "http://up.test", latency = 1, routes = {
        ["GET /slow"] = t.answer { latency = 5, body = "slow" },
        ["GET /reset"] = t.answer { failure = "reset" },
        ["GET /silent"] = t.answer { failure = "silence" },
        ["GET /half"] = t.answer { body = "12345678", truncate_at = 4 },
        ["GET /drip"] = t.answer { body = "1234", drip = { bytes = 50, seconds = 2 } },
      } }
      local started = t.clock.now()
      assert.equal("slow", tg.http.get("http://up.test/slow"):body())
      assert.equal(6, t.clock.now() - started)
      for path, kind in pairs { reset = "closed", silent = "timeout", half = "closed" } do
        local ok, err = pcall(tg.http.get, "http://up.test/" .. path, { timeout = 10 })
        assert.equal(kind, err.kind)
      end
      assert.equal("1234", tg.http.get("http://up.test/drip"):body())
    end)]])
  end)

  it("speaks another protocol, over TCP and Unix sockets", function()
    passes(1, [[it("x", function()
      for _, address in ipairs { "redis.test:6379", "unix:/run/redis.sock" } do
        t.upstream { address = address, stream = function(stream)
          while true do
            local line = stream:read_until "\r\n"
            if not line then return end
            stream:write("+" .. line)
          end
        end }
      end
      for _, stream in ipairs { tg.tcp.connect("redis.test", 6379), tg.unix.connect "/run/redis.sock" } do
        stream:write "PING\r\n"
        assert.equal("+PING\r\n", stream:read_until "\r\n")
        stream:close()
      end
    end)]])
  end)

  it("fails the test for what its stream function raises", function()
    fails("x_spec.lua:3: not a greeting", [[it("x", function()
      t.upstream { address = "a.test:1", stream = function(stream) error "not a greeting" end }
      local stream = tg.tcp.connect("a.test", 1)
      stream:read()
      stream:close()
    end)]])
  end)

  it("tells a mistake in its fields at once", function()
    for fields, message in pairs {
      ["routes = { users = 1 }"] = 'the route "users" must read "METHOD /path"',
      ["routes = { [1] = 1 }"] = 'the route 1 must read "METHOD /path"',
      ["routes = { ['GET /a/:id'] = 1, ['GET /{'] = 1 }"] = "in the pattern",
      ["latency = -1"] = "latency must be a number of seconds, not -1",
      ["stream = function() end, routes = {}"] = "either routes, for HTTP, or stream",
      ["stream = 1"] = "stream must be a function(stream), not 1",
      ["drip = 5"] = "drip must be {bytes",
    } do
      fails(message:gsub("%p", "%%%0"),
        ("it('x', function() t.upstream { address = 'http://up.test', %s } end)"):format(fields))
    end
    fails("t.answer: status must be a whole number from 100 to 599, not the string \"active\"",
      "it('x', function() t.answer { status = 'active' } end)")
    fails("t.answer has no field \"code\"", "it('x', function() t.answer { code = 1 } end)")
  end)
end)

describe("before_each and after_each", function()
  it("run on the clock of their test, and may open what it uses", function()
    passes(2, [[
      describe("x", function()
        local app, started
        before_each(function()
          started = t.clock.now()
          tg.sleep(3600)
          app = t.app(function(app) app:get("/", function() tg.sleep(30) return "x" end) end)
        end)
        after_each(function()
          tg.sleep(3600)
          assert.equal(2 * 3600 + 30, t.clock.now() - started)
        end)
        for n = 1, 2 do
          it("is served " .. n, function() assert.equal("x", app:get("/"):body()) end)
        end
      end)]])
  end)

  it("may leave nothing behind, as the test itself", function()
    fails("the test leaves behind: a background task waits in tg.sleep", [[
      before_each(function() tg.background(function() tg.sleep(1000) end) end)
      it("x", function() end)]])
    passes(1, [[
      local event
      before_each(function() event = tg.event() tg.background(function() event:wait() end) end)
      after_each(function() event:set() end)
      it("x", function() end)]])
  end)

  it("fail where they wait in vain", function()
    local result = run "before_each(function() tg.event():wait() end) it('x', function() end) it('y', function() end)"
    assert.same({ 0, 0, 2 }, { runner.counts(result) }, result.out)
    assert.matches("nothing can wake the test: a task waits in event:wait at [^\n]*x_spec.lua:2", result.out)
  end)

  it("are told that a setup opens nothing", function()
    for _, hook in ipairs { "setup", "lazy_setup", "strict_setup" } do
      local result = run(hook .. "(function() t.app(function() end) end) it('x', function() end)")
      assert.equal(1, result.status)
      assert.matches("t.app: a setup runs outside of any test, which would close what it opens; call it in before_each",
        result.out, 1, true)
    end
  end)
end)

describe("The time of day", function()
  it("is that of the virtual clock", function()
    passes(1, [[it("x", function()
      local time, precise, date = os.time(), tg.time(), os.date "!%Y"
      local app = t.app(function(app) app:get("/", function() return "x" end) end)
      tg.sleep(366 * 86400)
      assert.equal(366 * 86400, os.time() - time)
      assert.near(366 * 86400, tg.time() - precise, 1e-3)
      assert.equal(os.date("!%Y", time + 366 * 86400), os.date "!%Y")
      assert.equal(tonumber(date) + 1, tonumber((os.date "!%Y")))
      assert.equal(os.date "!%a, %d %b %Y %H:%M:%S GMT", app:get("/").headers.date)
      assert.equal(86400, os.time { year = 2020, month = 1, day = 2, hour = 0 }
        - os.time { year = 2020, month = 1, day = 1, hour = 0 })
      assert.equal("1970", os.date("!%Y", 0))
    end)]])
  end)
end)

describe("A test that polls", function()
  it("fails by name, whatever its pause", function()
    for _, pause in ipairs { "0.05", "1", "3600" } do
      fails("x_spec.lua:2: the test polls, and does not end: a task polls at [^\n]*x_spec.lua:2 ",
        ("it('x', function() while true do tg.sleep(%s) end end)"):format(pause))
    end
  end)

  it("may take more where it is told so", function()
    local body = "it('x', function() for _ = 1, 250000 do tg.sleep(1) end end)"
    fails("the test polls, and does not end", body)
    passes(1, body, "--virtual-seconds-max=1e6")
    assert.equal(2, run(body, "--virtual-seconds-max=many").status)
  end)

  it("is not one that lets much time pass at once", function()
    passes(1, "it('x', function() tg.sleep(30 * 365 * 86400) t.clock.advance(86400) end)")
  end)
end)

describe("The modules of routes", function()
  it("are loaded anew for each t.app", function()
    local result = runner.run {
      ["routes/a.lua"] = "local store = require 'lib.store' return function(app) app:get('/', function() "
        .. "store.count = store.count + 1 return { store.count } end) end",
      ["routes/lib/store.lua"] = "return { count = 0 }",
      ["tests/x_spec.lua"] = HEAD .. [[
        it("a", function()
          local app = t.app "routes"
          assert.same({ 1 }, app:get("/"):json())
          assert.same({ 2 }, app:get("/"):json())
        end)
        it("b", function() assert.same({ 1 }, t.app("routes"):get("/"):json()) end)
        it("c", function()
          local app = t.app "routes"
          app:get "/"
          assert.equal(1, require("lib.store").count)
          assert.same({ 1 }, t.app("routes"):get("/"):json())
        end)]],
    }
    assert.same({ 3, 0, 0 }, { runner.counts(result) }, result.out)
  end)
end)

describe("A folder without tests", function()
  local WHAT_RUNS = "`tidegate test` runs the files below the folder tests whose names end in _spec.lua, or the files "
    .. "and folders that you name; `tidegate new DIR` makes a folder with a first test\n"

  it("is told so, and what makes one", function()
    for text, files in pairs {
      ["there is no folder tests here. "] = { ["routes/a.lua"] = "return function() end" },
      ["the folder tests holds no file whose name ends in _spec.lua. "] = { ["tests/deep/helper.lua"] = "" },
    } do
      local result = runner.run(files)
      assert.equal(1, result.status)
      assert.equal("tidegate: " .. text .. WHAT_RUNS, result.err)
      assert.equal("", result.out)
    end
    assert.equal(0, runner.run({ ["tests/a/b/c_spec.lua"] = "it('x', function() end)" }).status)
    assert.equal(0, runner.run({ ["tests/test_c.lua"] = "it('x', function() end)" }, "--pattern=test_").status)
    assert.equal(0, runner.run({ [".busted"] = "return { default = { ROOT = { 'specs' } } }",
      ["specs/c_spec.lua"] = "it('x', function() end)" }).status)
  end)
end)
