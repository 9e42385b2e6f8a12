local url = require "tidegate.call_url"

describe("call_url.parse", function()
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
    { "http://a/b?c\\d%", "a", 80, "a", "/b?c%5Cd%" },
    { 'http://a/"<>^`|?{"a":"b"}', "a", 80, "a", "/%22%3C%3E%5E%60%7C?%7B%22a%22:%22b%22%7D" },
    { "http://a/x{}{ }{1}{a", "a", 80, "a", "/x%7B%7D%7B%20%7D%7B1%7D%7Ba" },
    { "http://a/b c", "a", 80, "a", "/b%20c" },
    { "http://a/\xc3\xa9?q=\xc3\xa9", "a", 80, "a", "/%C3%A9?q=%C3%A9" },
    { "http://a/%2F%2f", "a", 80, "a", "/%2F%2f" },
  }
  for _, case in ipairs(cases) do
    it(("takes %q apart"):format(case[1]), function()
      local at = url.parse(case[1])
      assert.same({ case[2], case[3], case[4], case[5] }, { at.host, at.port, at.authority, at.target })
      assert.equal(case[5]:find("?", 1, true) and "&" or "?", at.joint)
    end)
  end

  local wrong = {
    { "", "does not begin with http://" },
    { "/path", "does not begin with http://" },
    { "example.com", "does not begin with http://" },
    { "//example.com/", "does not begin with http://" },
    { "https://example.com/", "has the scheme https, and Tidegate does not speak TLS yet: call an http:// address" },
    { "ftp://example.com/", "has the scheme ftp" },
    { "http://", "has no host" },
    { "http:///path", "has no host" },
    { "http://:8080/", "has no host" },
    { "http://user@example.com/", "a user and a password do not belong in a URL" },
    { "http://user:secret@example.com/", "a user and a password do not belong in a URL" },
    { "http://exa mple.com/", "has a host that cannot be read" },
    { "http://a\"b/", "has a host that cannot be read" },
    { "http://a%41/", "has a host that cannot be read" },
    { "http://a\\b/", "has a host that cannot be read" },
    { "http://{host}/", "has a host that cannot be read" },
    { "http://" .. ("a"):rep(256) .. "/", "has a host that cannot be read" },
    { "http://b\xc3\xbccher.example/", "has a host that is not ASCII: write the name as it is in the DNS, with xn--" },
    { "http://[fe80::1%25eth0]/", "has an IPv6 address with a zone, which is not supported" },
    { "http://[fe80::1%eth0]/", "has an IPv6 address with a zone, which is not supported" },
    { "http://[127.0.0.1]/", "has something in brackets that is not an IPv6 address" },
    { "http://[::/0]/", "has " },
    { "http://[:::]/", "has something in brackets that is not an IPv6 address" },
    { "http://[]/", "has something in brackets that is not an IPv6 address" },
    { "http://[::1]x/", "has \"x\" where a port from 1 to 65535 is expected" },
    { "http://a/b\\..\\c", "has a backslash in its path" },
    { "http://a/100%", 'has a "%" in its path without two hexadecimal digits after it' },
    { "http://a/%zz?x", 'has a "%" in its path without two hexadecimal digits after it' },
    { "http://a/x{n...}", "has {n...} beside other text; it must stand alone between slashes" },
    { "http://a\r\nb/", "has a control character" },
    { "http://a\0b/", "has a control character" },
    { "http://a/x\r\nHost: evil", "has a control character" },
    { "http://a/?\127", "has a control character" },
    { "http://[::1/", "has colons in its host: an IPv6 address is written in brackets" },
    { "http://::1/", "has colons in its host: an IPv6 address is written in brackets" },
    { "http://[a/", "has a bracket in its host that is not closed" },
    { "http://a:b/", "has \":b\" where a port from 1 to 65535 is expected" },
    { "http://a:-1/", "has \":-1\" where a port from 1 to 65535 is expected" },
    { "http://a:0/", "where a port from 1 to 65535 is expected" },
    { "http://a:65536/", "where a port from 1 to 65535 is expected" },
    { "http://a:99999999999999999999/", "where a port from 1 to 65535 is expected" },
    { 5, "a URL must be a string, not 5" },
    { {}, "a URL must be a string, not a table" },
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
    assert.matches("a URL must be a string, not nil", message, 1, true)
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

-- path as the option of a call, for a URL without and with a base
local function target_of(text, values)
  local at = url.parse(text)
  return url.fill(at, text, values)
end

describe("call_url.fill", function()
  -- path of the URL, values, target
  local filled = {
    { "/users/{id}", { id = 7 }, "/users/7" },
    { "/users/{id}", { id = 2 ^ 53 }, "/users/9007199254740992" },
    { "/users/{id}", { id = 0.1 }, "/users/0.1" },
    { "/users/{id}", { id = "a/b" }, "/users/a%2Fb" },
    { "/users/{id}", { id = "../x" }, "/users/..%2Fx" },
    { "/users/{id}", { id = "?admin=1#x" }, "/users/%3Fadmin%3D1%23x" },
    { "/users/{id}", { id = "%2e%2e" }, "/users/%252e%252e" },
    { "/users/{id}", { id = "..." }, "/users/..." },
    { "/users/{id}", { id = "ü \0\r\n\255;&+" }, "/users/%C3%BC%20%00%0D%0A%FF%3B%26%2B" },
    { "/users/{id}", { id = true }, "/users/true" },
    { "/users/{id}", { id = "{name}" }, "/users/%7Bname%7D" },
    { "/{a}/{b_2}", { a = "x", b_2 = "y" }, "/x/y" },
    { "/{a}/{a}", { a = "x" }, "/x/x" },
    { "/{a}-{b}.json", { a = "x", b = "y" }, "/x-y.json" },
    { "/{a}{b}", { a = "x", b = "." }, false },
    { "/{a}/", { a = "x" }, "/x/" },
    { "/{a}//c", { a = "x" }, "/x//c" },
    { "/{a}?b={a}&c#{a}", { a = "x" }, "/x?b=%7Ba%7D&c" },
    { "/%7Ba%7D/{a}", { a = "x" }, "/%7Ba%7D/x" },
    { "/{1}/{a}", { a = "x" }, "/%7B1%7D/x" },
    { "/files/{rest...}", { rest = "a/b c/d" }, "/files/a/b%20c/d" },
    { "/files/{rest...}", { rest = "a/b/" }, "/files/a/b/" },
    { "/files/{rest...}", { rest = "" }, "/files/" },
    { "/files/{rest...}", { rest = { "a/b", 2, "c" } }, "/files/a%2Fb/2/c" },
    { "/files/{rest...}/x", { rest = "a" }, "/files/a/x" },
    { "/plain", {}, "/plain" },
    { "/plain", nil, "/plain" },
  }
  for _, case in ipairs(filled) do
    it(("makes %s of %s"):format(tostring(case[3]), case[1]), function()
      if case[3] then
        assert.equal(case[3], target_of("http://a" .. case[1], case[2]))
      else
        assert.is_false(pcall(target_of, "http://a" .. case[1], case[2]))
      end
    end)
  end

  local elsewhere = "cannot be a segment of a path, as it would lead elsewhere"
  local refused = {
    { "/users/{id}", { id = ".." }, 'value of "id" ' .. elsewhere .. ': it is ".."' },
    { "/users/{id}", { id = "." }, 'value of "id" ' .. elsewhere .. ': it is "."' },
    { "/users/{id}", { id = "" }, 'value of "id" ' .. elsewhere .. ': it is empty' },
    { "/{a}{b}", { a = ".", b = "." }, elsewhere },
    { "/.{a}", { a = "." }, elsewhere },
    { "/%2e{a}", { a = "." }, elsewhere },
    { "/{a}%2E", { a = "." }, elsewhere },
    { "/{rest...}", { rest = "a/../b" }, 'value of "rest" ' .. elsewhere .. ': it is ".."' },
    { "/{rest...}", { rest = ".." }, 'value of "rest" ' .. elsewhere .. ': it is ".."' },
    { "/{rest...}", { rest = "../" }, 'value of "rest" ' .. elsewhere .. ': it is ".."' },
    { "/{rest...}", { rest = "/a" }, 'value of "rest" ' .. elsewhere .. ': it is empty' },
    { "/{rest...}", { rest = "a//b" }, 'value of "rest" ' .. elsewhere .. ': it is empty' },
    { "/{rest...}", { rest = "//" }, 'value of "rest" ' .. elsewhere .. ': it is empty' },
    { "/{rest...}", { rest = { "a", ".." } }, 'value of "rest" ' .. elsewhere .. ': it is ".."' },
    { "/{rest...}", { rest = { "a", "" } }, 'value of "rest" ' .. elsewhere .. ': it is empty' },
    { "/{id}", { id = {} }, "path id: a value must be a string, a number or a boolean, not a table" },
    { "/{id}", { id = print }, "path id: a value must be a string, a number or a boolean, not a function" },
    { "/{id}", { id = 0 / 0 }, "path id: nan is not a number that can be sent" },
    { "/{id}", { id = math.huge }, "path id: inf is not a number that can be sent" },
    { "/{id}", {}, "has {id}, and the option path has no value for it; write %7B for a brace" },
    { "/{id}", nil, 'the URL "http://a/{id}" has {id}, and the option path has no value for it' },
    { "/{id}/{x...}", { id = 1 }, "has {x}, and the option path has no value for it" },
    { "/{id}", { id = 1, name = 2 }, "has no {name} in its path, and the option path has a value for it" },
    { "/x", { id = 1 }, "has no {id} in its path, and the option path has a value for it" },
    { "/x?q={id}", { id = 1 }, "has no {id} in its path, and the option path has a value for it" },
  }
  for _, case in ipairs(refused) do
    it(("refuses %s: %s"):format(case[1], case[3]), function()
      local ok, message = pcall(target_of, "http://a" .. case[1], case[2])
      assert.is_false(ok)
      assert.matches(case[3], tostring(message), 1, true)
    end)
  end
end)

describe("call_url.base", function()
  it("is a URL without query, fragment and last slash", function()
    for text, base in pairs {
      ["http://a"] = "http://a", ["http://a/"] = "http://a", ["http://a/b/"] = "http://a/b",
      ["http://a/{tenant}"] = "http://a/{tenant}",
    } do
      assert.equal(base, url.base(text))
    end
  end)

  it("is refused where a path cannot come behind it", function()
    for text, what in pairs {
      ["http://a?x=1"] = "query", ["http://a/b?"] = "query", ["http://a/b#c"] = "fragment", ["http://a#"] = "fragment",
      ["http://a/#x?y"] = "fragment",
    } do
      local ok, message = pcall(url.base, text)
      assert.is_false(ok)
      assert.matches(("%q cannot be a base_url: it has a %s, and paths are appended"):format(text, what), message, 1,
        true)
    end
  end)
end)
