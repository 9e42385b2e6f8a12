-- The deadlines of requests: what a route has, what a request brings, and what is handed on to upstreams.
local t = require "tidegate.testing"
local tg = require "tidegate"
local server = require "tests.support.server"

local FIELD = "X-Request-Timeout-Ms"

-- The remaining time of a route, through whatever stands between.
local function left(between)
  return function()
    return { left = (between or tg.remaining)(tg.remaining) or "any" }
  end
end

-- An answer, and what was logged.
local function ask(client, path, value, options)
  options = options or {}
  options.headers = { [FIELD] = value }
  local answer
  local lines = server.logged(function()
    answer = client:get(path, options)
  end)
  return answer, lines
end

local function check_timeout(answer, lines)
  local problem = answer:json()
  assert.equal(504, answer.status)
  assert.equal("application/problem+json", answer.headers["content-type"])
  assert.same({
    type = "about:blank", title = "Gateway Timeout", status = 504, detail = "it took too long",
    request_id = problem.request_id,
  }, problem)
  assert.equal(1, #lines)
  local message = lines[1].message:match "^%u+ %S+ failed (.*)"
  assert.equal(1, (message:find(("(request %s): the deadline of "):format(problem.request_id), 1, true)))
end

describe("tg.remaining", function()
  it("is that of the earliest deadline around", function()
    tg.fail_after(5, function()
      assert.equal(5, tg.remaining())
      tg.fail_after(9, function()
        assert.equal(5, tg.remaining())
        tg.move_on_after(2, function()
          tg.sleep(0.5)
          assert.equal(1.5, tg.remaining())
        end)
        assert.equal(4.5, tg.remaining())
      end)
    end)
    assert.is_nil(tg.remaining())
  end)

  it("goes through tasks, however deep", function()
    local function deeper(level)
      if level == 0 then
        return tg.remaining()
      end
      return tg.gather({ function()
        return tg.scope(function(scope)
          return scope:spawn(deeper, level - 1):wait()
        end)
      end })[1]
    end
    assert.equal(7, tg.fail_after(7, deeper, 5))
    assert.is_nil(deeper(5))
  end)

  it("is the earlier of a child's own and its parent's", function()
    local function both(own, parents)
      return tg.fail_after(parents, tg.gather, { function()
        return tg.fail_after(own, tg.remaining)
      end })[1]
    end
    assert.equal(2, both(2, 5))
    assert.equal(2, both(5, 2))
  end)

  it("does not see what is outside a shield, from a child inside it neither", function()
    tg.fail_after(5, function()
      tg.shield(function()
        assert.is_nil(tg.remaining())
        assert.is_nil(tg.gather({ tg.remaining })[1])
        assert.equal(9, tg.fail_after(9, tg.gather, { tg.remaining })[1])
      end)
      assert.equal(5, tg.remaining())
      tg.gather { function()
        assert.is_nil(tg.shield(tg.remaining))
        assert.equal(5, tg.remaining())
      end }
    end)
  end)

  it("is 0 behind a deadline that has passed, and nil in a background task", function()
    tg.move_on_after(1, function()
      pcall(tg.sleep, 5)
      assert.equal(0, tg.remaining())
      tg.shield(tg.sleep, 1)
      assert.equal(0, tg.remaining())
    end)
    tg.fail_after(1, function()
      local seen
      tg.background(function()
        seen = tg.remaining() or "none"
      end)
      tg.sleep(0)
      assert.equal("none", seen)
    end)
  end)
end)

describe("request_timeout_ms", function()
  local function app(request_timeout_ms)
    return t.app(function(routes)
      routes:use(function(request, next)
        if request.query.middleware then
          tg.sleep(5)
        end
        return next(request)
      end)
      routes:get("/default", left())
      routes:get("/own", left(), { request_timeout_ms = 250 })
      routes:get("/none", left(), { request_timeout_ms = 0 })
      routes:get("/children", left(function(fn)
        return unpack(tg.gather { function()
          return tg.gather({ fn })[1]
        end })
      end))
      routes:get("/slow", function()
        tg.sleep(5)
      end)
      routes:get("/slow-tree", function()
        tg.gather { function()
          tg.gather { function()
            tg.sleep(5)
          end }
        end }
      end)
      routes:get("/swallows", function()
        pcall(tg.sleep, 5)
        return "all the same"
      end)
    end, { request_timeout_ms = request_timeout_ms })
  end

  it("is of every route, where that has none of its own", function()
    local client = app(1000)
    assert.equal(1, client:get("/default"):json().left)
    assert.equal(0.25, client:get("/own"):json().left)
    assert.equal("any", client:get("/none"):json().left)
    assert.equal(1, client:get("/children"):json().left)
  end)

  it("is none where it is 0", function()
    for _, milliseconds in ipairs { 0, false } do
      local client = app(milliseconds or nil)
      assert.equal("any", client:get("/default"):json().left)
      assert.equal(0.25, client:get("/own"):json().left)
    end
  end)

  it("is answered with 504 when it passes, which takes exactly so long", function()
    local client = app(1000)
    for _, path in ipairs { "/slow", "/slow-tree", "/default?middleware=1" } do
      local started = tg.now()
      check_timeout(ask(client, path))
      assert.equal(1, tg.now() - started)
    end
    assert.equal("all the same", client:get("/swallows"):body()) -- an answer that is there is given
  end)

  it("binds the middleware also where no route has the path or the method", function()
    local client = app(1000)
    check_timeout(ask(client, "/nothing?middleware=1"))
    local lines = server.logged(function()
      assert.equal(504, client:post("/slow?middleware=1").status)
    end)
    assert.equal(1, #lines)
    assert.equal(404, client:get("/nothing").status)
    assert.equal(405, client:post("/slow").status)
  end)
end)

describe("a request that brings " .. FIELD, function()
  local client

  before_each(function()
    client = t.app(function(app)
      app:get("/left", left())
      app:get("/own", left(), { request_timeout_ms = 500 })
      app:get("/slow", function()
        tg.sleep(5)
      end)
    end)
  end)

  it("is bound by it, and by the earlier of it and the route's own", function()
    assert.equal(0.25, ask(client, "/left", 250):json().left)
    assert.equal(0.25, ask(client, "/own", 250):json().left)
    assert.equal(0.5, ask(client, "/own", 750):json().left)
    assert.equal(9999999.999, ask(client, "/left", 9999999999):json().left)
  end)

  it("is answered with 504 when it passes", function()
    local started = tg.now()
    check_timeout(ask(client, "/slow", 2000))
    assert.equal(2, tg.now() - started)
    check_timeout(ask(client, "/slow", 0))
    assert.equal(2, math.floor(tg.now() - started + 0.5))
  end)

  for _, bad in ipairs { "soon", "-1", "1.5", "1e3", "0x10", "", "1,2", "10000000000", ("9"):rep(100), "nan" } do
    it(("is answered with 400 where it is no number: %q"):format(bad), function()
      local stream = tg.tcp.connect("app.test", 80)
      stream:write(("GET /left HTTP/1.1\r\nHost: app.test\r\n%s: %s\r\nConnection: close\r\n\r\n"):format(FIELD, bad))
      assert.matches("^HTTP/1.1 400 ", stream:read_until "\r\n\r\n")
      stream:close()
    end)
  end

  it("is answered with 400 where it brings two", function()
    local answer, lines = ask(client, "/left", { "250", "9000" })
    assert.equal(400, answer.status)
    assert.equal("X-Request-Timeout-Ms is not a whole number of milliseconds", answer:json().detail)
    assert.same({}, lines)
  end)
end)

describe("forward_deadline", function()
  local upstream

  before_each(function()
    upstream = t.upstream { address = "http://up.test", routes = { ["GET /"] = "ok" } }
  end)

  -- What the last request had.
  local function forwarded()
    return upstream.requests[#upstream.requests].headers[FIELD:lower()]
  end

  it("sends what remains, in whole milliseconds, and nothing without a deadline or without being asked", function()
    tg.http.get("http://up.test/", { forward_deadline = true })
    assert.is_nil(forwarded())
    tg.fail_after(2, tg.http.get, "http://up.test/")
    assert.is_nil(forwarded())
    tg.fail_after(2, tg.http.get, "http://up.test/", { forward_deadline = true })
    assert.equal("2000", forwarded())
    tg.fail_after(2, function()
      tg.sleep(0.5)
      tg.gather { function()
        tg.http.get("http://up.test/", { forward_deadline = true })
      end }
    end)
    assert.equal("1500", forwarded())
    tg.fail_after(0.0105, tg.http.get, "http://up.test/", { forward_deadline = true })
    assert.equal("11", forwarded())
  end)

  it("is a field of a client, which a call can take back", function()
    local client = tg.http.client { base_url = "http://up.test", forward_deadline = true }
    tg.fail_after(2, client.get, client, "/")
    assert.equal("2000", forwarded())
    tg.fail_after(2, client.get, client, "/", { forward_deadline = false })
    assert.is_nil(forwarded())
  end)

  it("takes the place of a field that the headers have, as those of a request that is handed on do", function()
    local behind = t.app(function(app)
      app:get("/", left())
    end)
    local client = t.app(function(app)
      app:get("/", function(request)
        tg.sleep(0.5)
        return behind:get("/", { headers = request.headers, forward_deadline = true }):json()
      end)
    end)
    assert.equal(1.5, client:get("/", { headers = { [FIELD] = 2000 } }):json().left)
  end)

  it("sends what a gateway takes, however late the deadline", function()
    local client = t.app(function(app)
      app:get("/", left())
    end)
    assert.equal(200, tg.fail_after(1e9, client.get, client, "/", { forward_deadline = true }).status)
  end)
end)
