-- Handing on, and the two settings of it, with a gateway that has another one behind it: itself.
local tg = require "tidegate"
local folder = require "tests.support.folder"
local gateway = require "tests.support.gateway"

local ROUTES = [[
local tg = require "tidegate"
return function(app)
  app:get("/seen/{path...}", function(request)
    local seen = { path = request.path }
    for name, value in pairs(request.headers) do
      seen[name] = value
    end
    return seen
  end)
  app:get("/front/{path...}", function(request)
    local answer = tg.http.get(app:url() .. "/seen/" .. request.params.path, { headers = request.headers })
    return answer.status, answer:body(), answer.headers
  end)
end
]]

local REQUEST = "GET %s HTTP/1.1\r\nHost: test\r\nX-Forwarded-For: 1.2.3.4\r\nConnection: X-Secret\r\nX-Secret: 1\r\n"
  .. "Authorization: kept\r\n\r\n"

local function start(options, listen)
  return gateway.start { routes = { ["routes.lua"] = ROUTES }, options = options, listen = listen }
end

local function seen_through(serving, path)
  return tg.json.decode(serving:ask(REQUEST:format(path or "/front/x")).body)
end

describe("class 9: a request that goes through the gateway", function()
  it("says who its client is, and loses what belongs to the connection", function()
    local serving = start {}
    local seen = seen_through(serving)
    assert.equal("127.0.0.1", seen["x-forwarded-for"])
    assert.equal("test", seen["x-forwarded-host"])
    assert.equal("http", seen["x-forwarded-proto"])
    assert.equal("kept", seen.authorization)
    assert.is_nil(seen["x-secret"])
    serving:stop()
  end)

  it("adds a trusted proxy to what that says", function()
    local serving = start { "--trusted-proxies=127.0.0.0/8", "--trusted-proxies=::1" }
    assert.equal("1.2.3.4, 127.0.0.1", seen_through(serving)["x-forwarded-for"])
    serving:stop()
  end)

  for trusted, expected in pairs { ["unix:"] = "1.2.3.4", ["::1"] = false } do
    it("from a Unix socket has no address, with trust in " .. trusted, function()
      local place = folder.new()
      local serving = start({ "--trusted-proxies=" .. trusted }, { "127.0.0.1:0", "unix:" .. place:file "socket" })
      local stream = tg.unix.connect(place:file "socket")
      stream:write(REQUEST:format "/front/x")
      local head = stream:read_until "\r\n\r\n"
      local seen = tg.json.decode(stream:read(tonumber(head:match "Content%-Length: (%d+)")))
      stream:close()
      assert.equal(expected, seen["x-forwarded-for"] or false)
      assert.equal("test", seen["x-forwarded-host"])
      serving:stop()
      place:remove()
    end)
  end
end)

describe("class 7: doubled slashes", function()
  it("stay, and are merged where a setting says so", function()
    local serving = start {}
    assert.equal("/seen//a%2F%2Fb//c", seen_through(serving, "/seen//a%2f%2fb//c").path)
    assert.equal(404, serving:ask(REQUEST:format "//seen/a").status)
    serving:stop()
    serving = start { "--merge-slashes" }
    assert.equal("/seen/a%2F%2Fb/c", seen_through(serving, "//seen//a%2f%2fb///c").path)
    serving:stop()
  end)
end)
