local errors = require "tidegate.errors"
local tg = require "tidegate"

describe("tg.url.encode", function()
  it("encodes every byte but those that never need it, and decode undoes it", function()
    for byte = 0, 255 do
      local char = string.char(byte)
      local stays = char:find "^[%w%-._~]$" ~= nil
      assert.equal(stays and char or ("%%%02X"):format(byte), tg.url.encode(char))
      assert.equal(char, tg.url.decode(tg.url.encode(char)))
    end
    assert.equal("", tg.url.encode "")
    assert.equal("a%2Fb%20%C3%BC", tg.url.encode "a/b ü")
    assert.equal("9007199254740992", tg.url.encode(2 ^ 53))
    assert.equal("0.30000000000000004", tg.url.encode(0.1 + 0.2))
  end)

  it("refuses what is no text", function()
    for _, value in ipairs { {}, print, 0 / 0, math.huge, tg.null } do
      assert.is_false((pcall(tg.url.encode, value)))
    end
    local ok, message = pcall(function() return (tg.url.encode(nil)) end)
    assert.is_false(ok)
    assert.matches("url_spec.lua:%d+: tg.url.encode: a value must be a string, a number or a boolean, not nil", message)
  end)
end)

describe("tg.url.decode", function()
  it("leaves a plus sign", function()
    assert.equal("a+b c", tg.url.decode "a+b%20c")
    assert.equal("%41", tg.url.decode "%2541")
  end)

  it("refuses a malformed escape", function()
    for _, text in ipairs { "%", "a%4", "%zz", "%%41", "100% sure", "%-1", "%u0041" } do
      local ok, err = pcall(tg.url.decode, text)
      assert.is_false(ok)
      assert.is_true(errors.is_error(err))
      assert.equal("url", err.kind)
      assert.equal(("tg.url.decode: %q has a %% without two hexadecimal digits after it"):format(text), tostring(err))
    end
    assert.is_false((pcall(tg.url.decode, 5)))
    assert.is_false((pcall(tg.url.decode, nil)))
  end)
end)

describe("tg.url.parse", function()
  it("takes a URL apart", function()
    local cases = {
      ["http://a"] = { scheme = "http", host = "a", port = 80, path = "/" },
      ["HTTPS://Example.COM/Path?Q=1#F"] = {
        scheme = "https", host = "example.com", port = 443, path = "/Path", query = "Q=1", fragment = "F",
      },
      ["ws://user:pass@h:8080/x"] = { scheme = "ws", user = "user:pass", host = "h", port = 8080, path = "/x" },
      ["http://[2001:DB8::1]:1/"] = { scheme = "http", host = "2001:db8::1", port = 1, path = "/" },
      ["redis://h/0"] = { scheme = "redis", host = "h", path = "/0" },
      ["http://a?#"] = { scheme = "http", host = "a", port = 80, path = "/", query = "", fragment = "" },
      ["http://a/p#f?g#h"] = { scheme = "http", host = "a", port = 80, path = "/p", fragment = "f?g#h" },
      ["http://a/%2e%2E/b%2Fc?x=%26"] = {
        scheme = "http", host = "a", port = 80, path = "/%2e%2E/b%2Fc", query = "x=%26",
      },
      ["http://a:/x//y?z?"] = { scheme = "http", host = "a", port = 80, path = "/x//y", query = "z?" },
    }
    for text, parts in pairs(cases) do
      assert.same(parts, tg.url.parse(text))
    end
  end)

  it("says what is wrong with a text that is none", function()
    for text, message in pairs {
      [""] = "does not begin with http:// or another scheme",
      ["/path"] = "does not begin with http:// or another scheme",
      ["mailto:a@b"] = "does not begin with http:// or another scheme",
      ["http://"] = "has no host",
      ["http://@/"] = "has no host",
      ["http://a b/"] = "has a host that cannot be read",
      ["http://a:70000/"] = "has \":70000\" where a port from 1 to 65535 is expected",
      ["http://a/\n"] = "has a control character",
    } do
      local ok, wrong = pcall(tg.url.parse, text)
      assert.is_false(ok)
      assert.matches(("the URL %q %s"):format(text, message), wrong, 1, true)
    end
  end)

  it("says so of a long one in a short message", function()
    local ok, message = pcall(tg.url.parse, ("x"):rep(100000))
    assert.is_false(ok)
    assert(#message < 500)
  end)
end)
