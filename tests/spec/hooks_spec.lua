-- app:on_error, which may answer an error, and app:after, which sees every answer.
local core = require "tidegate.core"
local t = require "tidegate.testing"
local task = require "tidegate.task"
local tg = require "tidegate"
local folder = require "tests.support.folder"
local server = require "tests.support.server"

local function problem_of(answer)
  assert.equal("application/problem+json", answer.headers["content-type"])
  return answer:json()
end

-- The answer of a route of an app that `register` has added hooks to, and what was logged.
local function ask(register, handler, options)
  local answer
  local lines = server.logged(function()
    local client = t.app(function(app)
      register(app)
      app:get("/x", handler, options)
    end)
    answer = client:get "/x"
    answer:body()
  end)
  return answer, lines
end

local function boom()
  error "boom"
end

describe("app:on_error", function()
  it("answers in place of the problem; the failure is logged all the same", function()
    local seen
    local answer, lines = ask(function(app)
      app:on_error(function(request, err)
        seen = { request.path, err }
        return 418, { sorry = true }, { ["X-Own"] = "1" }
      end)
    end, boom)
    assert.equal(418, answer.status)
    assert.same({ sorry = true }, answer:json())
    assert.equal("1", answer.headers["x-own"])
    assert.equal("/x", seen[1])
    assert.matches("hooks_spec.lua:%d+: boom$", seen[2])
    assert.equal(1, #lines)
    assert.matches("GET /x failed .*boom", lines[1].message)
  end)

  it("sees the request as the handler has left it", function()
    local seen
    server.logged(function()
      local client = t.app(function(app)
        app:on_error(function(request)
          seen = request.params
        end)
        app:get("/{id}", function(request)
          request.params = { id = "another" }
          error "boom"
        end)
      end)
      assert.equal(500, client:get("/one").status)
    end)
    assert.same({ id = "another" }, seen)
  end)

  for name, case in pairs {
    ["an abort"] = {
      function() tg.abort(409, "taken", { a = 1 }) end,
      { kind = "abort", status = 409, detail = "taken" },
    },
    ["a refused query"] = {
      function(request) return request.query.a end,
      { kind = "abort", status = 400 },
      "/x?a=%ff%",
    },
    ["a path without a route"] = { boom, { kind = "abort", status = 404 }, "/nothing" },
    ["a method without a route"] = { boom, { kind = "abort", status = 405 }, "/x", "DELETE" },
    ["a deadline"] = { function() tg.sleep(9) end, { kind = "deadline", status = 504 } },
    ["a value that no handler may return"] = { function() return true end, nil },
    ["a body that is no JSON"] = { function() return { f = print } end, { kind = "json" } },
    ["a call that fails"] = { function() return tg.http.get "http://nobody.test/" end, { status = 502 } },
  } do
    it("gets " .. name, function()
      local seen
      t.upstream { address = "http://nobody.test", failure = "refused" }
      server.logged(function()
        local client = t.app(function(app)
          app:on_error(function(_, err)
            seen = err
            return 599, "seen"
          end)
          app:get("/x", case[1], { request_timeout_ms = 1000 })
        end)
        local answer = client:request(case[4] or "GET", case[3] or "/x")
        assert.equal(599, answer.status)
        assert.equal("seen", answer:body())
      end)
      for field, value in pairs(case[2] or {}) do
        assert.equal(value, seen[field])
      end
      assert.is_string(tostring(seen))
    end)
  end

  it("leaves it to the next outer one, and to the problem", function()
    local order = {}
    local function note(name, ...)
      local results = { ... }
      return function()
        order[#order + 1] = name
        return unpack(results)
      end
    end
    local function register(app, outer)
      app:on_error(outer)
      app:on_error(note "app")
      app:group("/api", function(api)
        api:on_error(note "group")
        api:group("/v1", function(v1)
          v1:on_error(note "inner, first")
          v1:on_error(note "inner, last")
          v1:get("/x", function() tg.abort(410, "over") end)
        end)
      end)
    end
    local client = t.app(function(app) register(app, note("outer")) end)
    assert.equal("over", problem_of(client:get "/api/v1/x").detail)
    assert.same({ "inner, last", "inner, first", "group", "app", "outer" }, order)
    client = t.app(function(app) register(app, note("outer", 200, "fine")) end)
    assert.equal("fine", client:get("/api/v1/x"):body())
    order = {}
    assert.equal("fine", client:get("/api/v1/nothing"):body()) -- which lies in these groups
    assert.same({ "inner, last", "inner, first", "group", "app", "outer" }, order)
    order = {}
    assert.equal("fine", client:get("/nothing"):body())
    assert.same({ "app", "outer" }, order)
  end)

  it("hands what it raises itself to the next, and both are logged", function()
    local seen = {}
    local answer, lines = ask(function(app)
      app:on_error(function(_, err) seen[#seen + 1] = err end)
      app:on_error(function(_, err)
        seen[#seen + 1] = err
        error("worse", 0)
      end)
    end, boom)
    assert.equal(500, problem_of(answer).status)
    assert.matches("boom", seen[1])
    assert.equal("worse", seen[2])
    assert.equal(2, #lines)
    assert.matches("boom", lines[1].message)
    assert.matches("worse", lines[2].message)
  end)

  it("may end with an abort, or return what no answer is", function()
    local function with(hook)
      return ask(function(app) app:on_error(hook) end, boom)
    end
    assert.equal(503, (with(function() tg.abort(503, "later") end)).status)
    assert.equal(500, (with(function() return true end)).status)
    assert.equal(500, (with(function() return 200, { f = print } end)).status)
    assert.equal(500, (with(function() return 200, "x", { ["X-A"] = "a\r\nb" } end)).status)
  end)

  it("may wait after a deadline, for a while", function()
    local function with(seconds)
      return ask(function(app)
        app:on_error(function()
          tg.sleep(seconds)
          return 200, "from elsewhere"
        end)
      end, function() return tg.sleep(60) end, { request_timeout_ms = 1000 })
    end
    assert.equal("from elsewhere", with(4):body())
    local answer, lines = with(6)
    assert.equal(504, problem_of(answer).status)
    assert.equal(2, #lines)
  end)

  it("hears of no client that is gone", function()
    local called = false
    server.logged(function()
      local client = t.app(function(app)
        app:on_error(function() called = true end)
        app:after(function() called = true end)
        app:get("/x", function() tg.sleep(9) end)
      end)
      tg.move_on_after(1, client.get, client, "/x")
      t.clock.advance(1)
    end)
    assert.is_false(called)
  end)

  it("hears of no error behind the head", function()
    local called = false
    server.logged(function()
      local client = t.app(function(app)
        app:on_error(function() called = true end)
        app:get("/x", function()
          return 200, function(write)
            write "a"
            boom()
          end
        end)
      end)
      assert.is_false((pcall(function() return client:get("/x"):body() end)))
    end)
    assert.is_false(called)
  end)
end)

describe("app:after", function()
  local files

  setup(function()
    files = folder.new { ["public/a.txt"] = "hello" }
  end)

  teardown(function()
    files:remove()
  end)

  -- An app whose every answer says who may read it.
  local function cors()
    t.upstream { address = "http://up.test", routes = { ["GET /"] = t.answer { status = 203, body = "theirs" } } }
    return t.app(function(app)
      app:after(function(_, response)
        response.headers["Access-Control-Allow-Origin"] = "*"
        response.headers["X-Count"] = (response.headers["X-Count"] or 0) + 1
      end)
      app:use(function(request, next)
        if request.query.refused then tg.abort(401) end
        return next(request)
      end)
      app:get("/table", function() return { a = 1 } end)
      app:get("/nothing", function() end)
      app:get("/broken", boom)
      app:get("/slow", function() tg.sleep(9) end, { request_timeout_ms = 500 })
      app:get("/pieces", function() return 200, function(write) write "a" write "b" end end)
      app:get("/handed", function() return tg.http.get "http://up.test/" end)
      app:static("/files", files.path .. "/public")
      app:get("/raw", function() return tg.json.raw '{"a": 1}' end)
    end)
  end

  for _, case in ipairs {
    { "GET", "/table", 200, '{"a":1}' }, { "HEAD", "/table", 200, "" }, { "GET", "/nothing", 204, "" },
    { "GET", "/missing", 404 }, { "DELETE", "/table", 405 }, { "OPTIONS", "/table", 204, "" },
    { "GET", "/table?refused=1", 401 }, { "GET", "/broken", 500 }, { "GET", "/slow", 504 },
    { "GET", "/pieces", 200, "ab" }, { "GET", "/handed", 203, "theirs" }, { "GET", "/files/a.txt", 200, "hello" },
    { "HEAD", "/files/a.txt", 200, "" }, { "GET", "/files/b.txt", 404 }, { "GET", "/files", 301, "" },
    { "GET", "/raw", 200, '{"a": 1}' },
  } do
    it(("sees %s %s (%d), once"):format(unpack(case)), function()
      server.logged(function()
        local answer = cors():request(case[1], case[2])
        assert.equal(case[3], answer.status)
        assert.equal("*", answer.headers["access-control-allow-origin"])
        assert.equal("1", answer.headers["x-count"])
        local body = answer:body()
        if case[4] then
          assert.equal(case[4], body)
        else
          assert.equal(case[3], problem_of(answer).status)
        end
      end)
    end)
  end

  it("sees a request whose X-Request-Timeout-Ms is none", function()
    local answer = cors():get("/table", { headers = { ["X-Request-Timeout-Ms"] = "soon" } })
    assert.equal(400, answer.status)
    assert.equal("*", answer.headers["access-control-allow-origin"])
  end)

  it("keeps what a file says of itself", function()
    local client = cors()
    local etag = client:get("/files/a.txt").headers.etag
    assert.equal(304, client:get("/files/a.txt", { headers = { ["If-None-Match"] = etag } }).status)
    local part = client:get("/files/a.txt", { headers = { Range = "bytes=1-2" } })
    assert.equal(206, part.status)
    assert.equal("el", part:body())
    assert.equal("2", part.headers["content-length"])
  end)

  it("is called from the innermost on, outside of every middleware", function()
    local order = {}
    local function note(name)
      return function() order[#order + 1] = name end
    end
    local client = t.app(function(app)
      app:after(note "app, first")
      app:after(note "app, last")
      app:use(function(request, next)
        local response = next(request)
        order[#order + 1] = "middleware"
        return response
      end)
      app:group("/a", function(group)
        group:after(note "group")
        group:get("/x", function() return "x" end)
      end)
      app:group("/b", function(group)
        group:after(note "other")
        group:post("/x", function() return "x" end)
      end)
    end)
    client:get "/a/x"
    assert.same({ "middleware", "group", "app, last", "app, first" }, order)
    order = {}
    client:request("OPTIONS", "/b/x")
    assert.same({ "middleware", "other", "app, last", "app, first" }, order)
    order = {}
    client:get "/b/x"
    assert.same({ "other", "app, last", "app, first" }, order)
    order = {}
    client:get "/bx"
    assert.same({ "app, last", "app, first" }, order)
  end)

  it("may change status and body, wait, and return another answer", function()
    local function with(hook)
      return (ask(function(app) app:after(hook) end, function() return { a = 1 } end))
    end
    local answer = with(function(_, response)
      tg.sleep(1)
      response.status, response.body.b = 201, 2
    end)
    assert.equal(201, answer.status)
    assert.same({ a = 1, b = 2 }, answer:json())
    answer = with(function() return 202, "another" end)
    assert.equal(202, answer.status)
    assert.equal("another", answer:body())
    answer = with(function(request, response)
      return tg.response { headers = response.headers, body = request.method }
    end)
    assert.equal("GET", answer:body())
  end)

  it("may take another body than a file", function()
    local client = t.app(function(app)
      app:after(function() return "other" end)
      app:static("/files", files.path .. "/public")
    end)
    assert.equal("other", client:get("/files/a.txt"):body())
  end)

  it("that fails is answered as an error, which those around it see", function()
    local count = 0
    local answer, lines = ask(function(app)
      app:after(function(_, response)
        response.headers["X-Outer"] = response.status
      end)
      app:after(function()
        count = count + 1
        error "in after"
      end)
    end, function() return "fine" end)
    assert.equal(500, problem_of(answer).status)
    assert.equal("500", answer.headers["x-outer"])
    assert.equal(1, count)
    assert.equal(1, #lines)
    assert.matches("in after", lines[1].message)
  end)

  it("that makes what cannot be sent ends in the problem alone", function()
    local answer, lines = ask(function(app)
      app:after(function(_, response) response.status = "fine" end)
    end, function() return "fine" end)
    assert.equal(500, problem_of(answer).status)
    assert.is_true(#lines >= 1)
  end)

  it("that hangs is ended with the route's time", function()
    local answer = ask(function(app)
      app:after(function() tg.sleep(60) end)
    end, function() return "fine" end, { request_timeout_ms = 1000 })
    assert.equal(504, problem_of(answer).status)
  end)

  it("sees the answer of what the gateway's end has cancelled, which app:on_error does not", function()
    local of, answer
    local client = t.app(function(app)
      app:on_error(function() return 200, "on" end)
      app:after(function(_, response)
        tg.sleep(0.5)
        response.headers["X-Own"] = "1"
      end)
      app:get("/x", function()
        of = core.current()
        tg.sleep(60)
      end)
    end)
    server.logged(function()
      tg.gather { function() answer = client:get "/x" end, function()
        tg.sleep(1)
        task.cancel(of, task.cancellation "shutdown")
      end }
    end)
    assert.equal(503, problem_of(answer).status)
    assert.equal("1", answer.headers["x-own"])
  end)

  it("sees a page of --dev", function()
    server.logged(function()
      local client = t.app(function(app)
        app:after(function(_, response) response.headers["X-Own"] = "1" end)
        app:get("/x", boom)
      end, { dev = true })
      local answer = client:get("/x", { headers = { Accept = "text/html" } })
      assert.equal("text/html; charset=utf-8", answer.headers["content-type"])
      assert.equal("1", answer.headers["x-own"])
    end)
  end)
end)

describe("hooks", function()
  it("are functions, registered while routes are", function()
    for _, name in ipairs { "on_error", "after" } do
      t.app(function(app)
        local ok, message = pcall(app[name], app, "x")
        assert.is_false(ok)
        assert.matches(("app:%s takes a function"):format(name), message, 1, true)
        assert.is_false((pcall(app[name], nil, boom)))
        app:get("/x", function()
          return tostring(pcall(app[name], app, boom))
        end)
      end):get("/x")
    end
  end)
end)

describe("app:any", function()
  local client

  before_each(function()
    client = t.app(function(app)
      app:any("/x", function(request) return request.method .. " any" end)
      app:put("/x", function() return "put" end)
      app:get("/x/{n}", function() return "get" end)
      app:any("/{rest...}", function(request) return request.method .. " rest" end)
    end)
  end)

  for _, case in ipairs {
    { "GET", "/x", "GET any" }, { "POST", "/x", "POST any" }, { "PUT", "/x", "put" }, { "DELETE", "/x", "DELETE any" },
    { "PROPFIND", "/x", "PROPFIND any" }, { "OPTIONS", "/x", "OPTIONS any" }, { "PATCH", "/x", "PATCH any" },
    { "GET", "/x/1", "get" }, { "POST", "/x/1", "POST rest" }, { "HEAD", "/x", "" }, { "HEAD", "/x/1", "" },
    { "OPTIONS", "/x/1", "OPTIONS rest" },
  } do
    it(("answers %s %s with %s"):format(unpack(case)), function()
      local answer = client:request(case[1], case[2])
      assert.equal(200, answer.status)
      assert.equal(case[3], answer:body())
    end)
  end

  it("is listed, and taken once", function()
    local ok, message = pcall(t.app, function(app)
      app:any("/x", boom)
      assert.equal("ANY", app:routes()[1].method)
      app:any("/x", boom)
    end)
    assert.is_false(ok)
    assert.matches("ANY /x is registered already", message, 1, true)
  end)
end)
