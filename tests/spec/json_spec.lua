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

describe("json.encode", function()
  local cases = {
    { "a string", '"a string"' },
    { "", '""' },
    { 'quotes " and \\', [["quotes \" and \\"]] },
    { "controls \n\t\0\31", [["controls \n\t\u0000\u001f"]] },
    { "\b\f\r\127", '"\\b\\f\\r\127"' },
    { "é €", '"é €"' },
    { "</script>", '"</script>"' },
    { "\226\128\168\226\128\169", '"\226\128\168\226\128\169"' },
    { 0, "0" },
    { -0, "-0" },
    { -1.5, "-1.5" },
    { 1e15, "1000000000000000" },
    { 12345678901234, "12345678901234" },
    { 2 ^ 53, "9007199254740992" },
    { -(2 ^ 53), "-9007199254740992" },
    { 0.1, "0.1" },
    { 0.30000000000000004, "0.30000000000000004" },
    { 1e300, "1e300" },
    { 5e-324, "5e-324" },
    { true, "true" },
    { false, "false" },
    { json.null, "null" },
    { {}, "{}" },
    { { 1, 2, 3 }, "[1,2,3]" },
    { { json.null, json.null }, "[null,null]" },
    { { { 1 }, { a = 1 } }, '[[1],{"a":1}]' },
    { { a = { b = { c = json.null } } }, '{"a":{"b":{"c":null}}}' },
    { { b = 1, a = 2, ["a/"] = 3, [""] = 4, ["\n"] = 5, ["ä"] = 6, B = 7 },
      '{"":4,"\\n":5,"B":7,"a":2,"a/":3,"b":1,"ä":6}' },
    { { abcdefgh1 = 1, abcdefgh = 2, abcdefg = 3, abcdefgh0 = 4 },
      '{"abcdefg":3,"abcdefgh":2,"abcdefgh0":4,"abcdefgh1":1}' },
  }
  for _, case in ipairs(cases) do
    it("writes " .. case[2], function()
      assert.equal(case[2], json.encode(case[1]))
    end)
  end

  it("writes nil as null", function()
    assert.equal("null", json.encode(nil))
  end)

  it("escapes what must be escaped, and nothing else, wherever it stands", function()
    for byte = 0, 127 do
      for before = 0, 17 do
        local text = ("x"):rep(before) .. string.char(byte) .. ("y"):rep(9)
        local encoded = json.encode(text)
        local escaped = byte < 32 or byte == 34 or byte == 92
        assert.equal(escaped, encoded:find("\\", 1, true) ~= nil)
        assert.equal(text, json.decode(encoded))
      end
    end
  end)

  it("takes text of any length", function()
    for _, unit in ipairs { "x", "é", "€", "😀", "\n", '"', "a\0", "xxxxxxx€" } do
      for _, count in ipairs { 63, 64, 65, 511, 512, 513, 1024, 5000 } do
        local text = unit:rep(count)
        assert.is_true(text == json.decode(json.encode(text)))
      end
    end
  end)

  it("puts the names of large objects in order", function()
    for _, count in ipairs { 2, 12, 13, 100, 3000 } do
      local fields, names = {}, {}
      for number = 1, count do
        names[number] = ("%s-%d"):format(("n"):rep(number % 11), number * 7919 % count)
        fields[names[number]] = { number }
      end
      table.sort(names)
      local at = {}
      for name in json.encode(fields):gmatch '"([^"]*)":' do
        at[#at + 1] = name
      end
      assert.same(names, at)
    end
  end)

  it("reads tables as they are, without their metamethods", function()
    local value = setmetatable({ a = 1 }, {
      __index = function()
        error "asked"
      end,
      __pairs = function()
        error "asked"
      end,
      __tostring = function()
        error "asked"
      end,
    })
    assert.equal('{"a":1}', json.encode(value))
    assert.equal("[1]", json.encode(setmetatable({ 1 }, { __index = { 1, 2, 3 }, __len = function() return 3 end })))
  end)

  it("names a place of keys that are numbers, however many there are below it", function()
    for _, count in ipairs { 60, 600, 6000 } do -- their names are kept in one place, which grows
      local inner = {}
      for number = 1, count do
        inner[100000 + number * 2] = true
      end
      inner[987654] = print
      local ok, err = pcall(json.encode, { [10] = { [20] = inner } })
      assert.is_false(ok)
      assert.equal("cannot encode as JSON at 10.20.987654: it is a function", tostring(err))
    end
  end)

  it("names the place of what it cannot encode", function()
    local cases_of_place = {
      { { user = { print } }, "cannot encode as JSON at user.1: it is a function" },
      { { a = coroutine.create(print) }, "cannot encode as JSON at a: it is a thread" },
      { { a = io.stdout }, "cannot encode as JSON at a: it is a userdata" },
      { { a = 1LL }, "cannot encode as JSON at a: it is a cdata" },
      { { list = { 1, 0 / 0 } }, "cannot encode as JSON at list.2: it is NaN, which JSON does not have" },
      { { huge = 1 / 0 }, "cannot encode as JSON at huge: it is infinite, which JSON does not have" },
      { { a = { [true] = 1 } }, "cannot encode as JSON at a: a key is a boolean" },
      { { [math.huge] = 1 }, "cannot encode as JSON: a key is infinite" },
      { print, "cannot encode as JSON: it is a function" },
      { { name = "caf\233" }, "cannot encode as JSON at name: its text is not UTF-8 (byte 4 is 0xE9)" },
      { { { ["caf\233"] = 1 } }, "cannot encode as JSON at 1.caf…: the key's text is not UTF-8" },
      { { a = 1, b = { 1, { c = 2, d = print } } }, "cannot encode as JSON at b.2.d: it is a function" },
      { { [5] = { [7.5] = print } }, "cannot encode as JSON at 5.7.5: it is a function" },
      { { [("n"):rep(100)] = print }, "at " .. ("n"):rep(60) .. "…: it is a function" },
      { { ["a\nb"] = print }, "at a…: it is a function" },
    }
    for _, case in ipairs(cases_of_place) do
      assert.matches(case[2], message_of(json.encode, case[1]), 1, true)
    end
  end)

  it("refuses NaN and infinity, which JSON does not have", function()
    for _, number in ipairs { 0 / 0, 1 / 0, -1 / 0 } do
      message_of(json.encode, number)
      message_of(json.encode, { number })
    end
  end)

  it("refuses text that is not UTF-8, as a value and as a key, wherever it stands", function()
    local wrong = { "\128", "\255", "\192\175", "\224\128\128", "\237\160\128", "\244\144\128\128", "\195", "\226\130",
      "\240\159\152" }
    for _, bytes in ipairs(wrong) do
      for before = 0, 9 do
        for _, after in ipairs { "", "y", "yyyyyyyyyy" } do
          local text = ("x"):rep(before) .. bytes .. after
          assert.matches("is not UTF%-8 %(byte " .. before + 1 .. " is", message_of(json.encode, { text }))
          assert.matches("is not UTF%-8", message_of(json.encode, { [text] = 1 }))
        end
      end
      assert.matches("byte 5001 is", message_of(json.encode, ("x"):rep(5000) .. bytes), 1, true)
    end
  end)

  it("takes deep nesting, to a limit", function()
    assert.equal(("["):rep(899) .. "{}" .. ("]"):rep(899), json.encode(nested(900)))
    assert.equal(("["):rep(999) .. "{}" .. ("]"):rep(999), json.encode(nested(1000)))
    assert.matches("nested deeper than 1000 levels", message_of(json.encode, nested(1001)))
    assert.matches("nested deeper than 1000 levels", message_of(json.encode, nested(100000)))
  end)

  it("refuses a table that contains itself", function()
    local loop = { name = "loop" }
    loop.child = { loop }
    assert.matches("or contains itself", message_of(json.encode, loop), 1, true)
  end)

  it("takes a table that stands in several places", function()
    local shared = { 1 }
    assert.equal('{"a":[1],"b":[1],"c":[[1],[1]]}', json.encode { a = shared, b = shared, c = { shared, shared } })
  end)

  it("goes on after what it refused", function()
    for _ = 1, 3 do
      message_of(json.encode, { { a = { { {}, { print } } } } })
      assert.equal('[{"a":[[1],{"b":"c"}]}]', json.encode { { a = { { 1 }, { b = "c" } } } })
    end
  end)
end)

describe("a table without a mark", function()
  it("is a list where its keys are 1 to n, and an object otherwise, however dense they are", function()
    local cases = {
      { { 1 }, "[1]" },
      { { [1] = "a", [2] = "b" }, '["a","b"]' },
      { { [1] = "a", [3] = "c" }, '{"1":"a","3":"c"}' },
      { { [2] = "b" }, '{"2":"b"}' },
      { { [1] = "a", [1000000] = "far" }, '{"1":"a","1000000":"far"}' },
      { { [1000000] = "far" }, '{"1000000":"far"}' },
      { { [0] = "z", "a" }, '{"0":"z","1":"a"}' },
      { { [-1] = "m" }, '{"-1":"m"}' },
      { { [1.5] = "x" }, '{"1.5":"x"}' },
      { { [2 ^ 53] = "x" }, '{"9007199254740992":"x"}' },
      { { [1e300] = "x" }, '{"1e300":"x"}' },
      { { "first", name = "x" }, '{"1":"first","name":"x"}' },
      { { [10] = 1, [9] = 2, [1] = 3 }, '{"1":3,"10":1,"9":2}' },
    }
    for _, case in ipairs(cases) do
      assert.equal(case[2], json.encode(case[1]))
      assert.equal("[" .. case[2] .. "]", json.encode { case[1] })
    end
  end)

  it("is a list in whatever order it was filled", function()
    for count = 1, 40 do
      local list, expected = {}, {}
      for number = count, 1, -1 do
        list[number], expected[number] = number, number
      end
      assert.equal("[" .. table.concat(expected, ",") .. "]", json.encode(list))
      list[math.max(count - 1, 1)] = nil
      assert.equal("{", json.encode(list):sub(1, 1))
    end
  end)

  it("is refused where two of its keys would become one", function()
    for _, key in ipairs { 1, 2, 0, -1, 1.5, 2 ^ 53, 1e300 } do
      local name = tg.json.encode(key)
      local message = message_of(json.encode, { a = { [key] = "number", [name] = "text", other = 1 } })
      assert.matches(('at a: its keys %s and "%s" would become one'):format(name, name), message, 1, true)
    end
    message_of(json.encode, json.object { [1] = "a", ["1"] = "b" })
    assert.equal('{"1":"a","1.0":"b","01":"c"}', (json.encode { [1] = "a", ["1.0"] = "b", ["01"] = "c" }:gsub(
      '("01":"c"),("1":"a"),("1.0":"b")', "%2,%3,%1")))
  end)
end)

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

  it("has null where nothing is", function()
    assert.equal('["a",null,"c"]', json.encode(json.array { [1] = "a", [3] = "c" }))
    assert.equal("[null,null,3]", json.encode(json.array { [3] = 3 }))
  end)

  it("refuses keys that are no positions", function()
    local wrong = { { x = 1 }, { [0] = 1 }, { [1.5] = 1 }, { [-1] = 1 }, { 1, 2, x = 3 }, { [2 ^ 40] = 1 } }
    for _, keys in ipairs(wrong) do
      local message = message_of(json.encode, { a = json.array(keys) })
      assert.matches("at a: it is marked as a list and has keys that are not positions in it", message, 1, true)
    end
  end)

  it("refuses a list that is nearly all gaps, which somebody else's number can make", function()
    local message = message_of(json.encode, { a = json.array { [1000000000] = 1 } })
    assert.matches("at a: it is a list of 1000000000 places with 1 values", message, 1, true)
  end)
end)

