local router = require "tidegate.router"

-- A router with a route for each "METHOD pattern"; the place of each is its number.
local function new(...)
  local routes = router.new()
  for index, text in ipairs { ... } do
    local method, pattern = text:match("^(%u+) (.*)$")
    routes:add(method, pattern, { place = "file.lua:" .. index })
  end
  return routes
end

local function shuffled(list, seed)
  math.randomseed(seed)
  local copy = { unpack(list) }
  for index = #copy, 2, -1 do
    local other = math.random(index)
    copy[index], copy[other] = copy[other], copy[index]
  end
  return copy
end

describe("Router:find", function()
  local patterns = {
    "GET /", "GET /users", "GET /users/", "GET /users/me", "GET /users/{id}", "POST /users/{id}",
    "GET /users/{id}/posts", "GET /users/{id}/posts/{post}", "GET /users/me/posts", "GET /files/{path...}",
    "GET /files/readme", "GET /files/{name}/raw", "DELETE /files/{name}", "GET /a/{x}/c", "GET /a/b/{y}",
    "GET /a/{rest...}", "GET /caf%C3%A9", "GET /~home", "HEAD /head", "GET /head", "OPTIONS /options",
    "GET /{top}/only",
  }
  -- request → pattern, params
  local cases = {
    { "GET /", "/" },
    { "GET /users", "/users" },
    { "GET /users/", "/users/" },
    { "GET /users/me", "/users/me" },
    { "GET /users/7", "/users/{id}", { id = "7" } },
    { "POST /users/me", "/users/{id}", { id = "me" } },
    { "GET /users/7/posts", "/users/{id}/posts", { id = "7" } },
    { "GET /users/me/posts", "/users/me/posts" },
    { "GET /users/me/posts/3", "/users/{id}/posts/{post}", { id = "me", post = "3" } },
    { "GET /files/readme", "/files/readme" },
    { "GET /files/a", "/files/{path...}", { path = "a" } },
    { "GET /files/", "/files/{path...}", { path = "" } },
    { "GET /files/a/b/c.txt", "/files/{path...}", { path = "a/b/c.txt" } },
    { "GET /files/a/", "/files/{path...}", { path = "a/" } },
    { "GET /files/a/raw", "/files/{name}/raw", { name = "a" } },
    { "DELETE /files/readme", "/files/{name}", { name = "readme" } },
    { "GET /a/b/c", "/a/b/{y}", { y = "c" } },
    { "GET /a/x/c", "/a/{x}/c", { x = "x" } },
    { "GET /a/b", "/a/{rest...}", { rest = "b" } },
    { "GET /a/x/d", "/a/{rest...}", { rest = "x/d" } },
    { "GET /a/b/c/d", "/a/{rest...}", { rest = "b/c/d" } },
    { "GET /users/a%2Fb", "/users/{id}", { id = "a/b" } },
    { "GET /users/%C3%A9+x", "/users/{id}", { id = "é+x" } },
    { "GET /users/100%25", "/users/{id}", { id = "100%" } },
    { "GET /files/a%2Fb/c", "/files/{path...}", { path = "a/b/c" } },
    { "GET /caf%C3%A9", "/caf%C3%A9" },
    { "GET /~home", "/~home" },
    { "HEAD /users", "/users" },
    { "HEAD /users/7", "/users/{id}", { id = "7" } },
    { "HEAD /head", "/head" },
    { "OPTIONS /options", "/options" },
    { "GET /x/only", "/{top}/only", { top = "x" } },
    { "GET /users/only", "/users/{id}", { id = "only" } },
  }
  for seed = 1, 3 do
    local routes = new(unpack(shuffled(patterns, seed)))
    for _, case in ipairs(cases) do
      it(("leads %s to %s, in order of registration %d"):format(case[1], case[2], seed), function()
        local method, path = case[1]:match("^(%u+) (.*)$")
        local route, params = routes:find(method, path)
        assert.equal(case[2], route and route.pattern)
        assert.same(case[3] or {}, params or {})
      end)
    end
  end

  it("prefers a route for HEAD to the one for GET", function()
    assert.equal("HEAD", new("GET /x", "HEAD /x"):find("HEAD", "/x").method)
    assert.equal("GET", new("GET /x"):find("HEAD", "/x").method)
    assert.is_nil((new("POST /x"):find("HEAD", "/x")))
  end)

  it("finds nothing where no pattern matches", function()
    local routes = new(unpack(patterns))
    local paths = { "/nothing", "/users/7/", "/users/7/posts/3/4", "/files", "//", "/Users", "*", "/users//posts" }
    for _, path in ipairs(paths) do
      local route, _, allowed = routes:find("GET", path)
      assert.is_nil(route, path)
      assert.is_nil(allowed, path)
    end
  end)

  it("tells the methods of all patterns that match when the method is another", function()
    local routes = new("GET /a/{x}", "PUT /a/b", "DELETE /a/{rest...}", "POST /c")
    local route, _, allowed = routes:find("PATCH", "/a/b")
    assert.is_nil(route)
    assert.equal("/a/{x}", allowed.GET.pattern)
    assert.equal("/a/b", allowed.PUT.pattern)
    assert.equal("/a/{rest...}", allowed.DELETE.pattern)
    assert.is_nil(allowed.POST)
    route, _, allowed = routes:find("GET", "/c")
    assert.is_nil(route)
    assert.equal("/c", allowed.POST.pattern)
    assert.equal(allowed.POST, allowed[next(allowed)])
  end)

  it("goes on to a less specific pattern that has the method", function()
    local routes = new("PUT /a/b", "GET /a/{x}", "DELETE /a/{rest...}")
    assert.equal("/a/{x}", routes:find("GET", "/a/b").pattern)
    assert.equal("/a/{rest...}", routes:find("DELETE", "/a/b").pattern)
  end)
end)

