-- tg.defer: functions that run when a request is over, however it ends.
local t = require "tidegate.testing"
local tg = require "tidegate"
local server = require "tests.support.server"

local order

local function note(name)
  return function() order[#order + 1] = name end
end

-- An app with this handler at /x.
local function app_of(handler, options)
  return t.app(function(app)
    app:get("/x", handler, options)
    app:get("/y", function() return "y" end)
  end)
end

describe("tg.defer", function()
  before_each(function()
    order = {}
  end)

  it("runs when the answer is out, the last one first, and delays nobody", function()
    local client = app_of(function(request)
      tg.defer(note "first")
      tg.defer(function()
        tg.sleep(5)
        note("last of " .. request.method .. " " .. request.path .. request.query.a)()
      end)
      return "x"
    end)
    local started = tg.now()
    assert.equal("x", client:get("/x?a=1"):body())
    assert.equal("y", client:get("/y"):body()) -- on the same connection
    assert.equal(0, tg.now() - started)
    assert.same({}, order)
    t.clock.advance(5)
    assert.same({ "last of GET /x1", "first" }, order)
  end)

  for name, case in pairs {
    ["an error"] = { function() error "boom" end, 500 },
    ["an abort"] = { function() tg.abort(404) end, 404 },
    ["a deadline"] = { function() tg.sleep(9) end, 504 },
    ["an answer that cannot be sent"] = { function() return 200, "x", { ["X-A"] = "a\nb" } end, 500 },
    ["nothing"] = { function() end, 204 },
  } do
    it("runs behind " .. name, function()
      server.logged(function()
        local client = app_of(function()
          tg.defer(note "deferred")
          return case[1]()
        end, { request_timeout_ms = 1000 })
        assert.equal(case[2], client:get("/x").status)
        t.clock.settle()
      end)
      assert.same({ "deferred" }, order)
    end)
  end

  it("runs behind its own request and no other, whatever a handler has made of that", function()
    server.logged(function()
      local client = app_of(function(request)
        tg.defer(note "deferred")
        request.path, request.method, request.params = nil, nil, nil
        error "boom"
      end)
      assert.equal(500, client:get("/x").status)
      assert.equal("y", client:get("/y"):body()) -- on the same connection
      t.clock.settle()
    end)
    assert.same({ "deferred" }, order)
  end)

  it("runs when the client has left, and may wait then", function()
    server.logged(function()
      local client = app_of(function()
        tg.defer(function()
          tg.sleep(2)
          note "deferred"()
        end)
        tg.sleep(60)
      end)
      tg.move_on_after(1, client.get, client, "/x")
      assert.same({}, order)
      t.clock.advance(3)
    end)
    assert.same({ "deferred" }, order)
  end)

  it("runs behind the last piece, and behind an answer that was broken off", function()
    server.logged(function()
      local client = app_of(function(request)
        return 200, function(write)
          tg.defer(note "deferred")
          write "a"
          tg.sleep(1)
          note "written"()
          write "b"
          if request.query.fails then error "boom" end
        end
      end)
      assert.equal("ab", client:get("/x"):body())
      t.clock.settle()
      assert.same({ "written", "deferred" }, order)
      assert.is_false((pcall(function() return client:get("/x?fails=1"):body() end)))
      t.clock.settle()
    end)
    assert.same({ "written", "deferred", "written", "deferred" }, order)
  end)

  it("waits for a client that is slow to take its answer", function()
    app_of(function()
      tg.defer(note "deferred")
      return ("x"):rep(4 * 1024 * 1024)
    end)
    local stream = tg.tcp.connect("app.test", 80)
    stream:write "GET /x HTTP/1.1\r\nHost: app.test\r\nConnection: close\r\n\r\n"
    t.clock.advance(3)
    assert.same({}, order)
    local bytes = 0
    for piece in function() return stream:read() end do
      bytes = bytes + #piece
    end
    t.clock.settle()
    assert.is_true(bytes > 4 * 1024 * 1024)
    assert.same({ "deferred" }, order)
    stream:close()
  end)

  it("runs when a client leaves in the middle of what is sent", function()
    server.logged(function()
      app_of(function()
        tg.defer(note "deferred")
        return ("x"):rep(4 * 1024 * 1024)
      end)
      local stream = tg.tcp.connect("app.test", 80)
      stream:write "GET /x HTTP/1.1\r\nHost: app.test\r\n\r\n"
      t.clock.advance(1)
      assert.same({}, order)
      stream:close()
      t.clock.settle()
    end)
    assert.same({ "deferred" }, order)
  end)

  it("is the request's in its children, also when they fail", function()
    server.logged(function()
      local client = app_of(function()
        pcall(tg.gather, {
          function()
            tg.defer(note "of a child")
            tg.sleep(1)
          end,
          function() error "boom" end,
        })
        tg.sleep(1)
        note "handler"()
        return "x"
      end)
      client:get "/x"
      t.clock.settle()
    end)
    assert.same({ "handler", "of a child" }, order)
  end)

  it("logs what fails, and goes on; what it defers itself runs too", function()
    local lines = server.logged(function()
      local client = app_of(function()
        tg.defer(note "first")
        tg.defer(function()
          tg.defer(note "nested")
          error "boom"
        end)
        return "x"
      end)
      client:get "/x"
      t.clock.settle()
    end)
    assert.same({ "nested", "first" }, order)
    assert.equal(1, #lines)
    assert.matches("^GET /x %(request [%x-]+%): what was deferred at tests/spec/defer_spec.lua:%d+ failed: .*boom",
      lines[1].message)
    assert.equal("error", lines[1].level)
  end)

  it("has thirty seconds for each function", function()
    local lines = server.logged(function()
      local client = app_of(function()
        tg.defer(note "first")
        tg.defer(function() tg.sleep(60) end)
        return "x"
      end)
      client:get "/x"
      t.clock.advance(29)
      assert.same({}, order)
      t.clock.advance(2)
    end)
    assert.same({ "first" }, order)
    assert.matches("the deadline of 30 s passed", lines[1].message, 1, true)
  end)

  it("may call others", function()
    local up = t.upstream { address = "http://up.test", routes = { ["POST /count"] = t.answer { status = 204 } } }
    app_of(function()
      tg.defer(function() tg.http.post(up.url .. "/count") end)
      return "x"
    end):get "/x"
    t.clock.settle()
    assert.equal(1, #up.requests)
  end)

  it("is each request's own", function()
    local client = app_of(function(request)
      local n = tonumber(request.query.n)
      tg.defer(note("deferred " .. n))
      tg.sleep(n)
      return tostring(n)
    end)
    tg.map({ 3, 1, 2 }, function(n) client:get("/x", { query = { n = n } }) end)
    t.clock.settle()
    assert.same({ "deferred 1", "deferred 2", "deferred 3" }, order)
  end)

  it("runs at the end of a background task, and of each turn of app:every", function()
    local beats = 0
    server.logged(function()
      tg.background(function()
        tg.defer(note "deferred")
        tg.sleep(1)
        note "background"()
        error "boom"
      end)
      t.clock.advance(1)
    end)
    assert.same({ "background", "deferred" }, order)
    order = {}
    t.app(function(app)
      app:every(10, function()
        beats = beats + 1
        tg.defer(note("beat " .. beats))
      end, { jitter = 0 })
    end)
    t.clock.advance(21)
    assert.same({ "beat 1", "beat 2" }, order)
  end)

  it("takes a function, in a request or a background task", function()
    local ok, message = pcall(tg.defer, "x")
    assert.is_false(ok)
    assert.matches('tg.defer takes a function, not the string "x"', message, 1, true)
    local many = app_of(function()
      for _ = 1, 1000 do tg.defer(note "one") end
      return tostring(select(2, pcall(tg.defer, note "more")))
    end):get("/x"):body()
    assert.matches("1000 functions already, which is the limit", many, 1, true)
    t.clock.settle()
    assert.equal(1000, #order)
  end)
end)
