local errors = require "tidegate.errors"
local json = require "tidegate.json"
local tg = require "tidegate"

local function message_of(fn, ...)
  local ok, err = pcall(fn, ...)
  assert.is_false(ok)
  assert.is_true(errors.is_error(err))
  assert.equal("json", err.kind)
  return tostring(err)
end

local function nested(depth)
  local value = {}
  for _ = 2, depth do
    value = { value }
  end
  return value
end

-- Encoding goes two ways: lua-cjson alone, and our own writer once a table was marked or lua-cjson refused. Both have
-- to say the same, so everything runs before and after the first mark.
for _, state in ipairs { "before any table was marked", "once a table was marked" } do
  describe("json.encode, " .. state .. ",", function()
    local encode

    setup(function()
      package.loaded["tidegate.json"] = nil
      local fresh = require "tidegate.json"
      package.loaded["tidegate.json"] = json
      if state == "once a table was marked" then
        fresh.array {}
      end
      encode = fresh.encode
    end)

    local cases = {
      { "a string", '"a string"' },
      { "", '""' },
      { 'quotes " and \\', [["quotes \" and \\"]] },
      { "controls \n\t\0\31", [["controls \n\t\u0000\u001f"]] },
      { "é €", '"é €"' },
      { 0, "0" },
      { -1.5, "-1.5" },
      { 1e15, "1e+15" },
      { 12345678901234, "12345678901234" },
      { true, "true" },
      { false, "false" },
      { json.null, "null" },
      { {}, "{}" },
      { { 1, 2, 3 }, "[1,2,3]" },
      { { { 1 }, { a = 1 } }, '[[1],{"a":1}]' },
      { { a = { b = { c = json.null } } }, '{"a":{"b":{"c":null}}}' },
      { { [1] = "a", [3] = "c" }, '["a",null,"c"]' },
      { { [1.5] = "x" }, '{"1.5":"x"}' },
      { { [1000000] = "far" }, '{"1000000":"far"}' },
    }
    for _, case in ipairs(cases) do
      it("writes " .. case[2], function()
        assert.equal(case[2], encode(case[1]))
      end)
    end

    it("makes an object of a table with keys of both kinds", function()
      local text = encode { "first", name = "x" }
      assert.is_true(text == '{"1":"first","name":"x"}' or text == '{"name":"x","1":"first"}')
    end)

    it("writes nil as null", function()
      assert.equal("null", encode(nil))
    end)

    it("names the place of what it cannot encode", function()
      local cases_of_place = {
        { { user = { print } }, "cannot encode as JSON at user.1: it is a function" },
        { { a = coroutine.create(print) }, "cannot encode as JSON at a: it is a thread" },
        { { a = io.stdout }, "cannot encode as JSON at a: it is a userdata" },
        { { list = { 1, 0 / 0 } }, "cannot encode as JSON at list.2: " },
        { { huge = 1 / 0 }, "cannot encode as JSON at huge: " },
        { { a = { [true] = 1 } }, "cannot encode as JSON at a: a key is a boolean" },
        { print, "cannot encode as JSON: it is a function" },
      }
      for _, case in ipairs(cases_of_place) do
        assert.matches(case[2], message_of(encode, case[1]), 1, true)
      end
    end)

    it("refuses NaN and infinity, which JSON does not have", function()
      for _, number in ipairs { 0 / 0, 1 / 0, -1 / 0 } do
        message_of(encode, number)
        message_of(encode, { number })
      end
    end)

    it("takes deep nesting, to a limit", function()
      assert.equal(("["):rep(899) .. "{}" .. ("]"):rep(899), encode(nested(900)))
      assert.matches("nested deeper than 1000 levels", message_of(encode, nested(2000)))
      assert.matches("nested deeper than 1000 levels", message_of(encode, nested(100000)))
    end)

    it("refuses a table that contains itself", function()
      local loop = { name = "loop" }
      loop.child = { loop }
      assert.matches("or contains itself", message_of(encode, loop), 1, true)
    end)
  end)
end

