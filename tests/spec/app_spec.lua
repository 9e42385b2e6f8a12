local app = require "tidegate.app"
local tg = require "tidegate"
local server = require "tests.support.server"

-- What an app answers, with the routes that `register` adds.
local function ask(register, path, method)
  local on = app.new "routes"
  register(on)
  local find = on:mount()
  return server.get(function(request)
    return find(request)(request)
  end, path, nil, method)
end

local function here(offset)
  return "app_spec.lua:" .. debug.getinfo(2, "l").currentline + (offset or 0)
end

local function fails(fn, ...)
  local ok, message = pcall(fn, ...)
  assert.is_false(ok)
  return message
end

describe("an app", function()
  it("calls the handler of the route with the request", function()
    local answer = ask(function(on)
      on:get("/users/{id}", function(request)
        return { id = request.params.id, path = request.path, method = request.method }
      end)
    end, "/users/7")
    assert.equal(200, answer.status)
    assert.same({ id = "7", path = "/users/7", method = "GET" }, tg.json.decode(answer.body))
  end)

  it("has a call for each method", function()
    for _, method in ipairs { "GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS" } do
      local answer = ask(function(on)
        on[method:lower()](on, "/x", function(request)
          return request.method .. " it is"
        end)
      end, "/x", method)
      assert.equal(method .. " it is", answer.body)
    end
  end)

  it("gives empty params to a route without names", function()
    local answer = ask(function(on)
      on:get("/x", function(request)
        return tostring(next(request.params))
      end)
    end, "/x")
    assert.equal("nil", answer.body)
  end)

  it("answers HEAD with GET's route", function()
    local answer = ask(function(on)
      on:get("/x", function()
        return "twelve bytes"
      end)
    end, "/x", "HEAD")
    assert.equal(200, answer.status)
    assert.equal("12", answer.headers["content-length"])
    assert.equal("", answer.body)
  end)

  it("answers a path that no route has with 404", function()
    local answer = ask(function() end, "/nothing")
    assert.equal(404, answer.status)
    assert.equal("application/problem+json", answer.headers["content-type"])
    assert.equal("no route has this path", tg.json.decode(answer.body).detail)
  end)

  local function two_methods(on)
    on:get("/x", tostring)
    on:put("/x", tostring)
  end

  it("answers another method with 405 and Allow", function()
    local answer = ask(two_methods, "/x", "DELETE")
    assert.equal(405, answer.status)
    assert.equal("GET, HEAD, OPTIONS, PUT", answer.headers.allow)
    assert.matches("DELETE is not allowed here; only", tg.json.decode(answer.body).detail)
  end)

  it("allows HEAD only where there is GET", function()
    local answer = ask(function(on)
      on:post("/x", tostring)
    end, "/x", "HEAD")
    assert.equal(405, answer.status)
    assert.equal("OPTIONS, POST", answer.headers.allow)
  end)

  it("answers OPTIONS with Allow", function()
    local answer = ask(two_methods, "/x", "OPTIONS")
    assert.equal(204, answer.status)
    assert.equal("GET, HEAD, OPTIONS, PUT", answer.headers.allow)
  end)

  it("answers OPTIONS * for the whole server", function()
    local answer = ask(function(on)
      on:get("/", tostring)
    end, "*", "OPTIONS")
    assert.equal(204, answer.status)
    assert.equal("GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS", answer.headers.allow)
  end)
end)