describe("json.object", function()
  it("is an object even when its keys are positions", function()
    assert.equal('{"1":"a"}', json.encode(json.object { "a" }))
    assert.equal("{}", json.encode(json.object()))
    assert.equal('[{"1":2}]', json.encode { json.object { 2 } })
  end)
end)

describe("json.array and json.object", function()
  it("take tables only", function()
    for _, name in ipairs { "array", "object" } do
      for _, case in ipairs { { 5, "5" }, { "x", 'the string "x"' }, { true, "true" }, { print, "a function" } } do
        local ok, message = pcall(json[name], case[1])
        assert.is_false(ok)
        assert.matches(("json.%s takes a table, not %s"):format(name, case[2]), message, 1, true)
      end
    end
  end)
end)

describe("json.raw", function()
  it("goes into the answer as it is", function()
    assert.equal('{"a":[1, 2 ,3]}', json.encode { a = json.raw "[1, 2 ,3]" })
    assert.equal("  {}  ", json.encode(json.raw "  {}  "))
    assert.equal('["x",1.50]', json.encode { "x", json.raw "1.50" })
    assert.equal('{"a":[],"b":{}}', json.encode { a = json.raw "[]", b = json.raw "{}" })
  end)

  it("takes a string only", function()
    for _, wrong in ipairs { 5, {}, true } do
      local ok, message = pcall(json.raw, wrong)
      assert.is_false(ok)
      assert.matches("json.raw takes a string of JSON", message, 1, true)
    end
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
    assert.equal("a\0b", json.decode [["a\u0000b"]])
    assert.equal("text", json.decode ' "text" ')
  end)

  it("gives back what was encoded", function()
    local value = { list = { 1, 2, { x = json.null } }, text = "q\"\\\0", flag = false, number = 0.1 }
    assert.same(value, json.decode(json.encode(value)))
  end)

  it("takes the last of several members of one name", function()
    assert.same({ a = 3, b = 2 }, json.decode '{"a":1,"b":2,"a":3}')
  end)

  it("reads numbers exactly", function()
    local cases = {
      ["9007199254740992"] = 2 ^ 53,
      ["-9007199254740992"] = -2 ^ 53,
      ["9007199254740993"] = 2 ^ 53, -- the nearest double
      ["18446744073709551615"] = 2 ^ 64,
      ["123456789012345678901234567890"] = 123456789012345678901234567890,
      ["0.30000000000000004"] = 0.1 + 0.2,
      ["1E2"] = 100,
      ["1.0"] = 1,
      ["1e-400"] = 0,
      ["1.7976931348623157e308"] = 1.7976931348623157e308,
      ["5e-324"] = 5e-324,
    }
    for text, number in pairs(cases) do
      assert.equal(number, json.decode(text))
      assert.equal(number, json.decode("[" .. text .. "]")[1])
    end
    assert.equal(-math.huge, 1 / json.decode "-0")
  end)

  it("says where a text is no JSON, and why", function()
    local cases = {
      { "", "it is empty" },
      { " \n", "it is empty" },
      { "{", "line 1, column 2: it ends too early" },
      { "[1,]", "line 1, column 3: trailing comma is not allowed" },
      { '{"a":1,}', "line 1, column 7: trailing comma is not allowed" },
      { "{'a':1}", "line 1, column 2: unexpected ''', expected a string for object key" },
      { '{"a" 1}', "line 1, column 6: unexpected '1', expected a colon after object key" },
      { "nul", "line 1, column 4: it ends too early" },
      { "nuls", "line 1, column 1: invalid literal" },
      { '"open', "line 1, column 6: it ends too early" },
      { "[1] 2", "line 1, column 5: something follows the value" },
      { "[1 2]", "line 1, column 4: unexpected '2', expected a comma or a closing bracket" },
      { "NaN", "line 1, column 1: unexpected 'N', expected a valid" },
      { "[-Infinity]", "line 1, column 3: no digit after minus sign" },
      { "-", "line 1, column 2: it ends too early" },
      { "0x10", "line 1, column 2: something follows the value" },
      { "01", "number with leading zero is not allowed" },
      { "[1.]", "line 1, column 4: no digit after decimal point" },
      { "[-.5]", "line 1, column 3: no digit after minus sign" },
      { "[.5]", "line 1, column 2: unexpected '.'" },
      { "[1e]", "line 1, column 4: no digit after exponent sign" },
      { "[1e400]", "line 1, column 2: number is infinity when parsed as double" },
      { "[-1e400]", "line 1, column 2: number is infinity when parsed as double" },
      { '["\\x41"]', "invalid escaped character in string" },
      { '["a\nb"]', "line 1, column 4: unexpected control character in string" },
      { '["a\0b"]', "line 1, column 4: unexpected control character in string" },
      { '["\\ud800"]', "no low surrogate in string" },
      { '["\\udc00"]', "invalid high surrogate in string" },
      { '["caf\233"]', "line 1, column 6: invalid UTF-8 encoding in string" },
      { '["\237\160\128"]', "line 1, column 3: invalid UTF-8 encoding in string" },
      { "\255", "line 1, column 1: unexpected byte 0xFF" },
      { "\239\187\191[]", "line 1, column 1: byte order mark (BOM) is not supported" },
      { "[1]\0", "line 1, column 4: something follows the value" },
      { '{"a":1}\0{"a":2}', "line 1, column 8: something follows the value" },
      { "\0", "line 1, column 1: unexpected byte 0x00" },
      { '{\n  "ü": "é",\n  "ö": x\n}', "line 3, column 8: unexpected 'x', expected a valid JSON value" },
      { "[1] // one", "line 1, column 5: something follows the value" },
      { "[/* one */ 1]", "line 1, column 2: unexpected '/'" },
    }
    for _, case in ipairs(cases) do
      local message = message_of(json.decode, case[1])
      assert.equal("not JSON: ", message:sub(1, 10))
      assert.matches(case[2], message, 1, true)
      if case[1]:find "%S" then -- and the same where the document is long
        message_of(json.decode, '["' .. ("x"):rep(1000) .. '", ' .. case[1] .. "]")
      end
    end
  end)

  it("refuses what is no text", function()
    for _, wrong in ipairs { {}, true, print, 5 } do
      assert.matches("a string is expected, not a " .. type(wrong), message_of(json.decode, wrong), 1, true)
    end
    message_of(json.decode, nil)
  end)

  it("takes deep nesting, to a limit", function()
    assert.is_table(json.decode(("["):rep(1000) .. ("]"):rep(1000)))
    local text = json.encode(json.decode(('{"a":'):rep(999) .. "[]" .. ("}"):rep(999)))
    assert.equal(('{"a":'):rep(999) .. "[]" .. ("}"):rep(999), text)
    for count = 1, 1000 do -- broken ones take more memory than those that are right
      assert.matches("it ends too early", message_of(json.decode, ("["):rep(count)), 1, true)
      assert.matches("it ends too early", message_of(json.decode, ("[1,"):rep(count)), 1, true)
    end
    message_of(json.decode, ("["):rep(100000))
    assert.matches("line 1, column 1001: it is nested deeper than 1000 levels",
      message_of(json.decode, ("["):rep(100000) .. ("]"):rep(100000)), 1, true)
    assert.matches("line 2, column 5999: it is nested deeper",
      message_of(json.decode, "\n" .. ('{"[":['):rep(1001) .. ("]}"):rep(1001)):gsub("column %d+", "column 5999"))
    assert.is_table(json.decode("[" .. ("[]"):rep(5000, ",") .. "]"))
  end)
end)

