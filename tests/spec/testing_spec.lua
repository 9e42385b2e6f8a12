local t = require "tidegate.testing"
local tg = require "tidegate"
local server = require "tests.support.server"

local function ok_app(app)
  app:get("/", function()
    return "x"
  end)
end

local function fails(message, fn, ...)
  local ok, err = pcall(fn, ...)
  assert.is_false(ok)
  assert.matches(message, tostring(err), 1, true)
end

describe("t.app", function()
  it("takes a folder of routes, or what a route file returns", function()
    assert.equal(200, t.app("routes"):get("/").status)
    assert.equal("x", t.app(ok_app):get("/"):body())
  end)

  it("serves each app under a name of its own, at which others can reach it", function()
    local inner = t.app(ok_app)
    local outer = t.app(function(app)
      app:get("/", function()
        return tg.http.get(inner.url .. "/"):body() .. app:url()
      end)
    end)
    assert.equal("http://app.test", inner.url)
    assert.equal("http://app2.test", outer.url)
    assert.equal("xhttp://app2.test", outer:get("/"):body())
    assert.equal("http://mine.test", t.app(ok_app, { host = "mine.test" }).url)
  end)

  it("takes the limits of a server", function()
    local client = t.app(function(app)
      app:post("/", function(request)
        return request:body()
      end)
    end, { body_bytes_max = 3 })
    assert.equal(200, client:post("/", { body = "123" }).status)
    assert.equal(413, client:post("/", { body = "1234" }).status)
  end)

  it("takes the total time of a route, and dev", function()
    local function register(app)
      app:get("/slow", function()
        tg.sleep(60)
      end)
      app:get("/broken", function()
        error "boom"
      end)
    end
    local client = t.app(register, { request_timeout_ms = 1500, dev = true })
    local started = t.clock.now()
    server.logged(function()
      assert.equal(504, client:get("/slow").status)
      assert.equal(1.5, t.clock.now() - started)
      local page = client:get("/broken", { headers = { Accept = "text/html" } })
      assert.equal("text/html; charset=utf-8", page.headers["Content-Type"])
    end)
  end)

  it("refuses options that it does not have", function()
    fails('t.app has no option "body_bytes"', t.app, ok_app, { body_bytes = 5 })
    fails("t.app takes a folder or a function(app)", t.app, 5)
  end)

  it("runs what app:every registers, until the test ends", function()
    local beats = 0
    t.app(function(app)
      app:every(10, function()
        beats = beats + 1
      end, { jitter = 0 })
    end)
    t.clock.advance(10)
    assert.equal(1, beats)
    t.close()
    t.clock.advance(100)
    assert.equal(1, beats)
  end)
end)