describe("app:use", function()
  -- A middleware that writes its name on the way in and on the way out.
  local function trail(steps, name)
    return function(request, following)
      steps[#steps + 1] = name .. " in"
      local answer = following(request)
      steps[#steps + 1] = name .. " out"
      return answer
    end
  end

  it("wraps routes like an onion, groups inside the app, in the order of registration", function()
    local steps = {}
    ask(function(on)
      on:use(trail(steps, "a"))
      on:group("/group", function(group)
        group:use(trail(steps, "c"))
        group:group("/inner", function(inner)
          inner:use(trail(steps, "d"))
          inner:get("/x", function()
            steps[#steps + 1] = "handler"
          end)
        end)
      end)
      on:use(trail(steps, "b"))
    end, "/group/inner/x")
    assert.same({ "a in", "b in", "c in", "d in", "handler", "d out", "c out", "b out", "a out" }, steps)
  end)

  it("leaves out the middleware of other groups", function()
    local steps = {}
    local function register(on)
      on:group("/one", function(group)
        group:use(trail(steps, "one"))
        group:get("/x", tostring)
      end)
      on:group("/two", function(group)
        group:use(trail(steps, "two"))
        group:get("/x", tostring)
      end)
      on:get("/x", tostring)
    end
    ask(register, "/two/x")
    ask(register, "/x")
    assert.same({ "two in", "two out" }, steps)
  end)

  it("sees the answer as a response, whatever the handler returned, and may change it", function()
    local answer = ask(function(on)
      on:use(function(request, following)
        local response = following(request)
        response.headers["X-Status"] = response.status
        response.status = 201
        response.body.more = true
        return response
      end)
      on:get("/x", function()
        return { some = 1 }
      end)
    end, "/x")
    assert.equal(201, answer.status)
    assert.equal("200", answer.headers["x-status"])
    assert.same({ some = 1, more = true }, tg.json.decode(answer.body))
  end)

  it("may answer itself, wait, and give the handler another request", function()
    local answer = ask(function(on)
      on:use(function(request, following)
        tg.sleep(0.001)
        if request.path == "/closed" then
          return 403, "closed"
        end
        return following(request)
      end)
      on:get("/closed", function()
        error "never called"
      end)
    end, "/closed")
    assert.equal(403, answer.status)
    assert.equal("closed", answer.body)
  end)

  it("sees the error that a handler raises, and may turn it into an answer", function()
    local answer = ask(function(on)
      on:use(function(request, following)
        local ok, result = pcall(following, request)
        return ok and result or { caught = tostring(result) }
      end)
      on:get("/x", function()
        tg.abort(404, "no such thing")
      end)
    end, "/x")
    assert.equal(200, answer.status)
    assert.same({ caught = "404 Not Found: no such thing" }, tg.json.decode(answer.body))
  end)

  it("goes around 404, 405 and OPTIONS too", function()
    local steps = {}
    local function register(on)
      on:use(trail(steps, "app"))
      on:group("/group", function(group)
        group:use(trail(steps, "group"))
        group:get("/x", tostring)
      end)
    end
    assert.equal(404, ask(register, "/nothing").status)
    assert.same({ "app in" }, steps)
    assert.equal(405, ask(register, "/group/x", "PUT").status)
    assert.equal(204, ask(register, "/group/x", "OPTIONS").status)
    assert.same({ "app in", "app in", "app in", "app out" }, steps)
  end)

  it("calls the handler again where it is asked to", function()
    local calls = 0
    local answer = ask(function(on)
      on:use(function(request, following)
        pcall(following, request)
        return following(request)
      end)
      on:get("/x", function()
        calls = calls + 1
        return tostring(calls)
      end)
    end, "/x")
    assert.equal("2", answer.body)
  end)
end)

describe("app:group", function()
  it("puts its prefix before the patterns", function()
    local on = app.new "routes"
    on:group("/api", function(group)
      group:get("/", tostring)
      group:get("/users/{id}", tostring)
      group:group("/v2", function(inner)
        inner:get("/x", tostring)
      end)
    end)
    local patterns = {}
    for _, route in ipairs(on:routes()) do
      patterns[#patterns + 1] = route.pattern
    end
    assert.same({ "/api/", "/api/users/{id}", "/api/v2/x" }, patterns)
  end)

  it("knows the folder of the app", function()
    local on = app.new "some/folder"
    on:group("/api", function(group)
      assert.equal("some/folder", group.folder)
    end)
  end)
end)

describe("what an app refuses,", function()
  it("a route that is there already, with both places", function()
    local on = app.new "routes"
    on:get("/x", tostring)
    local first = here(-1)
    local message = fails(function()
      on:get("/x", tostring)
    end)
    local second = here(-2)
    assert.matches(second .. ": GET /x is registered already, at tests/spec/" .. first, message, 1, true)
  end)

  it("a bad pattern, with its place", function()
    local on = app.new "routes"
    local message = fails(function()
      on:get("x", tostring)
    end)
    assert.matches(here(-2) .. ': a pattern must begin with a slash, and "x" does not', message, 1, true)
    assert.matches("mixes text and braces", fails(on.get, on, "/x{y}", tostring), 1, true)
    assert.matches("a pattern must be a string that begins with a slash, not nil", fails(on.get, on, nil, tostring), 1,
      true)
  end)

  it("a handler that is no function", function()
    local on = app.new "routes"
    local message = fails(function()
      on:get("/x", { 1 })
    end)
    local place = here(-2)
    assert.matches(place .. ": app:get(pattern, handler): the handler must be a function, not a table", message, 1,
      true)
    assert.matches("the handler must be a function, not nil", fails(on.post, on, "/x"), 1, true)
  end)

  it("middleware that is no function", function()
    local on = app.new "routes"
    assert.matches(": app:use takes a function(request, next)", fails(on.use, on, "x"), 1, true)
  end)

  it("a prefix that is none", function()
    local on = app.new "routes"
    for _, prefix in ipairs { "api", "/api/", "", "/", 5 } do
      local message = fails(on.group, on, prefix, tostring)
      assert.matches('the prefix must be a path like "/api", with no slash at the end', message, 1, true)
    end
  end)

  it("anything once it is mounted", function()
    local on = app.new "routes"
    local inner
    on:group("/group", function(group)
      inner = group
    end)
    on:mount()
    for _, late in ipairs { on, inner } do
      for _, name in ipairs { "get", "use", "group" } do
        local message = fails(late[name], late, "/late", tostring)
        assert.matches("registered while the route files are loaded, not later", message, 1, true)
      end
    end
  end)
end)

describe("app:url", function()
  it("is where the gateway can be reached", function()
    local cases = {
      ["127.0.0.1:8000"] = "http://127.0.0.1:8000",
      ["0.0.0.0:8000"] = "http://127.0.0.1:8000",
      ["[::]:8000"] = "http://[::1]:8000",
      ["[::1]:80"] = "http://[::1]:80",
    }
    for address, url in pairs(cases) do
      local on = app.new "routes"
      app.set_url(on, address)
      assert.equal(url, on:url())
    end
  end)

  it("is known in a group as well", function()
    local on = app.new "routes"
    on:group("/api", function(group)
      app.set_url(on, "127.0.0.1:1")
      assert.equal("http://127.0.0.1:1", group:url())
    end)
  end)

  it("is not known before the gateway serves, nor behind a Unix socket", function()
    local on = app.new "routes"
    assert.matches("app:url() is known once the gateway serves", fails(on.url, on), 1, true)
    app.set_url(on, "unix:/run/x.sock")
    assert.is_false((pcall(on.url, on)))
  end)
end)
