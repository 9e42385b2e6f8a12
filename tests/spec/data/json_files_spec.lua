-- JSONTestSuite: 318 files, whose names say what a parser must do with them.
local tg = require "tidegate"
local t = require "tidegate.testing"
local dataset = require "tests.support.dataset"

-- What lua-cjson takes beyond RFC 8259; json.lua says so.
local LENIENT = {
  ["n_number_-2..json"] = true,
  ["n_number_0.e1.json"] = true,
  ["n_number_2.e+3.json"] = true,
  ["n_number_2.e-3.json"] = true,
  ["n_number_2.e3.json"] = true,
  ["n_number_neg_real_without_int_part.json"] = true,
  ["n_number_real_without_fractional_part.json"] = true,
  ["n_string_unescaped_newline.json"] = true,
  ["n_string_unescaped_tab.json"] = true,
}

local function expected(name)
  local kind = name:sub(1, 1)
  return (kind == "y" or LENIENT[name]) and "accepted" or kind == "n" and "refused" or "either"
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

  it("that is accepted is encoded to what is accepted again", function()
    each(function(text)
      local ok, value = pcall(tg.json.decode, text)
      local encoded, again = pcall(tg.json.encode, value)
      if ok and encoded then -- an infinite number cannot be
        tg.json.decode(again)
      end
      return ok and "accepted" or "refused"
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
