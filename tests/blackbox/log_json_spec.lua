-- The log as JSON: each line an object, whoever writes it.
local cjson = require "cjson"
local gateway = require "tests.support.gateway"

local ROUTES = [[
local tg = require "tidegate"
return function(app)
  app:get("/say", function(request)
    tg.log.info(request.query.text or "said", { order = 7, cookie = "hunter2", text = request.query.text })
    return request.id
  end)
  app:get("/fails", function() error "as told" end)
  app:get("/holds", function()
    local till = os.clock() + 1.5
    while os.clock() < till do end
    return "held"
  end)
end
]]

local function entries_of(log)
  local entries = {}
  for line in log:gmatch "[^\n]+" do
    entries[#entries + 1] = cjson.decode(line)
  end
  return entries
end

local function find(log, wanted)
  for _, entry in ipairs(entries_of(log)) do
    if entry.message:find(wanted, 1, true) then
      return entry
    end
  end
  error("no line says " .. wanted)
end

describe("--log-format json", function()
  local serving = gateway.of_block { routes = { ["routes.lua"] = ROUTES }, options = { "--log-format", "json" } }

  it("writes an object for each line", function()
    local id = serving:get("/say"):body()
    local entry = find(serving:wait_for_log "said", "said")
    assert.matches("^%d%d%d%d%-%d%d%-%d%dT%d%d:%d%d:%d%d%.%d%d%dZ$", entry.time)
    entry.time = nil
    assert.same({ level = "info", message = "said", order = 7, cookie = "(redacted)", request = id }, entry)
  end)

  it("says with fields what the gateway says", function()
    local id = serving:get("/fails"):json().request_id
    local entry = find(serving:wait_for_log "as told", "as told")
    assert.same({ "error", "GET", "/fails", "GET /fails", id },
      { entry.level, entry.method, entry.path, entry.route, entry.request })
    assert.matches("^stack traceback:\n", entry.traceback)
    assert.is_true(find(serving:log(), "listens on").routes >= 3)
  end)

  it("cannot be forged", function()
    serving:get("/say", { query = { text = 'a\n{"level":"error"}\27[2J\255"end' } })
    local entry = find(serving:wait_for_log "end", "end")
    assert.equal('a\n{"level":"error"}\27[2J\239\191\189"end', entry.message)
    assert.equal(entry.message, entry.text)
  end)

  it("names what holds the loop, while it does", function()
    serving:get "/holds"
    local entry = find(serving:wait_for_log "the loop is held by", "the loop is held by GET /holds")
    assert.matches("^%x+%-%x+$", entry.request)
  end)
end)
