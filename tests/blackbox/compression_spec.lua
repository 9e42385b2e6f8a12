-- Compression, both ways, by the real gateway: what its settings say reaches the routes.
local compress = require "tidegate.compress"
local tg = require "tidegate"
local folder = require "tests.support.folder"
local gateway = require "tests.support.gateway"

local ROUTES = [[
local tg = require "tidegate"

return function(app)
  app:get("/text", function()
    return ("text "):rep(100)
  end)
  app:get("/pieces", function()
    return tg.response { headers = { ["Content-Type"] = "text/x-own" }, body = function(write)
      for number = 1, 3 do
        write(("%d "):format(number):rep(100000))
      end
    end }
  end)
  app:static("/files", tg.env "TIDEGATE_TEST_FILES")
  app:post("/size", function(request)
    return { size = #request:body { decode = true } }
  end)
end
]]

describe("compression #realtime", function()
  local serving, files

  local function start(options)
    files = folder.new { ["a.txt"] = ("text "):rep(100000) }
    serving = gateway.start {
      routes = { ["routes.lua"] = ROUTES }, options = options, environment = { TIDEGATE_TEST_FILES = files.path },
    }
  end

  after_each(function()
    serving:wait_until_idle()
    serving:stop()
    files:remove()
  end)

  local function get(path, accepted)
    return tg.http.get(serving.url .. path, { headers = { ["Accept-Encoding"] = accepted } })
  end

  it("is off", function()
    start {}
    assert.is_nil(get("/text", "gzip").headers["content-encoding"])
  end)

  it("follows its settings", function()
    start { "--compress", "--compress-bytes-min=500", "--compress-types=text/plain", "--compress-types=text/x-own" }
    local answer = get("/text", "gzip, br")
    assert.equal("br", answer.headers["content-encoding"])
    assert.equal(("text "):rep(100), compress.decode("br", answer:body()))
    answer = get("/pieces", "gzip")
    assert.equal("gzip", answer.headers["content-encoding"])
    assert.equal(600000, #compress.decode("gzip", answer:body(), { ratio_max = 0 }))
    answer = get("/files/a.txt", "zstd")
    assert.equal("zstd", answer.headers["content-encoding"])
    assert.equal(("text "):rep(100000), compress.decode("zstd", answer:body(), { ratio_max = 0 }))
  end)

  it("is undone within the limits of a body", function()
    start { "--body-bytes-max=5000" }
    local function post(size)
      local body = compress.encode("zstd", ("x"):rep(size))
      return tg.http.post(serving.url .. "/size", { body = body, headers = { ["Content-Encoding"] = "zstd" } })
    end
    assert.equal(5000, post(5000):json().size)
    assert.equal(413, post(5001).status)
  end)
end)
