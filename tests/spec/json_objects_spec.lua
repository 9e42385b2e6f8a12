-- The gateway's own objects are no data: where one comes to stand in an answer, the error names it and its place.
local server = require "tests.support.server"
local t = require "tidegate.testing"
local tg = require "tidegate"
local errors = require "tidegate.errors"

describe("an object of the gateway's own", function()
  local function message_of(value)
    local ok, err = pcall(tg.json.encode, value)
    assert.is_false(ok)
    return err.message
  end

  local function answer_of()
    return t.app(function(app) app:get("/", function() return { secret = 1 } end) end):get "/"
  end

  it("is refused where it stands, with what to write", function()
    local answer = answer_of()
    for place, value in pairs { [""] = answer, [" at a"] = { a = answer }, [" at a.2"] = { a = { 1, answer } } } do
      assert.equal("cannot encode as JSON" .. place .. ": it is an upstream's answer; write answer:json() for what it "
        .. "says, or answer:body()", message_of(value))
    end
    assert.matches("it is a response object", message_of { tg.response {} }, 1, true)
    for name, value in pairs {
      Event = tg.event(), Semaphore = tg.semaphore(1), Lock = tg.lock(), Channel = tg.channel(1),
      Client = tg.http.client { base_url = "http://a" },
    } do
      assert.equal(("cannot encode as JSON at b: it is a %s of tidegate's, which is not data"):format(name),
        message_of { b = value })
    end
    tg.scope(function(scope)
      assert.matches("it is a Scope of tidegate's", message_of { scope }, 1, true)
    end)
  end)

  it("fails the request that answers with it, and says so in the log", function()
    local client = t.app(function(app)
      app:get("/request", function(request) return { request = request } end)
      app:get("/itself", function(request) return request end)
      app:get("/inside", function() return 200, tg.response { body = "x" } end)
      app:get("/within", function() return tg.response { body = tg.response { body = "x" } } end)
    end)
    for path, message in pairs {
      ["/request"] = "cannot encode as JSON at request: it is a request; write the fields of it that are meant",
      ["/itself"] = "cannot encode as JSON: it is a request; write the fields of it that are meant",
      ["/inside"] = "a response object is a whole answer, not a body: return it alone",
      ["/within"] = "a response object is a whole answer, not a body: return it alone",
    } do
      local lines = server.logged(function()
        assert.equal(500, client:get(path).status)
      end)
      assert.matches(message, lines[1].message, 1, true)
    end
  end)

  it("that holds data is data: headers, queries, errors, and tables of a script's own kind", function()
    local client = t.app(function(app)
      app:get("/", function(request) return { request.query, request.params, request.cookies } end)
      app:get("/headers", function(request) return request.headers end)
    end)
    assert.same({ { a = "1" }, {}, {} }, client:get("/?a=1"):json())
    assert.equal("app.test", client:get("/headers"):json().host)
    assert.equal('{"kind":"x","message":"y"}', tg.json.encode(errors.new { kind = "x", message = "y" }))
    assert.equal('{"a":1}', tg.json.encode(setmetatable({ a = 1 }, { __name = "point" })))
    assert.equal('{"a":1}', tg.json.encode(setmetatable({ a = 1 }, { __name = "tidegatepoint" })))
    assert.equal('{"a":1}', tg.json.encode(setmetatable({ a = 1 }, { __name = 5 })))
  end)
end)
