-- Which URL is called, and what names it afterwards: the answer, errors, the test's upstream.
local t = require "tidegate.testing"
local tg = require "tidegate"

local function fails(fn, ...)
  local ok, err = pcall(fn, ...)
  assert.is_false(ok)
  return err
end

local function upstream(fields)
  fields = fields or {}
  fields.address = "http://api.test:81"
  fields.routes = fields.routes or { ["ANY /{path...}"] = t.answer { status = 404, body = "none" } }
  return t.upstream(fields)
end

describe("the URL of a call", function()
  -- text behind the host, options, what is called
  local cases = {
    { "", nil, "/" },
    { "?", nil, "/?" },
    { "", { query = { a = 1 } }, "/?a=1" },
    { "?", { query = { a = 1 } }, "/?a=1" },
    { "/x?", { query = { a = 1 } }, "/x?a=1" },
    { "/x?y", { query = { a = 1 } }, "/x?y&a=1" },
    { "/x?y&", { query = { a = 1 } }, "/x?y&a=1" },
    { "/x?y#z", { query = { a = 1 } }, "/x?y&a=1" },
    { "/x#z?y", { query = { a = 1 } }, "/x?a=1" },
    { "/x?y=?", { query = { a = 1 } }, "/x?y=?&a=1" },
    { "/x?y", { query = {} }, "/x?y" },
    { "/x", { query = { a = {} } }, "/x" },
    { "/{id}", { path = { id = "a/b" }, query = { c = "d&e" } }, "/a%2Fb?c=d%26e" },
    { "/{id}?x=1", { path = { id = "ü" }, query = { c = 1 } }, "/%C3%BC?x=1&c=1" },
    { "/{rest...}#f", { path = { rest = "a/b" } }, "/a/b" },
  }

  for _, case in ipairs(cases) do
    it(("is %s for %s, for the upstream and the answer"):format(case[3], case[1]), function()
      local api = upstream()
      local answer = tg.http.get(api.url .. case[1], case[2])
      assert.equal(case[3], api.requests[1].path)
      assert.equal("http://api.test:81" .. case[3], api.requests[1].url)
      assert.equal("http://api.test:81" .. case[3], answer.url)
      if case[1]:find "^[/?]" or case[1] == "" then
        local client = tg.http.client { base_url = api.url .. "/base/" }
        answer = client:get(case[1], case[2])
        local below = "http://api.test:81/base" .. case[3]:gsub("^/", case[1]:sub(1, 1) == "/" and "/" or "")
        assert.equal(below, api.requests[2].url)
        assert.equal(below, answer.url)
      end
    end)
  end

  it("is refused where a client's path is none", function()
    local client = tg.http.client { base_url = "http://api.test" }
    for _, path in ipairs { "users", "#x", ".evil.example/", "@evil.example/", "http://x/" } do
      assert.matches(("must begin with a slash or a question mark, or be empty, and %q does not"):format(path),
        fails(client.get, client, path), 1, true)
    end
    assert.matches("must begin with a slash", fails(client.get, client, nil), 1, true)
  end)

  it("is refused as a client's base, and so are unknown fields", function()
    for message, fields in pairs {
      ['"http://a?x" cannot be a base_url: it has a query'] = { base_url = "http://a?x" },
      ['"http://a#x" cannot be a base_url: it has a fragment'] = { base_url = "http://a#x" },
      ["takes a table with base_url"] = {},
      ['has no field "url"'] = { base_url = "http://a", url = "x" },
    } do
      assert.matches(message, fails(tg.http.client, fields), 1, true)
    end
  end)

  it("has the client's {names} as well", function()
    local api = upstream()
    local client = tg.http.client { base_url = api.url .. "/{tenant}" }
    local answer = client:get("/users/{id}", { path = { tenant = "a/b", id = 7 } })
    assert.equal("http://api.test:81/a%2Fb/users/7", answer.url)
  end)
end)

describe("an error of a call", function()
  local options = { path = { id = "a b" }, query = { page = 2 } }
  local url = "http://api.test:81/users/a%20b?page=2"

  local many = {}
  for number = 1, 101 do
    many["X-" .. number] = number
  end
  local failures = {
    { "closed", { failure = "reset" } },
    { "protocol", { failure = "garbage" } },
    { "timeout", { failure = "silence" } },
    { "too_large", { ["X-Long"] = ("x"):rep(17000) } },
    { "too_large", many },
  }
  for _, case in ipairs(failures) do
    it("of kind " .. case[1] .. " names the URL that was called", function()
      local fields = case[1] ~= "too_large" and case[2]
        or { routes = { ["GET /users/{id}"] = t.answer { headers = case[2] } } }
      upstream(fields)
      local err = fails(tg.http.get, "http://api.test:81/users/{id}#top", options)
      assert.equal(case[1], err.kind)
      assert.matches(url .. " ", tostring(err), 1, true)
    end)
  end

  it("of kind status or json names the URL that was called", function()
    local api = upstream()
    local answer = tg.http.client({ base_url = api.url }):get("/users/{id}", options)
    assert.matches(url .. " answered 404 Not Found", tostring(fails(answer.raise, answer)), 1, true)
    assert.matches(url .. " answered 404 with a body that is not JSON", tostring(fails(answer.json, answer)), 1, true)
  end)

  it("does not repeat a long URL whole", function()
    upstream { failure = "reset" }
    local err = fails(tg.http.get, "http://api.test:81/", { query = { a = ("x"):rep(10000) } })
    assert(#tostring(err) < 500)
  end)
end)

describe("t.upstream", function()
  it("shows what it was asked for", function()
    local headers = { ["X-N"] = 2 ^ 53, A = { "1", "2" } }
    local api = upstream { routes = { ["POST /a"] = t.answer { status = 201, headers = headers } } }
    local answer = tg.http.post(api.url .. "/a", {
      query = { b = { "1", "2" }, ["c d"] = "é" }, body = "hi", headers = { ["X-Two"] = { "1", "2" } },
    })
    local request = api.requests[1]
    assert.equal("/a?b=1&b=2&c%20d=%C3%A9", request.path)
    assert.equal("é", request.query["c d"])
    assert.equal("1, 2", request.headers["X-Two"])
    assert.equal("hi", request.body)
    assert.equal("9007199254740992", answer.headers["x-n"])
    assert.equal("1, 2", answer.headers.a)
  end)

  it("takes an address without a path", function()
    assert.matches('"http://a.test/base" has a path', fails(t.upstream, { address = "http://a.test/base" }), 1, true)
  end)
end)