describe("t.upstream", function()
  local URL = "http://up.test"

  local function upstream(fields)
    fields.address = URL
    return t.upstream(fields)
  end

  local function get_fails(options)
    local ok, err = pcall(tg.http.get, URL .. "/x", options)
    assert.is_false(ok)
    return err
  end

  local function seconds_of(fn)
    local started = t.clock.now()
    fn()
    return t.clock.now() - started
  end

  it("answers with a table, a text, a full answer, or what a function returns", function()
    upstream { routes = {
      ["GET /table"] = { a = 1 },
      ["GET /text"] = "text",
      ["GET /full"] = t.answer { status = 418, headers = { ["X-A"] = "b", ["X-L"] = { "1", "2" } }, body = { a = 2 } },
      ["GET /status"] = { status = "active", headers = 1, body = "none" },
      ["GET /things/{id}"] = function(request)
        return { id = request.params.id }
      end,
      ["ANY /any/{rest...}"] = "any",
      ["POST /echo"] = function(request)
        return request.headers["x-a"] .. request.body
      end,
      ["GET /text?q=1"] = "with a query",
    } }
    assert.same({ a = 1 }, tg.http.get(URL .. "/table"):json())
    assert.equal("text", tg.http.get(URL .. "/text"):body())
    assert.equal("text", tg.http.get(URL .. "/text?q=2"):body())
    assert.equal("with a query", tg.http.get(URL .. "/text?q=1"):body())
    local full = tg.http.get(URL .. "/full")
    assert.equal(418, full.status)
    assert.equal("b", full.headers["X-A"])
    assert.same({ a = 2 }, full:json())
    assert.equal("head body", tg.http.post(URL .. "/echo", { headers = { ["X-A"] = "head " }, body = "body" }):body())
    assert.equal("1, 2", full.headers["x-l"])
    assert.same({ status = "active", headers = 1, body = "none" }, tg.http.get(URL .. "/status"):json())
    assert.same({ id = "a/b" }, tg.http.get(URL .. "/things/a%2Fb"):json())
    assert.equal("any", tg.http.delete(URL .. "/any/x/y"):body())
  end)

  it("notes what has come", function()
    local up = upstream { routes = { ["PUT /x"] = "fine" } }
    tg.http.put(URL .. "/x?a=b", { body = "123" })
    assert.equal(URL, up.url)
    assert.equal(1, #up.requests)
    local request = up.requests[1]
    assert.equal("PUT", request.method)
    assert.equal("/x?a=b", request.path)
    assert.equal("123", request.body)
    assert.equal("up.test", request.headers.host)
  end)

  it("answers after its latency, to the nanosecond", function()
    upstream { latency = 2.5, routes = { ["GET /x"] = "x" } }
    assert.equal(2.5, seconds_of(function()
      tg.http.get(URL .. "/x")
    end))
  end)

  it("never answers with silence", function()
    upstream { failure = "silence" }
    assert.equal(30, seconds_of(function()
      assert.equal("timeout", get_fails({ timeout = 30 }).kind)
    end))
  end)

  it("resets the connection, or sends what is no HTTP", function()
    for _, failure in ipairs { "reset", "garbage" } do
      upstream { failure = failure }
      assert.equal(502, get_fails().status)
      t.close()
    end
  end)

  it("truncates the body", function()
    upstream { routes = { ["GET /x"] = ("x"):rep(100) }, truncate_at = 99 }
    assert.equal(502, get_fails().status)
  end)

  it("drips", function()
    upstream { routes = { ["GET /x"] = ("x"):rep(100) }, drip = { bytes = 10, seconds = 1 } }
    local body
    local seconds = seconds_of(function()
      body = tg.http.get(URL .. "/x"):body()
    end)
    assert.equal(("x"):rep(100), body)
    assert.is_true(seconds >= 10 and seconds < 30, seconds)
    assert.equal("timeout", get_fails({ timeout = 5 }).kind)
  end)

  it("refuses fields that it does not have", function()
    fails('t.upstream has no field "latncy"', upstream, { latncy = 1 })
    fails('failure must be "refused", "reset", "silence" or "garbage", not the string "sometimes"', upstream,
      { failure = "sometimes" })
    fails("t.upstream takes a table with address", t.upstream, {})
  end)
end)

describe("t.clock", function()
  it("stands still while something can run", function()
    local started = t.clock.now()
    for _ = 1, 1000 do
      tg.sleep(0)
    end
    tg.gather { function() end, function() tg.sleep(0) end }
    assert.equal(0, t.clock.now() - started)
  end)

  it("jumps to the next timer", function()
    local started = t.clock.now()
    tg.sleep(86400)
    assert.equal(86400, t.clock.now() - started)
  end)

  it("does not jump for a task that lets others run", function()
    local started, ended = t.clock.now(), nil
    tg.gather {
      function()
        tg.sleep(1)
        ended = t.clock.now() - started
      end,
      function()
        for _ = 1, 100 do
          tg.sleep(0)
        end
        assert.equal(0, t.clock.now() - started)
      end,
    }
    assert.equal(1, ended)
  end)

  it("settles when all wait, before any time has passed", function()
    local started, steps, late = t.clock.now(), 0, false
    tg.background(function()
      for _ = 1, 50 do
        tg.sleep(0)
        steps = steps + 1
      end
      tg.sleep(0.001)
      late = true
    end)
    t.clock.settle()
    assert.equal(50, steps)
    assert.is_false(late)
    assert.equal(0, t.clock.now() - started)
    t.clock.advance(0.001)
    assert.is_true(late)
  end)

  it("advances, and all that is due by then has happened", function()
    for _ = 1, 20 do
      local order = {}
      for _, seconds in ipairs { 3, 1, 2, 2 } do
        tg.background(function()
          tg.sleep(seconds)
          tg.sleep(0)
          order[#order + 1] = seconds
        end)
      end
      t.clock.advance(2)
      assert.same({ 1, 2, 2 }, order)
      t.clock.advance(1)
      assert.same({ 1, 2, 2, 3 }, order)
    end
  end)

  it("settles for a cancellation, too", function()
    tg.gather({
      function()
        local ok, err = pcall(function()
          tg.gather {
            function()
              t.clock.settle()
              error "cancelled before"
            end,
            function()
              error("stop", 0)
            end,
          }
        end)
        assert.is_false(ok)
        assert.equal("stop", err)
      end,
    })
  end)

  it("settles on the real clock #realtime", function()
    local steps = 0
    tg.background(function()
      for _ = 1, 5 do
        tg.sleep(0)
        steps = steps + 1
      end
    end)
    t.clock.settle()
    assert.equal(5, steps)
  end)
end)