describe("a decoded document", function()
  local documents = {
    "[]", "{}", "null", "true", '""', "0", "-0", "[[]]", "[{}]", '{"a":[]}', '{"a":{}}', "[null]", "[1,null,3]",
    "[null,null]", '{"a":null}', "[[],{},[[]],[{}]]", '{"1":"a","2":"b"}', '{"0":1}', '[{"1":[]}]', '{"":{}}',
    "9007199254740991", "9007199254740992", "-9007199254740992", "0.30000000000000004", "1e300", "5e-324", "0.1",
    "[0.1,1.5,100,0.000001,1e-7]", '"/"', '"\226\128\168"', '"\\u0000"', '"\127"', '"😀"', '"\\"\\\\\\b\\f\\n\\r\\t"',
    '{"a":1,"b":2,"c":{"d":[1,2,{"e":null}]}}', "[" .. ("null,"):rep(999) .. "null]",
    '["' .. ("é"):rep(1000) .. '",[],{}]',
  }

  it("encodes to the same document", function()
    for _, text in ipairs(documents) do
      assert.equal(text, json.encode(json.decode(text)))
      assert.equal("[" .. text .. "]", json.encode { json.decode(text) })
      assert.equal('{"a":' .. text .. "}", json.encode(json.decode(' { "a" : ' .. text .. " } ")))
    end
  end)

  it("has numbers in one spelling", function()
    for given, written in pairs { ["1E2"] = "100", ["1.0"] = "1", ["-0.0"] = "-0", ["1.50"] = "1.5", ["1e0"] = "1" } do
      assert.equal(written, json.encode(json.decode(given)))
    end
  end)

  it("stays a list or an object however it is changed", function()
    local list = json.decode "[1]"
    list[1] = nil
    assert.equal("[]", json.encode(list))
    list[1], list[2] = "a", json.array()
    assert.equal('["a",[]]', json.encode(list))
    table.insert(list, 1, json.null)
    assert.equal('[null,"a",[]]', json.encode(list))
    list[2] = nil
    assert.equal("[null,null,[]]", json.encode(list))
    list.name = "x"
    assert.matches("marked as a list", message_of(json.encode, list))

    local fields = json.decode "{}"
    fields[1] = "a"
    assert.equal('{"1":"a"}', json.encode(fields))
    fields[1], fields.b = nil, {}
    assert.equal('{"b":{}}', json.encode(fields))
    fields.b = nil
    assert.equal("{}", json.encode(fields))
  end)

  it("can be marked as the other", function()
    assert.equal('{"1":1}', json.encode(json.object(json.decode "[1]")))
    assert.equal("[]", json.encode(json.array(json.decode "{}")))
    assert.equal('["a"]', json.encode(setmetatable(json.object { "a" }, nil)))
  end)

  it("comes from a thread as it went there", function()
    local document = '{"a":[],"b":{},"c":[null,[]]}'
    local again = tg.blocking("tests.support.in_thread", "echo", json.decode(document))
    assert.equal(document, json.encode(again))
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

describe("maps of what a client sent", function()
  it("are written as the objects that they show", function()
    local t = require "tidegate.testing"
    local client = t.app(function(app)
      app:get("/", function(request)
        return { query = request.query, header = { request.headers }, cookies = request.cookies }
      end)
    end)
    local headers = { ["X-A"] = { "1", "2" }, Cookie = "c=1; d=2" }
    local text = client:get("/?a=1&a=2&b=%2F&1=one", { headers = headers }):body()
    assert.matches('"query":{"1":"one","a":"1","b":"/"}', text, 1, true)
    assert.matches('"x-a":"1, 2"', text, 1, true)
    assert.matches('"cookies":{"c":"1","d":"2"}', text, 1, true)
    assert.matches('"header":[{', text, 1, true)
    assert.matches('"query":{}', client:get("/"):body(), 1, true)
  end)
end)

describe("a problem", function()
  it("is answered whatever is in its detail", function()
    local t = require "tidegate.testing"
    local client = t.app(function(app)
      app:get("/", function()
        tg.abort(400, "caf\233 \195\169 \240\159\152")
      end)
    end)
    local answer = client:get("/")
    assert.equal(400, answer.status)
    assert.equal("caf\239\191\189 é \239\191\189\239\191\189\239\191\189", answer:json().detail)
  end)
end)

describe("a list that Tidegate makes", function()
  it("is a list in JSON, an empty one and one with gaps too", function()
    local function nothing() end
    local client = require("tidegate.testing").app(function(app)
      app:get("/", function(request)
        return {
          map = tg.map({}, nothing), gaps = tg.map({ 1, 2, 3 }, function(n) return n == 3 and n or nil end),
          bounded = tg.map({}, nothing, { max = 2 }), range = tg.range(1, 0), values = tg.values(request.query, "a"),
        }
      end)
    end)
    assert.equal('{"bounded":[],"gaps":[null,null,3],"map":[],"range":[],"values":[]}', client:get("/"):body())
  end)
end)
