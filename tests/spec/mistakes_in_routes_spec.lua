-- The mistakes of new users in routes: each with what the log says, and the place that it names.
local tg = require "tidegate"
local t = require "tidegate.testing"
local app = require "tidegate.app"
local server = require "tests.support.server"

local FILE = "mistakes_in_routes_spec.lua"

-- What is logged where a route is asked for, and the status of its answer.
local function asked(register, method, options)
  local status
  local lines = server.logged(function()
    local client = t.app(register)
    status = client:request(method or "GET", "/x", options).status
    t.clock.advance(100)
  end)
  local texts = {}
  for _, line in ipairs(lines) do
    texts[#texts + 1] = line.message
  end
  return table.concat(texts, "\n"), status
end

local function line_of(fn)
  return debug.getinfo(fn, "S").linedefined
end

local function handler(fn)
  return function(on)
    on:get("/x", fn)
  end
end

local RETURNS = {
  { function() return { error = "x" }, 404 end, "the status comes first: return 404, body" },
  { function() return "text", 200 end, "the status comes first: return 200, body" },
  { function() return nil, 204 end, "for an empty answer: return 204" },
  { function() return nil, "it failed" end, "an error is raised with error(…) or tg.abort(status, detail)" },
  { function() return "404", "text" end, "a status is a number, as in: return 404, body" },
  { function() return ("text"):gsub("t", "T") end, "parentheses keep only the first value that a call returns: " },
  { function() return tg.response {}, 404 end, "returned a response object and after it 404" },
  { function() return true end, "and this one returned true; tg.json.encode makes JSON of any value" },
  { function() return tg.null end, "and this one returned tg.null" },
  { function() return print end, "this one returned a function; a method is called with a colon, as request:body()" },
  { function() return 200, true end, "a response's body must be a string, a table or a function(write), not true" },
  { function() return 200, "<p>", "text/html" end,
    'the headers of an answer must be a table; a content type is one of them: { ["Content-Type"] = "text/html" }' },
  { function() return 200, "x", 5 end, "the headers of an answer must be a table of names and values, not 5" },
  { function() return 5 end, "a status is a whole number from 200 to 599, not 5" },
  { function() return 404.5, "x" end, "a status is a whole number from 200 to 599, not 404.5" },
  { function() return 700, "x" end, "a status is a whole number from 200 to 599, not 700" },
  { function() return 204, "x" end, "an answer of status 204 (No Content) has no body" },
  { function() return { f = print } end, "cannot encode as JSON" },
  { function(request) return { body = request.body } end, "cannot encode as JSON" },
}

describe("what a handler returns", function()
  for index, case in ipairs(RETURNS) do
    it(("%d: %s"):format(index, case[2]:sub(1, 70)), function()
      local log, status = asked(handler(case[1]))
      assert.equal(500, status)
      assert.matches(case[2], log, 1, true)
    end)
  end

  it("is blamed on the route, which is known though its handler has returned", function()
    local log = asked(function(on) on:get("/x", function() return "text", 200 end) end)
    local here = debug.getinfo(1, "l").currentline - 1
    assert.matches(("%s:%d (the handler of GET /x): a handler may return"):format(FILE, here), log, 1, true)
  end)

  it("is known as the client's number, where it was one", function()
    local log, status = asked(function(on)
      on:post("/x", function(request) return request:json() end)
    end, "POST", { json = 5 })
    assert.equal(500, status)
    assert.matches("a status is a whole number from 200 to 599, not 5", log, 1, true)
  end)
end)

-- [what] = routes that fail behind a tail call, and the words behind the place
local TAILS = {
  ["a handler"] = { function(on)
    on:get("/x", function() return tg.http.get(nil) end)
  end, "the handler of GET /x" },
  ["a handler within a middleware"] = { function(on)
    on:use(function(request, next) return next(request) end)
    on:get("/x", function() return tg.http.get(nil) end)
  end, "the handler of GET /x" },
  ["a middleware"] = { function(on)
    on:use(function() return tg.http.get(nil) end)
    on:get("/x", function() return "x" end)
  end, "a middleware" },
  ["a background task"] = { function(on)
    on:get("/x", function() tg.background(function() return tg.http.get(nil) end) return "x" end)
  end, "a background task" },
  ["a background task that is a function of ours"] = { function(on)
    on:get("/x", function() tg.background(tg.http.get, nil) return "x" end)
  end, "a background task" },
  ["app:every"] = { function(on)
    on:every(10, function() return tg.http.get(nil) end)
    on:get("/x", function() return "x" end)
  end, "app:every" },
  ["a child of tg.gather"] = { function(on)
    on:get("/x", function() return tg.gather { function() return tg.http.get(nil) end } end)
  end, "a child task" },
  ["a child of tg.map"] = { function(on)
    on:get("/x", function() return tg.map({ 1 }, function() return tg.http.get(nil) end, { max = 1 }) end)
  end, "a child task" },
  ["a child that is a function of ours"] = { function(on)
    on:get("/x", function() local all = tg.map({ 5 }, tg.http.get) return all end)
  end, "a child task" },
  ["a task of a scope"] = { function(on)
    on:get("/x", function() tg.scope(function(scope) scope:spawn(function() return tg.http.get(nil) end) end) end)
  end, "a task that was spawned" },
  ["a task of a scope that is a function of ours"] = { function(on)
    on:get("/x", function() tg.scope(function(scope) scope:spawn(tg.http.get, nil) end) end)
  end, "a task that was spawned there" },
}

describe("a mistake behind a tail call is told with its place, in", function()
  for what, case in pairs(TAILS) do
    it(what, function()
      local log = asked(case[1])
      local first, last = line_of(case[1]), debug.getinfo(case[1], "S").lastlinedefined
      local line = log:match(FILE:gsub("%p", "%%%0") .. ":(%d+) %(" .. case[2] .. "%): a URL must be a string, not")
      assert.is_truthy(line, log)
      assert.is_true(tonumber(line) > first and tonumber(line) < last, log)
    end)
  end

  it("a handler that several routes share, with the route that was asked", function()
    local function shared() return tg.http.get(nil) end
    for _, paths in ipairs { { "/w", "/x" }, { "/x", "/w" } } do
      local log = asked(function(on)
        on:get(paths[1], shared)
        on:get(paths[2], shared)
      end)
      assert.matches(FILE .. ":%d+ %(the handler of GET /x%): a URL must be", log)
    end
  end)

  it("C's own checks too", function()
    local log = asked(handler(function() return tg.http.request("NO METHOD", "http://a.test/") end))
    assert.matches(FILE .. ":%d+ %(the handler of GET /x%): a method must be a token", log)
  end)
end)

local METHODS = {
  { function(request) return request.json() end, "request.json is called with a colon: request:json(…)" },
  { function(request) return request.body() end, "request.body is called with a colon" },
  { function(request) return request.form() end, "request.form is called with a colon" },
  { function(request) return request.parts() end, "request.parts is called with a colon" },
  { function(request) return request.chunks() end, "request.chunks is called with a colon" },
  { function() return t.app(print).get() end, "client.get is called with a colon" },
  { function(request) return { name = request.json.name } end, "attempt to index field 'json' (a function value)" },
  { function(request) return "body: " .. request.body end, "attempt to concatenate field 'body' (a function value)" },
}

describe("a method", function()
  for index, case in ipairs(METHODS) do
    it(("%d: %s"):format(index, case[2]), function()
      local log, status = asked(handler(case[1]))
      assert.equal(500, status)
      assert.matches(case[2], log, 1, true)
      assert.matches(FILE .. ":" .. line_of(case[1]), log, 1, true)
    end)
  end
end)

describe("a middleware", function()
  it("that drops what next gave is told, by its place", function()
    local log, status = asked(function(on)
      on:use(function(request, next) next(request) end)
      on:get("/x", function() return "x" end)
    end)
    assert.equal(500, status)
    local here = debug.getinfo(1, "l").currentline - 4
    assert.matches(("%s:%d: the middleware returned nothing; it must return what next gives, as in: return next")
      :format(FILE, here), log, 1, true)
  end)

  it("that returns nothing and calls no next is told, too", function()
    local log, status = asked(function(on)
      on:use(function(request) request.seen = true end)
      on:get("/x", function() return "x" end)
    end)
    assert.equal(500, status)
    assert.matches("the middleware returned nothing", log, 1, true)
  end)

  it("may answer with 204 by itself, and hand on that of a handler that returns nothing", function()
    local _, status = asked(function(on)
      on:use(function() return 204 end)
      on:get("/x", function() return "x" end)
    end)
    assert.equal(204, status)
    _, status = asked(function(on)
      on:use(function(request, next) return next(request) end)
      on:delete("/x", function() end)
    end, "DELETE")
    assert.equal(204, status)
  end)

  local RERAISES = {
    function(request, next) local ok, err = pcall(next, request) if not ok then error(err) end return ok end,
    function(request, next) local ok, err = pcall(next, request) if not ok then error(err, 0) end return ok end,
  }
  for index, middleware in ipairs(RERAISES) do
    it("that raises again what it has caught keeps the handler's line in the log, " .. index, function()
      for _, value in ipairs { "boom", { message = "boom" } } do
        local log, status = asked(function(on)
          on:use(middleware)
          on:get("/x", function() error(value) end)
        end)
        local here = debug.getinfo(1, "l").currentline - 2
        assert.equal(500, status)
        assert.matches(FILE .. ":" .. here .. ":", log, 1, true)
        assert.matches("boom", log, 1, true)
      end
    end)
  end

  it("has each line of a traceback once, however many there are", function()
    local log = asked(function(on)
      for _ = 1, 5 do
        on:use(function(request, next) return next(request) end)
      end
      on:get("/x", function() error "boom" end)
    end)
    local _, count = log:gsub("in function", "")
    assert.is_true(count <= 2, log)
  end)
end)

describe("a GET handler that returns nothing anywhere", function()
  local function warned(register)
    local lines = server.logged(function()
      local on = app.new "routes"
      register(on)
      on:mount()
    end)
    return lines[1] and lines[1].level .. " " .. lines[1].message
  end

  it("is warned of when all are registered, with file and line", function()
    local warning = warned(function(on) on:get("/x", function(request) request:json() end) end)
    local here = debug.getinfo(1, "l").currentline - 1
    assert.matches(("^warn .*%s:%d %%(the handler of GET /x%%): it never returns a value"):format(
      FILE:gsub("%p", "%%%0"), here), warning)
  end)

  it("is not, where it may be meant", function()
    assert.is_nil(warned(function(on) on:post("/x", function() end) end))
    assert.is_nil(warned(function(on) on:get("/x", function() tg.abort(410) end) end))
    assert.is_nil(warned(function(on) on:get("/x", function() return tg.sleep(1) end) end))
    assert.is_nil(warned(function(on) on:get("/x", print) end))
    assert.is_nil(warned(function(on) on:static("/x", "/") end))
  end)
end)

describe("an empty body", function()
  it("is told in plain words where JSON is expected", function()
    local client = t.app(function(on)
      on:post("/x", function(request) return request:json() end)
    end)
    assert.equal("the body is empty", client:post("/x"):json().detail)
    assert.equal(400, client:post("/x", { body = " \n" }).status)
  end)
end)
