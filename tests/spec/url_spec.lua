local url = require "tidegate.url"

describe("url.parse", function()
  -- text, host, port, authority, target
  local cases = {
    { "http://example.com", "example.com", 80, "example.com", "/" },
    { "http://example.com/", "example.com", 80, "example.com", "/" },
    { "HTTP://Example.COM/Path", "example.com", 80, "example.com", "/Path" },
    { "http://example.com:8080/a/b", "example.com", 8080, "example.com:8080", "/a/b" },
    { "http://example.com:80/", "example.com", 80, "example.com", "/" },
    { "http://example.com:/", "example.com", 80, "example.com", "/" },
    { "http://127.0.0.1:1/x", "127.0.0.1", 1, "127.0.0.1:1", "/x" },
    { "http://[::1]/x", "::1", 80, "[::1]", "/x" },
    { "http://[2001:DB8::1]:65535/", "2001:db8::1", 65535, "[2001:db8::1]:65535", "/" },
    { "http://a?b=c", "a", 80, "a", "/?b=c" },
    { "http://a/p?b=c#fragment", "a", 80, "a", "/p?b=c" },
    { "http://a#fragment", "a", 80, "a", "/" },
    { "http://a/b c", "a", 80, "a", "/b%20c" },
    { "http://a/\xc3\xa9?q=\xc3\xa9", "a", 80, "a", "/%C3%A9?q=%C3%A9" },
    { "http://a/%2F%2f", "a", 80, "a", "/%2F%2f" },
  }
  for _, case in ipairs(cases) do
    it(("takes %q apart"):format(case[1]), function()
      local at = url.parse(case[1])
      assert.same({ case[2], case[3], case[4], case[5] }, { at.host, at.port, at.authority, at.target })
      assert.equal(case[5]:find("?", 1, true) ~= nil, at.has_query)
    end)
  end

  local wrong = {
    { "", "does not begin with http://" },
    { "/path", "does not begin with http://" },
    { "example.com", "does not begin with http://" },
    { "//example.com/", "does not begin with http://" },
    { "https://example.com/", "has the scheme https; only http is spoken here" },
    { "ftp://example.com/", "has the scheme ftp" },
    { "http://", "has no host" },
    { "http:///path", "has no host" },
    { "http://:8080/", "has no host" },
    { "http://user@example.com/", "a user and password do not belong into a URL" },
    { "http://user:secret@example.com/", "a user and password do not belong into a URL" },
    { "http://exa mple.com/", "has no host, or one that cannot be read" },
    { "http://a\r\nb/", "has a control character" },
    { "http://a\0b/", "has a control character" },
    { "http://a/x\r\nHost: evil", "has a control character" },
    { "http://a/?\127", "has a control character" },
    { "http://[::1/", "has no host, or one that cannot be read" },
    { "http://::1/", "has no host, or one that cannot be read" },
    { "http://a:b/", "has no host, or one that cannot be read" },
    { "http://a:-1/", "has no host, or one that cannot be read" },
    { "http://a:0/", "has a port that is none" },
    { "http://a:65536/", "has a port that is none" },
    { "http://a:99999999999999999999/", "has a port that is none" },
    { 5, "is a number, not a string" },
    { {}, "is a table, not a string" },
  }
  for _, case in ipairs(wrong) do
    it(("says what is wrong with %q"):format(tostring(case[1])), function()
      local ok, message = pcall(url.parse, case[1])
      assert.is_false(ok)
      assert.matches(case[2], message, 1, true)
    end)
  end

  it("says so for nil too", function()
    local ok, message = pcall(url.parse, nil)
    assert.is_false(ok)
    assert.matches("is a nil, not a string", message, 1, true)
  end)

  it("remembers what it took apart, but not without end", function()
    local first = url.parse "http://remembered/"
    assert.equal(first, url.parse "http://remembered/")
    for number = 1, 1500 do
      assert.equal("/" .. number, url.parse("http://remembered/" .. number).target)
    end
    assert.same(first, url.parse "http://remembered/")
  end)
end)
