-- lua-cjson as scripts require it. Its lengths are ints: what they cannot hold must raise.
local cjson = require "cjson"

local function refused(fn, ...)
  local ok, message = pcall(fn, ...)
  assert.is_false(ok)
  assert.matches("cjson: the text could be longer than 1 GiB", message, 1, true)
end

describe("require cjson", function()
  it("is lua-cjson as it is", function()
    assert.equal('{"a":[1,2.5,"\\/",null]}', cjson.encode { a = { 1, 2.5, "/", cjson.null } })
    assert.equal("{}", cjson.encode(cjson.decode "[]"))
    assert.same({ a = { 1 } }, cjson.decode '{"a":[1]}')
    assert.equal("2.1.0", cjson._VERSION:sub(1, 5))
    local ok, message = pcall(cjson.encode, { print })
    assert.is_false(ok)
    assert.matches("Cannot serialise function", message)
    assert.is_false((pcall(cjson.decode, "[1,]")))
    assert.matches("expected 1 argument", select(2, pcall(cjson.encode)))
    assert.matches("expected 1 argument", select(2, pcall(cjson.encode, 1, 2)))
  end)

  it("refuses what its lengths cannot hold: one long string", function()
    local long = ("x"):rep(180 * 1024 * 1024)
    refused(cjson.encode, long)
    refused(cjson.encode, { a = { long } })
    refused(cjson.encode, { [long] = 1 })
    refused(cjson.new().encode, { long })
    refused(cjson.new().new().encode, { long })
    assert.equal(1000002, #cjson.encode(("x"):rep(1000000)))
  end)

  it("refuses what its lengths cannot hold: one string many times", function()
    local list, text = {}, ("x"):rep(1024 * 1024)
    for index = 1, 1000 do
      list[index] = text
    end
    refused(cjson.encode, list)
    refused(cjson.encode, { list })
    local doubled = { text }
    for _ = 1, 99 do
      doubled = { doubled, doubled }
    end
    refused(cjson.encode, doubled)
  end)

  it("refuses what its lengths cannot hold: places that are not there", function()
    local lenient = cjson.new()
    lenient.encode_sparse_array(true, 0)
    refused(lenient.encode, { [1000000000] = 1 })
    assert.equal("[null,null,1]", lenient.encode { [3] = 1 })
  end)

  it("raises as before where a value is nested too deep", function()
    local loop = {}
    loop[1] = loop
    local ok, message = pcall(cjson.encode, loop)
    assert.is_false(ok)
    assert.matches("excessive nesting", message)
  end)
end)
