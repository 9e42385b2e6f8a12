-- t.app: which settings a test may give, and from where its requests seem to come.
local settings = require "tidegate.cli.settings"
local t = require "tidegate.testing"
local tg = require "tidegate"

-- The settings that are no options of t.app, and why.
local NO_OPTIONS = {
  listen = "a test's app has no socket",
  listen_mode = "it has no socket",
  routes = "it is the first argument",
  log_level = "tg.log.set_level sets it, and t.logs has every line",
  log_format = "t.logs has messages and fields",
  access_log = "a file of the process, which no route sees",
  access_log_format = "as access_log",
  access_log_buffer_bytes_max = "as access_log",
  stall_warn_ms = "it measures real time, and a test's is virtual",
  admin_socket = "a socket of the process, which no route sees",
  blocking_threads_max = "the threads of the process have begun by then",
  blocking_queue_max = "as blocking_threads_max",
  drain_timeout_ms = "how a process ends",
}

describe("A setting", function()
  local options = {}
  for _, name in ipairs(t._app_options()) do
    options[name] = true
  end

  for _, setting in ipairs(settings.list) do
    it(setting.name .. " is an option of t.app, or there is a reason why not", function()
      assert.is_true((options[setting.name] or false) ~= (NO_OPTIONS[setting.name] ~= nil))
    end)
  end
end)

local function app_of(options)
  return t.app(function(app)
    app:get("/", function(request)
      return { address = request.remote_address, peer = request.peer, scheme = request.scheme, host = request.host }
    end)
  end, options)
end

local CLAIMS = { headers = { ["X-Forwarded-For"] = "6.6.6.6, 1.2.3.4", ["X-Forwarded-Proto"] = "https" } }

describe("A request of t.app", function()
  it("comes from no address, or from that of `peer`", function()
    for peer, seen in pairs {
      [""] = { "pair:", "pair:" }, ["203.0.113.9"] = { "203.0.113.9", "203.0.113.9:50000" },
      ["203.0.113.9:81"] = { "203.0.113.9", "203.0.113.9:81" }, ["[::1]:9"] = { "::1", "[::1]:9" },
      ["2001:DB8:0::1"] = { "2001:db8::1", "[2001:db8::1]:50000" },
      ["::ffff:1.2.3.4"] = { "1.2.3.4", "1.2.3.4:50000" }, ["unix:"] = { "unix:", "unix:" },
    } do
      local got = app_of { peer = peer ~= "" and peer or nil }:get("/"):json()
      assert.same(seen, { got.address, got.peer })
    end
  end)

  it("comes from elsewhere by app:from, and asks for the same host", function()
    local app = app_of { peer = "203.0.113.9" }
    local other = app:from "198.51.100.7"
    assert.equal("198.51.100.7", other:get("/"):json().address)
    assert.equal("203.0.113.9", app:get("/"):json().address)
    assert.equal("unix:", other:from("unix:"):get("/"):json().address)
    assert.equal(other, app:from "198.51.100.7")
    assert.equal(app.url, other.url)
    assert.equal("app.test", other:get("/"):json().host)
  end)

  it("is believed about its client where its peer is a trusted proxy", function()
    local app = app_of { peer = "10.0.0.1", trusted_proxies = { "10.0.0.0/8", "unix:" } }
    assert.same({ address = "1.2.3.4", scheme = "https", peer = "10.0.0.1:50000", host = "app.test" },
      app:get("/", CLAIMS):json())
    assert.equal("1.2.3.4", app:from("unix:"):get("/", CLAIMS):json().address)
    assert.equal("203.0.113.9", app:from("203.0.113.9"):get("/", CLAIMS):json().address)
  end)

  it("is believed in no later test", function()
    assert.equal("10.0.0.1", app_of { peer = "10.0.0.1" }:get("/", CLAIMS):json().address)
  end)

  it("counts for its address", function()
    local app = t.app(function(app)
      app:get("/", function() tg.sleep(10) return "x" end)
    end, { connections_per_address_max = 1, peer = "203.0.113.9" })
    local statuses = tg.gather { function() return app:get("/").status end,
      function() tg.sleep(1) return app:get("/").status end,
      function() tg.sleep(1) return app:from("203.0.113.8"):get("/").status end }
    assert.same({ 200, 503, 200 }, statuses)
  end)
end)

describe("t.app", function()
  it("refuses what is no peer and no list of proxies, and says what would be", function()
    for option, value in pairs { peer = "nobody", trusted_proxies = "10.0.0.0/8" } do
      local ok, err = pcall(app_of, { [option] = value })
      assert.is_false(ok)
      assert.matches("testing_app_spec.lua:%d+: t.app: " .. option .. " must be a", err)
    end
    local ok, err = pcall(app_of { }.from, app_of {}, "10.0.0.0/8")
    assert.is_false(ok)
    assert.matches('client:from takes an address, as "203.0.113.9", or "unix:", not the string "10.0.0.0/8"', err, 1,
      true)
    assert.matches("called with a colon", select(2, pcall(app_of({}).from, "1.2.3.4")), 1, true)
  end)
end)