describe("Router:add", function()
  local wrong = {
    { "users", 'a pattern must begin with a slash, and "users" does not' },
    { "", 'a pattern must begin with a slash, and "" does not' },
    { "/{}", "{} is not a name" },
    { "/{1x}", "{1x} is not a name" },
    { "/{a-b}", "{a-b} is not a name" },
    { "/{...}", "{} is not a name" },
    { "/{a}/{a}", "{a} is there twice" },
    { "/{a}/{a...}", "{a} is there twice" },
    { "/{a...}/b", "{a...} must be the last segment" },
    { "/{a...}/", "{a...} must be the last segment" },
    { "/x{a}", '"x{a}" mixes text and braces' },
    { "/{a}.json", '"{a}.json" mixes text and braces' },
    { "/a?b=c", "a pattern has no query and no fragment" },
    { "/a#b", "a pattern has no query and no fragment" },
    { "/a/../b", "a path with a segment \".\" or \"..\" never arrives: it is resolved first" },
    { "/./a", "a path with a segment \".\" or \"..\" never arrives: it is resolved first" },
    { "/%2e%2e/a", "leads above the root" },
    { "/%zz", "bad percent-encoding" },
    { "/a\nb", "control character" },
    { "/u/:id", '":id" is the spelling of other frameworks; here it is "/u/{id}"' },
    { "/u/:id/p/:post", 'here it is "/u/{id}/p/{post}"' },
    { "/u/{a}/p/:post", 'here it is "/u/{a}/p/{post}"' },
    { "/u/:id(%d+)", 'here it is "/u/{id}"' },
    { "/u/:id?", 'here it is "/u/{id}"' },
    { "/u/:rest*", 'here it is "/u/{rest...}"' },
    { "/u/<int:id>", 'here it is "/u/{id}"' },
    { "/u/<id>", 'here it is "/u/{id}"' },
    { "/u/<path:rest>", 'here it is "/u/{rest...}"' },
    { "/u/[id]", 'here it is "/u/{id}"' },
    { "/u/[...slug]", 'here it is "/u/{slug...}"' },
    { "/u/{id:int}", 'here it is "/u/{id}"' },
    { "/u/{id:[0-9]+}", 'here it is "/u/{id}"' },
    { "/u/{id?}", 'here it is "/u/{id}"' },
    { "/u/{rest:path}", 'here it is "/u/{rest...}"' },
    { "/u/{*rest}", 'here it is "/u/{rest...}"' },
    { "/u/{rest*}", 'here it is "/u/{rest...}"' },
    { "/u/{ id }", 'here it is "/u/{id}"' },
    { "/u/*", 'here it is "/u/{rest...}"' },
    { "/u/**", 'here it is "/u/{rest...}"' },
    { "/u/*rest", 'here it is "/u/{rest...}"' },
    { "/u/*.js", 'here it is "/u/{rest...}"' },
    { "^/u/(%d+)$", 'a pattern must begin with a slash' },
    { "/u/(.*)", "looks like a regular expression" },
    { "/u/(?<id>x)", "looks like a regular expression" },
    { "/u/[0-9]+", "looks like a regular expression" },
    { "/u/a|b", "looks like a regular expression" },
    { "/u/x$", "looks like a regular expression" },
    { "GET /users", 'app:get("/users", …) is for GET' },
    { "http://a.test/users", 'write "/users"' },
    { false, "a pattern must be a string that begins with a slash, not false" },
    { "/\255", "UTF-8" },
  }
  for _, case in ipairs(wrong) do
    it(("says what is wrong with %q"):format(tostring(case[1])), function()
      local ok, message = pcall(router.new().add, router.new(), "GET", case[1], { place = "x:1" })
      assert.is_false(ok)
      assert.matches(case[2], message, 1, true)
    end)
  end

  it("takes literals as people write them, and finds them as they arrive", function()
    local routes = new("GET /café/{x}", "GET /a b", "GET /%7Euser", "GET /c%3ad", "GET /v1/m:run", "GET /f(1)/$meta")
    assert.equal("/v1/m:run", routes:find("GET", "/v1/m:run").pattern)
    assert.equal("/f(1)/$meta", routes:find("GET", "/f(1)/$meta").pattern)
    assert.equal("/café/{x}", routes:find("GET", "/caf%C3%A9/1").pattern)
    assert.equal("/a b", routes:find("GET", "/a%20b").pattern)
    assert.equal("/%7Euser", routes:find("GET", "/~user").pattern)
  end)

  -- first, second
  local duplicates = {
    { "GET /a", "GET /a" },
    { "GET /a/{x}", "GET /a/{y}" },
    { "GET /{x...}", "GET /{y...}" },
    { "GET /%7Ea", "GET /~a" },
    { "GET /é", "GET /%c3%a9" },
  }
  for _, case in ipairs(duplicates) do
    it(("refuses %s beside %s and tells where the other one is"):format(case[2], case[1]), function()
      local ok, message = pcall(new, case[1], case[2])
      assert.is_false(ok)
      assert.equal(case[1] .. " is registered already, at file.lua:1", message)
    end)
  end

  it("takes the same pattern for another method", function()
    local routes = new("GET /a", "POST /a", "GET /a/")
    assert.equal(3, #routes:list())
  end)
end)

describe("Router:list", function()
  it("is ordered by pattern and method, whatever the order of registration", function()
    local listed = {}
    for _, route in ipairs(new("POST /b", "GET /{x...}", "GET /b", "GET /a/{id}", "GET /"):list()) do
      listed[#listed + 1] = route.method .. " " .. route.pattern .. " " .. route.place
    end
    assert.same({
      "GET / file.lua:5", "GET /a/{id} file.lua:4", "GET /b file.lua:3", "POST /b file.lua:1", "GET /{x...} file.lua:2",
    }, listed)
  end)
end)
