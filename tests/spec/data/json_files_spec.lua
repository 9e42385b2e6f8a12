-- JSONTestSuite: 318 files, whose names say what a parser must do with them.
local tg = require "tidegate"
local t = require "tidegate.testing"
local dataset = require "tests.support.dataset"

local KINDS = { y = "accepted", n = "refused", i = "either" }

local function expected(name)
  return KINDS[name:sub(1, 1)]
end

describe("a file of JSON", function()
  local files = dataset.unpack("json/test_parsing.tar.gz")

  local function each(try)
    local count = 0
    for name, text in pairs(files) do
      count = count + 1
      local wanted, got = expected(name), try(text)
      if wanted ~= "either" then
        assert.equal(name .. " " .. wanted, name .. " " .. got)
      end
    end
    assert.truthy(count == 0 or count > 300)
  end

  it("is decoded or refused as its name says", function()
    each(function(text)
      return pcall(tg.json.decode, text) and "accepted" or "refused"
    end)
  end)

  it("that is accepted is encoded to what is accepted again, and is the same", function()
    each(function(text)
      local ok, value = pcall(tg.json.decode, text)
      if ok then
        local encoded = tg.json.encode(value)
        local again = tg.json.decode(encoded)
        assert.same(value, again)
        assert.equal(encoded, tg.json.encode(again))
      end
      return ok and "accepted" or "refused"
    end)
  end)

  it("that an upstream sends is read, or an error of kind json", function()
    local sent
    local app = t.app(function(app)
      app:get("/", function()
        local ok, err = pcall(function()
          tg.http.get("http://upstream.test/"):json()
        end)
        return ok and "accepted" or err.kind == "json" and "refused" or "another error"
      end)
    end)
    t.upstream {
      address = "http://upstream.test",
      routes = {
        ["GET /"] = function()
          return sent
        end,
      },
    }
    each(function(text)
      sent = text
      return app:get("/"):body()
    end)
  end)

  it("as a request's body is read, or answered with 400", function()
    local client = t.app(function(app)
      app:post("/", function(request)
        request:json()
        return "read"
      end)
    end)
    each(function(text)
      local answer = client:post("/", { body = text, headers = { ["Content-Type"] = "application/json" } })
      assert.truthy(answer.status == 200 or answer.status == 400, answer.status)
      return answer.status == 200 and "accepted" or "refused"
    end)
  end)
end)
