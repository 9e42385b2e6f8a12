local log = require "tidegate.log"
local tg = require "tidegate"
local server = require "tests.support.server"

describe("tg.log", function()
  after_each(function()
    log.set_level "info"
  end)

  local function logged(fn)
    local texts = {}
    for _, line in ipairs(server.logged(fn)) do
      texts[#texts + 1] = line.level .. ": " .. line.message
    end
    return texts
  end

  local function log_at_every_level()
    log.debug "a"
    log.info "b"
    log.warn "c"
    log.error "d"
  end

  it("is what routes log with", function()
    assert.equal(log, tg.log)
  end)

  it("formats its arguments", function()
    assert.same({ "info: 1 is one", "warn: nil, true" }, logged(function()
      log.info("%d is %s", 1, "one")
      log.warn("%s, %s", nil, true)
    end))
  end)

  it("writes every digit of a number", function()
    assert.same({ "info: 9007199254740991", "info: 9007199254740991 0.30000000000000004 nan 7%", "info:       1e14|" },
      logged(function()
        log.info(2 ^ 53 - 1)
        log.info("%s %s %s %d%%", 2 ^ 53 - 1, 0.1 + 0.2, 0 / 0, 7)
        log.info("%10s|", "1e14")
      end))
  end)

  it("leaves a message alone that comes without arguments", function()
    assert.same({ "info: 100 % %s", "info: 5", "info: nil" }, logged(function()
      log.info "100 % %s"
      log.info(5)
      log.info(nil)
    end))
  end)

  it("writes from its level upwards", function()
    local expected = {
      debug = { "debug: a", "info: b", "warn: c", "error: d" },
      info = { "info: b", "warn: c", "error: d" },
      warn = { "warn: c", "error: d" },
      error = { "error: d" },
    }
    for level, lines in pairs(expected) do
      log.set_level(level)
      assert.same(lines, logged(log_at_every_level))
    end
  end)

  it("begins at info", function()
    assert.same({ "info: b", "warn: c", "error: d" }, logged(log_at_every_level))
  end)

  it("refuses a level that there is not", function()
    for _, wrong in ipairs { "loud", "", 5 } do
      local ok, message = pcall(log.set_level, wrong)
      assert.is_false(ok)
      assert.matches("the levels are debug, info, warn and error", message, 1, true)
    end
  end)
end)