describe("json.array", function()
  it("is an array even when it is empty", function()
    assert.equal("[]", json.encode(json.array()))
    assert.equal('{"list":[]}', json.encode { list = json.array {} })
    assert.equal("[[]]", json.encode { json.array() })
  end)

  it("returns the same table", function()
    local list = { 1 }
    assert.equal(list, json.array(list))
    assert.equal("[1]", json.encode(list))
  end)

  it("refuses keys that are no positions", function()
    local message = message_of(json.encode, { a = json.array { x = 1 } })
    assert.matches("at a: it is marked as an array and has keys that are no positions", message, 1, true)
  end)
end)

describe("json.object", function()
  it("is an object even when its keys are positions", function()
    assert.equal('{"1":"a"}', json.encode(json.object { "a" }))
    assert.equal("{}", json.encode(json.object()))
    assert.equal('[{"1":2}]', json.encode { json.object { 2 } })
  end)
end)

describe("json.raw", function()
  it("goes into the answer as it is", function()
    assert.equal('{"a":[1, 2 ,3]}', json.encode { a = json.raw "[1, 2 ,3]" })
    assert.equal("  {}  ", json.encode(json.raw "  {}  "))
    assert.equal('["x",1.50]', json.encode { "x", json.raw "1.50" })
  end)

  it("takes a string only", function()
    for _, wrong in ipairs { 5, {}, true } do
      local ok, message = pcall(json.raw, wrong)
      assert.is_false(ok)
      assert.matches("json.raw takes a string of JSON", message, 1, true)
    end
  end)

  it("is collected when nobody needs it", function()
    local bytes = ("x"):rep(100000)
    collectgarbage()
    local before = collectgarbage "count"
    for number = 1, 100 do
      json.raw(bytes .. number)
    end
    collectgarbage()
    collectgarbage()
    assert.is_true(collectgarbage "count" - before < 1000)
  end)
end)

describe("json.decode", function()
  it("reads every kind of value", function()
    assert.same({ a = { 1, 2.5, -3e2 }, b = "x\n€", c = true, d = false }, json.decode [[
      {"a": [1, 2.5, -3e2], "b": "x\n\u20ac", "c": true, "d": false} ]])
    assert.equal(json.null, json.decode "null")
    assert.equal(json.null, json.decode('{"a":null}').a)
    assert.equal(5, json.decode "5")
    assert.equal("😀", json.decode [["\ud83d\ude00"]])
  end)

  it("gives back what was encoded", function()
    local value = { list = { 1, 2, { x = json.null } }, text = "q\"\\\0", flag = false, number = 0.1 }
    assert.same(value, json.decode(json.encode(value)))
  end)

  it("says where a text is no JSON", function()
    local cases = {
      "", " ", "{", "[1,]", "{'a':1}", '{"a" 1}', "nul", '"open', "[1] 2", "NaN", "Infinity", "-", "0x10",
      "01x", '{"a":1,}', '"\\x41"', "[1 2]", "\255",
      "{}\0", '{"a":1}\0{"a":2}', '"a\0b"', "\0",
    }
    for _, text in ipairs(cases) do
      assert.matches("^not JSON: ", message_of(json.decode, text))
    end
    assert.matches("character 4", message_of(json.decode, "[1,]"))
  end)

  it("refuses what is no text", function()
    for _, wrong in ipairs { {}, true, print } do
      message_of(json.decode, wrong)
    end
    message_of(json.decode, nil)
  end)

  it("takes deep nesting, to a limit", function()
    assert.is_table(json.decode(("["):rep(900) .. ("]"):rep(900)))
    message_of(json.decode, ("["):rep(100000))
    message_of(json.decode, ("["):rep(100000) .. ("]"):rep(100000))
  end)
end)

describe("tg.json and tg.null", function()
  it("are the module's", function()
    assert.equal(json.encode, tg.json.encode)
    assert.equal(json.null, tg.null)
    assert.equal("null", tg.json.encode(tg.null))
    assert.equal(require("cjson").null, tg.null)
  end)
end)
