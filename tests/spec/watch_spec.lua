local core = require "tidegate.core"
local t = require "tidegate.testing"
local tg = require "tidegate"
local watch = require "tidegate.watch"
local router = require "tidegate.router"
local hold = require "tests.support.hold"
local server = require "tests.support.server"

local LIMIT_SECONDS, HELD_SECONDS = 0.02, 0.03

local function line_here()
  return debug.getinfo(2, "l").currentline
end

describe("The watch of the loop", function()
  local routes

  before_each(function()
    routes = router.new()
    watch.start(LIMIT_SECONDS, function(method, path)
      return (routes:find(method, path))
    end)
  end)

  after_each(function()
    core.on_stall(1e9, function() end)
  end)

  -- Serves one handler and asks for the path; what was logged of its route.
  local function ask(pattern, path, handler, method)
    routes:add("GET", pattern, { handler = handler, place = "routes/x.lua:7" })
    local client = t.app(function(app)
      app:get(pattern, handler)
    end)
    local answer
    local lines = server.logged(function()
      answer = client[method or "get"](client, path)
    end)
    local own = {}
    for _, line in ipairs(lines) do
      if line.level == "warn" and line.message:find("by GET " .. pattern, 1, true) then
        own[#own + 1] = line.message
      end
    end
    return own, answer
  end

  local FORMAT = "^the loop was held for (%%d+) ms by GET %s %%(request [%%x-]+%%-%%d+, %s%%), before it waited again "
    .. "or ended at (.*)$"

  it("logs how long which route held it, in which request, and where", function()
    local line
    local own = ask("/held/{id}", "/held/7", function()
      hold(HELD_SECONDS)
      line = line_here() + 1
      tg.sleep(1)
      return "x"
    end)
    local milliseconds, place = own[1]:match(FORMAT:format("/held/{id}", "/held/7"))
    assert.is_true(tonumber(milliseconds) >= LIMIT_SECONDS * 1000, own[1])
    assert.equal("tests/spec/watch_spec.lua:" .. line, place)
  end)

  it("names the route's place where the task has ended", function()
    local own = ask("/ended", "/ended", function()
      hold(HELD_SECONDS)
      return "x"
    end)
    assert.matches(FORMAT:format("/ended", "/ended"), own[1])
    assert.matches("at routes/x.lua:7$", own[1])
  end)

  it("names the request's id as the client has it", function()
    local id
    local own = ask("/id", "/id", function(request)
      id = request.id
      hold(HELD_SECONDS)
    end)
    assert.matches("(request " .. id .. ", /id)", own[1], 1, true)
  end)

  it("charges the child of a gather to the route of its request, however deep", function()
    local own = ask("/deep", "/deep", function()
      tg.gather { function()
        tg.map({ 1 }, function()
          tg.scope(function(scope)
            scope:spawn(function()
              tg.sleep(1)
              hold(HELD_SECONDS)
            end)
          end)
        end)
      end }
    end)
    assert.matches(FORMAT:format("/deep", "/deep"), own[1])
    assert.is_true(watch.counts()["GET /deep"].turns >= 1)
  end)

  it("charges what holds it within a coroutine of the route's own", function()
    local own = ask("/wrap", "/wrap", function()
      for _ in coroutine.wrap(function()
        hold(HELD_SECONDS)
        tg.sleep(1)
        coroutine.yield(1)
      end) do
        tg.sleep(1)
      end
    end)
    assert.matches(FORMAT:format("/wrap", "/wrap"), own[1])
  end)

  it("charges HEAD to the route of GET", function()
    assert.matches("by GET /head ", ask("/head", "/head", function()
      hold(HELD_SECONDS)
      return "x"
    end, "head")[1], 1, true)
  end)

  it("charges a route that fails", function()
    local own, answer = ask("/fails", "/fails", function()
      hold(HELD_SECONDS)
      error "boom"
    end)
    assert.equal(500, answer.status)
    assert.matches("^the loop was held", own[1])
  end)

  it("knows background tasks, and requests that no route serves", function()
    local client = t.app(function(app)
      app:use(function(request, next)
        hold(HELD_SECONDS)
        return next(request)
      end)
    end)
    local lines = server.logged(function()
      client:get "/nowhere"
      tg.background(function()
        hold(HELD_SECONDS)
      end)
      t.clock.settle()
    end)
    local text = {}
    for index, line in ipairs(lines) do
      text[index] = line.message
    end
    text = table.concat(text, "\n")
    assert.matches("ms by GET (no route) (request ", text, 1, true)
    assert.matches("ms by background, before", text, 1, true)
    assert.is_true(watch.counts()["GET (no route)"].turns >= 1)
    assert.is_true(watch.counts()["background"].turns >= 1)
  end)

  it("counts turns, seconds and the longest for each route", function()
    ask("/counted", "/counted", function()
      for _ = 1, 3 do
        hold(HELD_SECONDS)
        tg.sleep(1)
      end
    end)
    local count = watch.counts()["GET /counted"]
    assert.is_true(count.turns >= 3)
    assert.is_true(count.seconds >= 3 * LIMIT_SECONDS and count.longest >= LIMIT_SECONDS)
    assert.is_true(count.longest < count.seconds)
    assert.matches(("GET /counted held the loop %d times, %.0f ms at the longest\n"):format(count.turns,
      count.longest * 1000), watch.render(), 1, true)
  end)

  it("says nothing of a turn that was short", function()
    core.on_stall(1e9, function()
      error "nobody holds it"
    end)
    assert.same({}, ask("/short", "/short", function()
      return "x"
    end))
    assert.is_nil(watch.counts()["GET /short"])
    assert.not_matches("/short", watch.render(), 1, true)
  end)
end)
