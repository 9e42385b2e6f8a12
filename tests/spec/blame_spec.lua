-- A value that cannot be carried: the client that has sent it gets 400 and is told what is wrong; of anybody else's the
-- route is at fault, with 500 and a line in the log.
local t = require "tidegate.testing"
local tg = require "tidegate"
local server = require "tests.support.server"

local UP = "http://up.test"
local GET = tg.http.get

-- [what the value goes into] = {the route's code with a value, the value, the client's detail}
local USES = {
  ["a path's segment that leads up"] = { function(value) GET(UP .. "/a/{id}", { path = { id = value } }) end, "..",
    'the value of "id" cannot be a segment of a path, as it would lead elsewhere: it is ".."' },
  ["a path's segment that leads nowhere"] = { function(value) GET(UP .. "/a/{id}", { path = { id = value } }) end, ".",
    'it is "."' },
  ["a path's segment that is empty"] = { function(value) GET(UP .. "/a/{id}/b", { path = { id = value } }) end, "",
    'the value of "id" cannot be a segment of a path, as it would lead elsewhere: it is empty' },
  ["several segments"] = { function(value) GET(UP .. "/{id...}", { path = { id = value } }) end, "a/../b",
    'it is ".."' },
  ["a list of segments"] = { function(value) GET(UP .. "/{id...}", { path = { id = { "a", value } } }) end, "..",
    'it is ".."' },
  ["a part of a segment"] = { function(value) GET(UP .. "/{id}.", { path = { id = value } }) end, ".",
    "cannot be a segment of a path" },
  ["a call's header"] = { function(value) GET(UP .. "/", { headers = { ["X-Tag"] = value } }) end, "a\r\nb",
    "header X-Tag: its value has a CR, LF or NUL" },
  ["a part of a call's header"] = { function(value) GET(UP .. "/", { headers = { ["X-Tag"] = "tag=" .. value } }) end,
    "a\0b", "header X-Tag: its value has a CR, LF or NUL" },
  ["a list of a call's header"] = { function(value) GET(UP .. "/", { headers = { ["X-Tag"] = { "x", value } } }) end,
    "a\nb", "header X-Tag: its value has a CR, LF or NUL" },
  ["a client's header"] = { function(value)
    tg.http.client { base_url = UP, headers = { ["X-Tag"] = value } }:get "/"
  end, "a\nb", "header X-Tag: its value has a CR, LF or NUL" },
  ["a header's name"] = { function(value) GET(UP .. "/", { headers = { [value] = "x" } }) end, "X Y",
    'a header\'s name must be a token, like X-Name, and "X Y" is not' },
  ["a URL"] = { function(value) GET(value) end, "ftp://up.test/",
    'the URL "ftp://up.test/" has the scheme ftp; only http is supported' },
  ["a URL's host"] = { function(value) GET("http://" .. value .. "/") end, "a b", "was sent cannot stand in a URL" },
  ["a URL's path"] = { function(value) GET(UP .. "/" .. value) end, "a%zz", "cannot stand in a URL" },
  ["a URL's query"] = { function(value) GET(UP .. "/?q=" .. value) end, "a\nb", "cannot stand in a URL" },
  ["a method"] = { function(value) tg.http.request(value, UP .. "/") end, "GE T", "a method must be a token" },
  ["a query's number"] = { function(value) GET(UP .. "/", { query = { n = tonumber(value) } }) end, "nan",
    "query n: nan is not a number that can be sent" },
  ["a header's number"] = { function(value) GET(UP .. "/", { headers = { N = tonumber(value) } }) end, "1e999",
    "header N: NaN and the infinities cannot be sent" },
  ["a call's JSON"] = { function(value) tg.http.post(UP .. "/", { json = { name = value } }) end, "a\255",
    "a text that was sent is not UTF-8" },
  ["an answer's header"] = { function(value) return 200, "x", { ["X-Tag"] = value } end, "a\r\nSet-Cookie: b=c",
    "header X-Tag: its value has a CR, LF or NUL" },
  ["an answer's content type"] = { function(value) return 200, "x", { ["Content-Type"] = value } end, "text/a\nb",
    "header Content-Type: its value has a CR, LF or NUL" },
  ["a redirect's target"] = { function(value) return 302, "", { Location = value } end, "/a\r\nb",
    "header Location: its value has a CR, LF or NUL" },
  ["a cookie"] = { function(value) return tg.response { cookies = { id = value } } end, "a;b",
    "cookie id: its name must" },
  ["a cookie's domain"] = { function(value)
    return tg.response { cookies = { id = { value = "x", domain = value } } }
  end, "a;b", "cookie id: domain must be a string without semicolons" },
  ["an answer's JSON"] = { function(value) return { name = value } end, "a\255\254",
    "a text that was sent is not UTF-8" },
  ["a key of an answer's JSON"] = { function(value) return { [value] = 1 } end, "a\255", "not UTF-8" },
  ["a number of an answer's JSON"] = { function(value) return { n = tonumber(value) } end, "inf",
    "a number that was sent is not a finite one" },
  ["tg.url.decode"] = { function(value) return tg.url.decode(value) end, "a%",
    "has a % without two hexadecimal digits" },
  ["tg.base64.decode"] = { function(value) return tg.base64.decode(value) end, "a?", "not base64" },
  ["tg.hex.decode"] = { function(value) return tg.hex.decode(value) end, "xy", "not hexadecimal" },
  ["tg.json.decode"] = { function(value) return tg.json.decode(value) end, "{", "not JSON" },
}

