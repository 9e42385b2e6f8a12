-- Fields behind a message: as text and as JSON, whatever a script gives.
local core = require "tidegate.core"
local cjson = require "cjson"
local log = require "tidegate.log"
local log_fields = require "tidegate.log_fields"
local task = require "tidegate.task"
local tg = require "tidegate"
local t = require "tidegate.testing"
local server = require "tests.support.server"

local RESERVED = { time = true, level = true, message = true, request = true }

local function decoded(fields)
  return cjson.decode("{" .. log_fields.render(fields, RESERVED):sub(2) .. "}")
end

-- What core.log gets, as text, of a call.
local function text_of(fn)
  local whole = {}
  local write = core.log
  core.log = function(level, message, fields)
    whole[#whole + 1] = level .. " " .. message .. (fields or "")
  end
  local ok, err = pcall(fn)
  core.log = write
  assert(ok, err)
  return table.concat(whole, "\n")
end

local cycle = { name = "loop" }
cycle.itself = cycle

local speaks = setmetatable({}, { __tostring = function() return "spoken" end })
local fails = setmetatable({}, { __tostring = function() error "no" end })
local deep = { a = { b = { c = { d = { e = { f = 1 } } } } } }

-- {a field's value, as text, as JSON}
local values = {
  { 7, "v=7", '"v":7' },
  { 0.1, "v=0.1", '"v":0.1' },
  { 2 ^ 53, "v=9007199254740992", '"v":9007199254740992' },
  { 0 / 0, 'v="nan"', '"v":"nan"' },
  { math.huge, 'v="inf"', '"v":"inf"' },
  { true, "v=true", '"v":true' },
  { tg.null, "v=null", '"v":null' },
  { "plain", "v=plain", '"v":"plain"' },
  { "", 'v=""', '"v":""' },
  { "a b", 'v="a b"', '"v":"a b"' },
  { 'say "hi"=\\', 'v="say \\"hi\\"=\\\\"', '"v":"say \\"hi\\"=\\\\"' },
  { "two\nlines\ttab", 'v="two\\nlines\\ttab"', '"v":"two\\nlines\\ttab"' },
  { "\27[2J\127", 'v="\\u001b[2J\\u007f"', '"v":"\\u001b[2J\\u007f"' },
  { "\226\128\174x\194\155", 'v="\\u202ex\\u009b"', '"v":"\\u202ex\\u009b"' },
  { "\255\254", 'v="\239\191\189\239\191\189"', '"v":"\239\191\189\239\191\189"' },
  { "é€😀", 'v="é€😀"', '"v":"é€😀"' },
  { { 1, 2 }, 'v="[1,2]"', '"v":[1,2]' },
  { {}, 'v="{}"', '"v":{}' },
  { { b = 1, a = "x" }, 'v="{\\"a\\":\\"x\\",\\"b\\":1}"', '"v":{"a":"x","b":1}' },
  { print, 'v="(a function)"', '"v":"(a function)"' },
  { coroutine.create(print), 'v="(a thread)"', '"v":"(a thread)"' },
  { speaks, 'v="spoken"', '"v":"spoken"' },
  { fails, 'v="(a value whose __tostring fails)"', '"v":"(a value whose __tostring fails)"' },
  { cycle, 'v="{\\"itself\\":\\"(a table that holds itself)\\",\\"name\\":\\"loop\\"}"',
    '"v":{"itself":"(a table that holds itself)","name":"loop"}' },
  { deep, nil, '"v":{"a":{"b":{"c":{"d":{"e":"(a table, too deep)"}}}}}' },
}

describe("the fields of a message", function()
  for index, case in ipairs(values) do
    it(("are written, whatever they are: %d"):format(index), function()
      if case[2] then
        assert.equal(" " .. case[2], log_fields.render { v = case[1] })
      end
      assert.equal("," .. case[3], log_fields.render({ v = case[1] }, RESERVED))
    end)
  end

  it("stand in the order of their names", function()
    assert.equal(' a=1 b=2 "c d"=3', log_fields.render { b = 2, ["c d"] = 3, a = 1 })
  end)

  it("may have any keys", function()
    assert.same({ ["1"] = "x", ["true"] = 2, ["0.5"] = 3 }, decoded { "x", [true] = 2, [0.5] = 3 })
  end)

  it("do not stand in the place of the line's own", function()
    assert.same({ field_time = 1, field_level = 2, field_message = 3, field_request = 4, field_field_time = 5 },
      decoded { time = 1, level = 2, message = 3, request = 4, field_time = 5 })
  end)

  it("hold no secrets", function()
    for _, name in ipairs { "authorization", "Proxy-Authorization", "cookie", "Set-Cookie", "cookies", "password",
      "userPassword", "db_passwd", "secret", "client_secret", "token", "accessToken", "refresh_tokens", "X-Api-Key",
      "apikey", "private_key", "credentials" } do
      assert.equal("(redacted)", decoded({ [name] = "hunter2" })[name])
      assert.is_nil(log_fields.render({ deep = { [name] = "hunter2" } }):find("hunter2", 1, true), name)
    end
    for _, name in ipairs { "order", "token_count", "author", "passed", "key", "keyword" } do
      assert.equal("kept", decoded({ [name] = "kept" })[name])
    end
  end)

  it("are bounded", function()
    local many, list = {}, {}
    for number = 1, 5000 do
      many["name" .. number], list[number] = number, number
    end
    assert.is_true(#log_fields.render(many) < 2000)
    assert.equal("more", decoded(many)["…"])
    assert.equal("… (5000 items)", decoded({ list = list }).list[51])
    assert.matches("^x+… %(100000 bytes%)$", decoded({ long = ("x"):rep(100000) }).long)
    local wide = {}
    for number = 1, 50 do
      wide["n" .. number] = ("y"):rep(2000)
    end
    assert.is_true(#log_fields.render(wide) < 9000)
    assert.is_true(#log_fields.render({ [("n"):rep(1e6)] = 1 }) < 200)
  end)

  it("are those of a map of ours, too", function()
    local line
    server.get(function(request)
      line = log_fields.render { query = request.query, headers = request.headers }
      return ""
    end, "/?a=1&a=2", { "Cookie: s=hunter2", "X-A: 1" })
    assert.matches('query="{\\"a\\":\\"1\\"}"', line, 1, true)
    assert.matches('\\"x-a\\":\\"1\\"', line, 1, true)
    assert.is_nil(line:find("hunter2", 1, true))
  end)
end)

describe("tg.log with fields", function()
  it("writes them behind the message", function()
    assert.equal('info paid order=7 user="a b"', text_of(function()
      tg.log.info("paid", { order = 7, user = "a b" })
    end))
  end)

  it("leaves the message alone", function()
    assert.equal("warn 100 % %s a=1", text_of(function()
      tg.log.warn("100 % %s", { a = 1 })
    end))
  end)

  it("takes an object with a text of its own for an argument", function()
    assert.equal("error failed: spoken", text_of(function()
      tg.log.error("failed: %s", speaks)
    end))
  end)

  it("shows a table that stands for the message, or in a format, as JSON", function()
    assert.equal('info {"order":7}', text_of(function() tg.log.info { order = 7 } end))
    assert.equal('info got ["a"] of 2', text_of(function() tg.log.info("got %s of %d", { "a" }, 2) end))
    assert.matches("itself", text_of(function() tg.log.info(cycle) end), 1, true)
    assert.is_true(#text_of(function() tg.log.info { ("x"):rep(1e6) } end) < 10000)
  end)

  it("raises for nothing", function()
    local lines = text_of(function()
      tg.log.info("%d", "x")
      tg.log.info("%s %s", 1)
      tg.log.info("%y", 1)
      tg.log.info("two", { a = 1 }, { b = 2 })
      tg.log.info("%s %s", { a = 1 }, fails)
      tg.log.info(fails)
      tg.log.info(nil, { a = 1 })
      tg.log.info(print, cycle)
    end)
    assert.matches("info %d [", lines, 1, true)
    assert.matches("info nil a=1", lines, 1, true)
    assert.matches("(a value whose __tostring fails)", lines, 1, true)
  end)
end)

describe("t.logs", function()
  before_each(function()
    tg.log.info "from before_each"
  end)

  it("holds what was logged", function()
    tg.log.warn("paid", { order = 7, token = "hunter2" })
    tg.log.debug "not written"
    tg.log.error("%d times", 3)
    assert.same({
      { level = "info", message = "from before_each", fields = {}, time = t.logs[1].time },
      { level = "warn", message = "paid", fields = { order = 7, token = "(redacted)" }, time = tg.time() },
      { level = "error", message = "3 times", fields = {}, time = tg.time() },
    }, t.logs)
  end)

  it("is empty again for the next test", function()
    assert.equal(1, #t.logs)
  end)

  it("holds the gateway's lines with their fields, and the request's id", function()
    local app = t.app(function(app)
      app:get("/fails/{id}", function()
        tg.log.info "begins"
        error "broken"
      end)
    end)
    local id = app:get("/fails/7"):json().request_id
    local begins, failed = t.logs[2], t.logs[3]
    assert.same({ "begins", id }, { begins.message, begins.request })
    assert.same({ "error", id }, { failed.level, failed.request })
    assert.matches("^GET /fails/7 failed: .*broken$", failed.message)
    assert.same({ "GET", "/fails/7", "GET /fails/{id}", "string" },
      { failed.fields.method, failed.fields.path, failed.fields.route, failed.fields.error })
    assert.matches("^stack traceback:", failed.fields.traceback)
  end)

  -- [what the engine says] = {what makes it say so, the level, the message}
  local engine = {
    ["that there are too many connections"] = { function()
      local app = t.app(function(app)
        app:get("/", function() tg.sleep(10) return "x" end)
      end, { connections_max = 1 })
      tg.gather { function() app:get "/" end, function() tg.sleep(1) app:get "/" end }
    end, "warn", "^new connections are turned away with 503: " },
    ["that a task has died"] = { function()
      core.spawn(function() error "died" end)
      tg.sleep(1)
    end, "error", "log_fields_spec.lua:%d+: died\nstack traceback:\n" },
    ["that letting go has failed"] = { function()
      tg.gather { function() task.at_end(core.current(), function() error "kept" end) end }
    end, "error", "^releasing what a task held failed: .*kept$" },
  }

  for what, case in pairs(engine) do
    it("holds what the engine says: " .. what, function()
      case[1]()
      t.clock.settle()
      local found = {}
      for _, line in ipairs(t.logs) do
        if line.level == case[2] and line.message:find(case[3]) then
          found[#found + 1] = line
        end
      end
      assert.equal(1, #found)
      assert.same({}, found[1].fields)
      assert.is_true(found[1].time <= tg.time())
    end)
  end

  it("refuses formats that there are not", function()
    assert.has_error(function()
      log.set_format "xml"
    end)
  end)
end)
