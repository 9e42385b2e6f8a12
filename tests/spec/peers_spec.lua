-- Whose request it is, behind proxies that are trusted and others. Real sockets, so that there are addresses.
local forwarding = require "tidegate.forwarding"
local tg = require "tidegate"
local server = require "tests.support.server"
local socket = require "tests.support.socket"

local function seen(fields)
  local got
  server.get(function(request)
    got = {
      address = request.remote_address, scheme = request.scheme, host = request.host, id = request.id,
      peer = request.peer,
    }
    return ""
  end, "/", fields)
  return got
end

local PROXIED = { "X-Forwarded-For: 6.6.6.6, 1.2.3.4", "X-Forwarded-Proto: https", "X-Forwarded-Host: shop.example",
  "X-Forwarded-Port: 8443", "X-Request-Id: edge-17" }

-- What an upstream gets of a request with these fields, as {[name in lower case] = value}.
local function handed_on(fields)
  local head = socket.head_of(function(url)
    server.get(function(request)
      return tg.http.get(url, { headers = request.headers })
    end, "/", fields)
  end)
  local values = {}
  for name, value in head:gmatch "\r\n([^:\r\n]+): ([^\r\n]*)" do
    values[name:lower()] = value
  end
  return values
end

describe("a request #realtime", function()
  after_each(function()
    forwarding.trust {}
  end)

  it("knows the other end of its connection", function()
    local got = seen {}
    assert.matches("^127%.0%.0%.1:%d+$", got.peer)
    assert.equal("127.0.0.1", got.address)
  end)

  it("takes nobody's word who is not trusted", function()
    for _, trusted in ipairs { {}, { "10.0.0.0/8", "::1", "unix:" } } do
      forwarding.trust(trusted)
      local got = seen(PROXIED)
      assert.same({ "127.0.0.1", "http", "test" }, { got.address, got.scheme, got.host })
      assert.matches("^%x+%-%x+$", got.id)
    end
  end)

  it("takes the word of a trusted proxy", function()
    for _, network in ipairs { "127.0.0.1", "127.0.0.0/8", "::ffff:127.0.0.1", "126.0.0.0/7" } do
      forwarding.trust { network, "10.0.0.1" }
      local got = seen(PROXIED)
      assert.same({ "1.2.3.4", "https", "shop.example:8443", "edge-17" }, { got.address, got.scheme, got.host, got.id })
      assert.matches("^127%.0%.0%.1:%d+$", got.peer)
    end
  end)

  it("takes a name for a client where a proxy has no more of it", function()
    forwarding.trust { "127.0.0.1" }
    for field, address in pairs {
      ["Forwarded: for=_hidden"] = "_hidden",
      ["Forwarded: for=unknown;proto=https"] = "unknown",
      ['Forwarded: for="[::ffff:1.2.3.4]:80"'] = "1.2.3.4",
      ['Forwarded: for="[2001:DB8::1]:80"'] = "2001:db8::1",
      ["X-Forwarded-For: garbage"] = "127.0.0.1",
      ["X-Forwarded-For: "] = "127.0.0.1",
    } do
      assert.equal(address, seen({ field }).address, field)
    end
  end)

  it("is bounded by a thousand hops", function()
    forwarding.trust { "127.0.0.1", "10.0.0.0/8" }
    assert.equal("10.0.0.1", seen({ "X-Forwarded-For: 6.6.6.6" .. (", 10.0.0.1"):rep(1000) }).address)
    assert.equal("1.2.3.4", seen({ "X-Forwarded-For: " .. ("6.6.6.6, "):rep(1000) .. "1.2.3.4, 10.0.0.1" }).address)
  end)

  it("has its proxy's id in a problem", function()
    forwarding.trust { "127.0.0.1" }
    local answer = server.get(function()
      tg.abort(418)
    end, "/", { "X-Request-Id: edge-17" })
    assert.equal("edge-17", tg.json.decode(answer.body).request_id)
  end)

  it("has its proxy's id in the log", function()
    forwarding.trust { "127.0.0.1" }
    local lines = server.logged(function()
      server.get(function()
        error "broken"
      end, "/", { "X-Request-Id: edge-17" })
    end)
    assert.matches("GET / failed (request edge-17)", lines[1].message, 1, true)
  end)

  it("is handed on as it is seen", function()
    forwarding.trust { "127.0.0.1" }
    local got = handed_on(PROXIED)
    assert.equal("6.6.6.6, 1.2.3.4, 127.0.0.1", got["x-forwarded-for"])
    assert.equal("https", got["x-forwarded-proto"])
    assert.equal("shop.example:8443", got["x-forwarded-host"])
    assert.equal("8443", got["x-forwarded-port"])
  end)

  it("hands on only the fields that are believed", function()
    forwarding.trust { "127.0.0.1" }
    local got = handed_on { "X-Forwarded-For: 1.2.3.4", "Forwarded: for=6.6.6.6", "X-Real-IP: 6.6.6.6",
      "X-Forwarded-Proto: ftp" }
    assert.equal("1.2.3.4, 127.0.0.1", got["x-forwarded-for"])
    assert.is_nil(got.forwarded)
    assert.equal("1.2.3.4", got["x-real-ip"])
    assert.equal("http", got["x-forwarded-proto"])
  end)

  it("hands Forwarded on, and says the same in the other fields", function()
    forwarding.trust { "127.0.0.1" }
    local got = handed_on { 'Forwarded: for="[2001:db8::1]:99";proto=https;host=shop.example' }
    assert.equal("2001:db8::1, 127.0.0.1", got["x-forwarded-for"])
    assert.equal("https", got["x-forwarded-proto"])
    assert.equal("shop.example", got["x-forwarded-host"])
    assert.equal('for="[2001:db8::1]:99";proto=https;host=shop.example, for=127.0.0.1', got.forwarded)
  end)
end)

describe("a client that has left #realtime", function()
  after_each(function()
    forwarding.trust {}
  end)

  it("leaves its address behind", function()
    forwarding.trust { "127.0.0.1" }
    local got, is_read = nil, tg.event()
    local connection = server.connect(function(request)
      tg.shield(function()
        pcall(tg.sleep, 0.05)
        got = { request.peer, request.remote_address, request.scheme, request.host, request.id }
        is_read:set()
      end)
    end)
    connection:send("GET / HTTP/1.1\r\nHost: test\r\n" .. table.concat(PROXIED, "\r\n") .. "\r\n\r\n")
    tg.sleep(0.01)
    connection:close()
    is_read:wait()
    assert.matches("^127%.0%.0%.1:%d+$", got[1])
    assert.same({ "1.2.3.4", "https", "shop.example:8443", "edge-17" }, { unpack(got, 2) })
  end)
end)