-- Who has sent it: each is asked with the value, and the route gets it by `read`.
local SENDERS = {
  ["in the query"] = { function(client, value) return client:get("/x", { query = { v = value } }) end,
    function(request) return request.query.v end },
  ["in a form"] = { function(client, value) return client:post("/x", { form = { a = "1", v = value } }) end,
    function(request) return request:form().v end },
  ["as the body"] = { function(client, value) return client:post("/x", { body = value }) end,
    function(request) return request:body() end },
}

local function app_with(use, read)
  return t.app(function(app)
    app:any("/x", function(request) return use(read(request)) end)
  end)
end

describe("A value that cannot be carried in", function()
  before_each(function()
    t.upstream { address = UP, routes = { ["ANY /{rest...}"] = "x", ["ANY /"] = "x" } }
  end)

  for what, case in pairs(USES) do
    for where, sender in pairs(SENDERS) do
      it(("%s is the client's, which has sent it %s"):format(what, where), function()
        local answer
        local lines = server.logged(function()
          answer = sender[1](app_with(case[1], sender[2]), case[2])
        end)
        assert.equal(400, answer.status)
        assert.matches(case[3], answer:json().detail, 1, true)
        assert.same({}, lines)
      end)
    end

    it(what .. " is the route's, where nobody has sent it", function()
      local answer
      local lines = server.logged(function()
        answer = app_with(case[1], function() return case[2] end):get("/x?other=x", { headers = { Referer = "y z" } })
      end)
      assert.equal(500, answer.status)
      assert.is_nil(answer:json().detail)
      assert.equal(1, #lines)
      assert.matches("GET /x failed", lines[1].message)
    end)
  end
end)

describe("A value of the route's own", function()
  for what, call in pairs {
    ["a URL that forgets its scheme"] = function() GET "example.com/x" end,
    ["a URL of another scheme"] = function() GET "ftp://example.com/x" end,
    ["a method"] = function() tg.http.request("http://example.com/x", "GET") end,
  } do
    it(("as %s is no client's, whatever path that has asked for"):format(what), function()
      local client = t.app(function(app)
        app:get("/{rest...}", call)
      end)
      for _, path in ipairs { "/", "/x", "/com", "/example.com?q=x&a=com/x", "/http:" } do
        local answer
        server.logged(function() answer = client:get(path) end)
        assert.equal(500, answer.status, path)
      end
    end)
  end
end)

describe("The client is to blame for a value", function()
  before_each(function()
    t.upstream { address = UP, routes = { ["ANY /{rest...}"] = "x" } }
  end)

  it("of its path, its headers, its cookies, and its JSON", function()
    local client = t.app(function(app)
      app:get("/param/{id}", function(request) GET(UP .. "/{id}", { path = { id = request.params.id:sub(2) } }) end)
      app:get("/whole/{id...}", function(request) GET(UP .. "/{id...}", { path = { id = request.params.id } }) end)
      app:get("/header", function(request) return tg.response { cookies = { a = request.headers["x-tag"] } } end)
      app:get("/cookie", function(request) return { c = request.cookies.c } end)
      app:post("/json", function(request) return 200, "x", { ["X-Tag"] = request:json().deep[1].name } end)
    end)
    assert.equal(400, client:get("/whole/a//b").status)
    assert.equal(400, client:get("/header", { headers = { ["X-Tag"] = "a;b" } }).status)
    assert.equal(400, client:get("/cookie", { headers = { Cookie = "c=\255" } }).status)
    assert.equal(400, client:post("/json", { json = { deep = { { name = "a\nb" } } } }).status)
    assert.equal(500, client:get("/param/x..").status) -- made by the route
  end)

  it("in a child task, and whoever has answered it in other words", function()
    local client = t.app(function(app)
      app:group("/own", function(group)
        group:on_error(function(_, err) return err.status, { kind = err.kind, is = err.detail } end)
        group:get("/x", function(request) return { [request.query.v] = request.query.v } end)
      end)
      app:get("/child", function(request)
        return tg.gather { function() return GET(UP .. "/{id}", { path = { id = request.query.id } }) end }
      end)
    end)
    assert.equal(400, client:get("/child?id=..").status)
    local answer = client:get("/own/x?v=%FF")
    assert.equal(400, answer.status)
    assert.same({ kind = "json", is = "a text that was sent is not UTF-8" }, answer:json())
  end)

  it("but not for a wrong type, nor for what an upstream has sent", function()
    t.upstream { address = "http://data.test", routes = { ["GET /"] = "a\nb" } }
    local client = t.app(function(app)
      app:get("/missing", function(request) GET(UP .. "/{id}", { path = { id = request.query.id } }) end)
      app:get("/type", function(request) tg.sleep(request.query.seconds) end)
      app:get("/upstream", function() return 200, "x", { ["X-Tag"] = GET("http://data.test/"):body() } end)
    end)
    server.logged(function()
      assert.equal(500, client:get("/missing").status)
      assert.equal(500, client:get("/type?seconds=abc").status)
      assert.equal(500, client:get("/upstream?x=a").status)
    end)
  end)

  it("in a time that what it sends does not make long", function()
    local names = {}
    for index = 1, 20000 do
      names[index] = ("%d\n"):format(index)
    end
    local client = t.app(function(app)
      app:post("/x", function(request)
        request:json()
        return 200, "x", { ["X-Tag"] = ("\n"):rep(100000) }
      end)
    end)
    server.logged(function()
      assert.equal(500, client:post("/x", { json = names }).status)
    end)
  end)
end)

describe("What is wrong is the route's", function()
  local function status_of(handler, path, options)
    local status, detail
    server.logged(function()
      local answer = t.app(function(app)
        app:any("/{rest...}", handler)
      end):get(path or "/x", options)
      status, detail = answer.status, answer:json().detail
    end)
    return status, detail
  end

  for what, case in pairs {
    ["where an upstream's answer is empty, as is something that the client has sent"] = {
      function(request)
        request:body()
        return tg.json.decode("")
      end, "/x?flag&a=", { headers = { ["X-Empty"] = "" } },
    },
    ["where another text that the client has sent is not UTF-8 either"] = {
      function() return { x = "\255" } end, "/x", { headers = { ["User-Agent"] = "caf\233" } },
    },
    ["where it is a number that the client has not sent"] = { function() return { x = 0 / 0 } end, "/x?q=inf" },
    ["where a key has a name like what is wrong elsewhere"] = {
      function() return { ["NaN: UTF-8"] = print } end, "/x?q=nan&b=%FF",
    },
  } do
    it(what, function()
      assert.equal(500, (status_of(case[1], case[2], case[3])))
    end)
  end

  it("again, though an error that is kept was a client's once", function()
    local kept
    local function handler(request)
      local ok, err = pcall(tg.json.decode, "{wrong")
      kept = kept or not ok and err
      error(kept, request.query.n and 0 or 0)
    end
    assert.equal(400, (status_of(handler, "/x?n=%7Bwrong")))
    assert.equal(500, (status_of(handler)))
  end)
end)

describe("A value of the client's in tg.abort", function()
  for what, fields in pairs {
    ["a member"] = function(text) return { name = text } end,
    ["a header"] = function(text) return { headers = { ["X-Name"] = text } } end,
    ["a header's name"] = function(text) return { headers = { [text] = "x" } } end,
  } do
    it(("as %s is the client's fault"):format(what), function()
      local status
      local lines = server.logged(function()
        status = t.app(function(app)
          app:get("/x", function(request) return tg.abort(404, "none", fields(request.query.n)) end)
        end):get("/x?n=a%0A%FF").status
      end)
      assert.equal(400, status)
      assert.same({}, lines)
    end)
  end
end)

describe("The detail of what the client has sent a part of", function()
  for _, prefix in ipairs { "//internal.host/", "unix:/run/secret/", "http://internal.host/" } do
    it("does not tell the rest: " .. prefix, function()
      local answer = t.app(function(app)
        app:get("/x", function(request) return tg.http.get(prefix .. request.query.n .. "\0") end)
      end):get("/x?n=a%20%00b")
      assert.equal(400, answer.status)
      assert.is_nil(answer:body():find("internal", 1, true) or answer:body():find("secret", 1, true))
    end)
  end
end)
