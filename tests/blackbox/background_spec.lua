-- Background tasks at the end of the gateway.
local tg = require "tidegate"
local folder = require "tests.support.folder"
local gateway = require "tests.support.gateway"
local process = require "tests.support.process"

local PATIENT, HURRIED = "--drain-timeout-ms=60000", "--drain-timeout-ms=50"

-- Starts a gateway whose routes can wait for a gate, which the test opens.
local function with_gate(register, fn, ...)
  local place = folder.new()
  local path = place:file "gate"
  local serving = gateway.start {
    routes = { ["a.lua"] = ([[
      local tg = require "tidegate"
      local function wait_for_gate()
        while true do
          local file = io.open(%q)
          if file then return file:close() end
          tg.sleep(0.002)
        end
      end
      return function(app)
      %s
      end]]):format(path, register) },
    options = { ... },
  }
  fn(serving, function()
    place:write("gate", "")
  end)
  place:remove()
end

describe("A background task at the end of the gateway", function()
  it("is waited for", function()
    with_gate([[
      app:post("/start", function()
        tg.background(function() tg.log.info "begun" wait_for_gate() tg.log.info "done" end)
        return 202
      end)]], function(serving, open_gate)
      tg.http.post(serving.url .. "/start")
      serving:wait_for_log "begun"
      serving.process:signal(process.SIGTERM)
      serving:wait_for_log "stopping;"
      open_gate()
      local log = serving:wait_for_end()
      assert.matches("info begun\n.*info stopping;.*info done\n.*info stopped\n$", log)
      assert.not_matches("cancel", log)
    end, PATIENT)
  end)

  it("is waited for where a request has deferred it", function()
    with_gate([[
      app:get("/start", function()
        tg.defer(function() tg.log.info "begun" wait_for_gate() tg.log.info "done" end)
        return "x"
      end)]], function(serving, open_gate)
      assert.equal("x", serving:get("/start"):body())
      serving:wait_for_log "begun"
      serving.process:signal(process.SIGTERM)
      serving:wait_for_log "stopping;"
      open_gate()
      local log = serving:wait_for_end()
      assert.matches("info begun\n.*info stopping;.*info done\n.*info stopped\n$", log)
    end, PATIENT)
  end)

  it("is cancelled after the limit, and that is logged", function()
    with_gate([[
      app:post("/start", function()
        tg.background(function()
          local ok, err = pcall(tg.sleep, 3600)
          tg.shield(function() tg.sleep(0.01) tg.log.info "cleaned up" end)
          error(err, 0)
        end)
        return 202
      end)]], function(serving)
      tg.http.post(serving.url .. "/start")
      serving.process:signal(process.SIGTERM)
      local log = serving:wait_for_end()
      assert.matches("warn cancelling what is still under way\n.*info cleaned up\n.*"
        .. "info the background task of [^\n]*a.lua:%d+ was cancelled: shutdown\n.*info stopped\n$", log)
    end, HURRIED)
  end)

  it("is cancelled by a second signal", function()
    with_gate([[app:post("/start", function() tg.background(tg.sleep, 3600) return 202 end)]], function(serving)
      tg.http.post(serving.url .. "/start")
      serving.process:signal(process.SIGTERM)
      serving:wait_for_log "stopping;"
      serving.process:signal(process.SIGINT)
      assert.matches("warn cancelling .* was cancelled: shutdown\n.*info stopped\n$", serving:wait_for_end())
    end, PATIENT)
  end)

  it("cannot start another one", function()
    with_gate([[
      app:post("/start", function()
        tg.background(function()
          wait_for_gate()
          while pcall(tg.background, function() end) do tg.sleep(0.001) end -- until the requests have ended
          tg.background(print)
        end)
        return 202
      end)]], function(serving, open_gate)
      tg.http.post(serving.url .. "/start")
      serving.process:signal(process.SIGTERM)
      serving:wait_for_log "stopping;"
      open_gate()
      local log = serving:wait_for_end()
      assert.matches("error the background task of .* failed: tg.background: the gateway is stopping\n", log)
    end, PATIENT)
  end)
end)

describe("app:every at the end of the gateway", function()
  it("ends at once in a pause, without a word", function()
    with_gate([[app:every(3600, print)]], function(serving)
      serving.process:signal(process.SIGTERM)
      local log = serving:wait_for_end()
      assert.matches("info stopped\n$", log)
      assert.not_matches("cancel", log)
    end, PATIENT)
  end)

  it("is waited for while its function runs, which is not called again", function()
    with_gate([[
      app:every(0.001, function() tg.log.info "begun" wait_for_gate() tg.log.info "done" end)
      ]], function(serving, open_gate)
      serving:wait_for_log "begun"
      serving.process:signal(process.SIGTERM)
      serving:wait_for_log "stopping;"
      open_gate()
      local log = serving:wait_for_end()
      assert.matches("info done\n.*info stopped\n$", log)
      assert.equal(1, select(2, log:gsub("info begun\n", "")))
      assert.not_matches("cancel", log)
    end, PATIENT)
  end)

  it("is cancelled after the limit while its function runs", function()
    with_gate([[app:every(0.001, function() tg.log.info "begun" tg.sleep(3600) end)]], function(serving)
      serving:wait_for_log "begun"
      serving.process:signal(process.SIGTERM)
      assert.matches("warn cancelling .*info the background task of [^\n]*a.lua:%d+ was cancelled: shutdown\n",
        serving:wait_for_end())
    end, HURRIED)
  end)
end)
