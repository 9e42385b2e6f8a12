-- What fails again and again: the first report of each place in full, and then counts.
local reports = require "tidegate.reports"
local t = require "tidegate.testing"
local tg = require "tidegate"
local server = require "tests.support.server"

local function messages(fn)
  local texts = {}
  for index, line in ipairs(server.logged(fn)) do
    texts[index] = line.level .. " " .. line.message
  end
  return texts
end

local function describe_it(text)
  return "in full: " .. text, text
end

local function write(key, text)
  reports.write("error", key, describe_it, text or key)
end

describe("reports", function()
  it("tell of the first of a place in full, and of the others how many there were in each second", function()
    assert.same({
      "error in full: a", "error in full: b",
      "error … 4,211 more in the last second: a", "error … 1 more in the last second: b",
      "error … 1,234,567 more in the last second: a",
      "error in full: a",
    }, messages(function()
      for _ = 1, 4212 do
        write "a"
      end
      write "b"
      write "b"
      tg.sleep(1.5)
      for _ = 1, 1234567 do
        write "a"
      end
      tg.sleep(3)
      write "a"
    end))
  end)

  it("tell of what comes once in a while in full each time", function()
    assert.equal(5, #messages(function()
      for _ = 1, 5 do
        write "a"
        tg.sleep(2)
      end
    end))
  end)

  it("tell of a place in full again when a second went by without it, and not before", function()
    assert.same({ "error in full: a", "error … 2 more in the last second: a", "error … 1 more in the last second: a" },
      messages(function()
        write "a"
        tg.sleep(0.4)
        write "a"
        write "a"
        tg.sleep(0.9)
        write "a"
        tg.sleep(5)
      end))
  end)

  it("keep what comes later than others for a second at least", function()
    assert.same({ "error in full: a", "error in full: b", "error … 1 more in the last second: b" }, messages(function()
      write "a"
      tg.sleep(0.9)
      write "b"
      tg.sleep(0.3)
      write "b"
      tg.sleep(5)
    end))
  end)

  it("have so many places, and count the rest together, in little memory", function()
    local texts = messages(function()
      for number = 1, 3000 do
        write(("x"):rep(1000) .. number, ("y"):rep(100000) .. number)
      end
      for number = 1, 3000 do
        write("place " .. number, ("y"):rep(1000))
      end
      assert.equal(200, reports.statistics().places)
      tg.sleep(1.5)
    end)
    assert.is_true(#texts <= 403)
    assert.matches("^error … [%d,]+ more in the last second, at other places$", texts[#texts])
    for _, text in ipairs(texts) do
      assert.is_true(not text:find "^error …" or #text < 400)
    end
    tg.sleep(5)
    assert.equal(0, reports.statistics().places)
  end)

  it("tell of what they have counted when they are flushed, and of nothing twice", function()
    assert.same({ "error in full: a", "error … 1 more in the last second: a" }, messages(function()
      write "a"
      write "a"
      reports.flush()
      reports.flush()
      tg.sleep(3)
    end))
    assert.same({}, messages(reports.flush))
  end)
end)

describe("a gateway that fails again and again", function()
  local function asked(register, path, count, options)
    local client = t.app(register, options)
    return messages(function()
      for _ = 1, count or 10 do
        pcall(client.get, client, path)
      end
      tg.sleep(1.5)
    end)
  end

  it("with a dead upstream has one full report, and counts", function()
    t.upstream { address = "http://up.test", failure = "reset" }
    local texts = asked(function(app)
      app:get("/things/{id}", function(request)
        return tg.http.get("http://up.test/" .. request.params.id)
      end)
    end, "/things/7")
    assert.equal(2, #texts)
    assert.matches("^error GET /things/7 failed %(request [%x-]+%): http://up.test/7 closed .*\nstack traceback:\n",
      texts[1])
    assert.matches("^error … 9 more in the last second: GET /things/{id} failed: http://up.test/7 closed [^\n]*$",
      texts[2])
  end)

  it("tells of each upstream, each route and each line", function()
    t.upstream { address = "http://one.test", failure = "reset" }
    t.upstream { address = "http://two.test", failure = "reset" }
    local function call(request)
      return tg.http.get("http://" .. request.params.host .. ".test/")
    end
    local client = t.app(function(app)
      app:get("/a/{host}", call)
      app:get("/b/{host}", call)
      app:get("/c", function() error "c" end)
      app:get("/d/{number}", function(request)
        error("number " .. request.params.number)
      end)
    end)
    local texts = messages(function()
      for _ = 1, 3 do
        for _, path in ipairs { "/a/one", "/a/two", "/b/one", "/c", "/d/1", "/d/2" } do
          client:get(path)
        end
      end
      tg.sleep(1.5)
    end)
    assert.equal(5 + 5, #texts)
    assert.matches("^error … 5 more in the last second: GET /d/{number} failed: .*: number 1$", texts[10])
  end)

  it("counts what has no route, whatever the paths are", function()
    local client = t.app(function(app)
      app:use(function() error "always" end)
    end)
    local texts = messages(function()
      for number = 1, 50 do
        client:get("/" .. number)
      end
      tg.sleep(1.5)
    end)
    assert.equal(2, #texts)
    assert.matches("^error … 49 more in the last second: a request without a route failed: ", texts[2])
  end)

  it("counts one place once, whatever a client's words in the error's text look like", function()
    local texts = asked(function(app)
      local count = 0
      app:get("/", function()
        count = count + 1
        error(("%d.lua:%d: said by a client"):format(count, count), 0)
      end)
    end, "/")
    assert.equal(2, #texts)
  end)

  it("counts clients that leave", function()
    t.app(function(app)
      app:get("/", function() tg.sleep(100) end)
    end)
    local texts = messages(function()
      for _ = 1, 20 do
        local stream = tg.tcp.connect("app.test", 80)
        stream:write "GET / HTTP/1.1\r\nHost: h\r\n\r\n"
        tg.sleep(0.01)
        stream:close()
      end
      tg.sleep(1.5)
    end)
    assert.equal(2, #texts)
    assert.matches("^info GET / cancelled .*: the client is gone → 0 children$", texts[1])
    assert.equal("info … 19 more in the last second: GET / cancelled: the client is gone", texts[2])
  end)

  it("counts answers that break off", function()
    local texts = asked(function(app)
      app:get("/", function()
        return tg.response { body = function(put)
          put "x"
          tg.fail_after(0.01, tg.sleep, 1)
        end }
      end)
    end, "/")
    assert.equal(2, #texts)
    assert.matches("^warn … 9 more in the last second: GET / broke off its answer: the deadline", texts[2])
  end)

  it("counts background tasks, and what app:every calls", function()
    local texts = messages(function()
      t.app(function(app)
        app:every(0.1, function() error "tick" end, { jitter = 0 })
      end)
      for _ = 1, 3 do
        tg.background(function() error "once" end)
      end
      tg.sleep(1.25)
    end)
    assert.equal(4, #texts)
    local all = table.concat(texts, "\n")
    assert.matches("… 2 more in the last second: the background task of tests/spec/reports_spec.lua:%d+ failed: ", all)
    assert.matches("… %d+ more in the last second: the background task of .-: tick", all)
  end)

  it("writes each line that a script logs", function()
    local texts = asked(function(app)
      app:get("/", function()
        tg.log.error "mine"
      end)
    end, "/")
    assert.equal(10, #texts)
  end)
end)
