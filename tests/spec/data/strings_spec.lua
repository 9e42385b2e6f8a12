-- The big list of naughty strings, in queries, headers, forms, cookies and JSON.
local tg = require "tidegate"
local t = require "tidegate.testing"
local dataset = require "tests.support.dataset"

describe("a naughty string", function()
  local text = dataset.read("strings/blns.json")
  local strings = text and tg.json.decode(text) or {}

  local function new_client()
    return t.app(function(app)
      app:get("/query", function(request)
        return request.query.s or "missing"
      end)
      app:get("/header", function(request)
        return request.headers["x-s"] or "missing"
      end)
      app:post("/form", function(request)
        return request:form().s or "missing"
      end)
      app:post("/json", function(request)
        return request:json()
      end)
      app:get("/path/{s}", function(request)
        return request.params.s
      end)
    end)
  end

  it("comes through a query whole", function()
    local client = new_client()
    for _, string in ipairs(strings) do
      assert.equal(string, client:get("/query", { query = { s = string } }):body())
    end
  end)

  it("comes through a header, without the blanks around it, or is refused at the call", function()
    local client = new_client()
    for _, string in ipairs(strings) do
      local ok, answer = pcall(client.get, client, "/header", { headers = { ["X-S"] = string } })
      if string:find("[\r\n%z]") then
        assert.is_false(ok)
      elseif ok and answer.status == 200 then
        assert.equal(string:match("^[ \t]*(.-)[ \t]*$"), answer:body())
      else
        assert.truthy(string:find("%c")) -- a control character that HTTP does not allow
        assert.truthy(not ok or answer.status == 400)
      end
    end
  end)

  it("comes through a form whole", function()
    local client = new_client()
    for _, string in ipairs(strings) do
      local coded = string:gsub("[^%w]", function(byte)
        return ("%%%02x"):format(byte:byte())
      end)
      local options = { body = "s=" .. coded, headers = { ["Content-Type"] = "application/x-www-form-urlencoded" } }
      assert.equal(string, client:post("/form", options):body())
    end
  end)

  it("comes through JSON whole", function()
    local client = new_client()
    for _, string in ipairs(strings) do
      local answer = client:post("/json", { json = { s = string } }):json()
      assert.equal(string, answer.s)
    end
  end)

  it("in a path is found by its route, or is refused", function()
    local client = new_client()
    for _, string in ipairs(strings) do
      local coded = string:gsub("[^%w]", function(byte)
        return ("%%%02x"):format(byte:byte())
      end)
      local answer = client:get("/path/" .. coded)
      if answer.status == 200 then
        assert.equal(string, answer:body())
      else
        assert.truthy(answer.status == 400 or answer.status == 404)
        assert.truthy(string == "" or string == "." or string == ".." or string:find("[%c/]"))
      end
    end
  end)
end)
