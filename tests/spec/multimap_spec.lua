-- luacheck: ignore 113
local multimap = require "tidegate.multimap"
local tg = require "tidegate"

local values = tg.values

-- What a map shows to whoever iterates over it.
local function shown(map)
  local seen = {}
  for name, value in pairs(map) do
    assert.is_nil(seen[name])
    seen[name] = value
  end
  return seen
end

-- Names that could be taken for something of ours.
local NAMES = {
  "all", "with", "values", "get", "set", "pairs", "fold", "next", "__index", "__newindex", "__name", "__pairs",
  "__metatable", "__len", "__call", "n", "count", "order", "lists", "held", "origin", "ended", "1", "", "constructor",
}

local makers = {
  ["a query"] = function(flat) return multimap.pairs(flat) end,
  ["a query with a repeated name"] = function(flat)
    return multimap.pairs { "twice", "1", "twice", "2", unpack(flat) }
  end,
  ["fields"] = function(flat) return (multimap.fields(flat)) end,
}

for what, make in pairs(makers) do
  describe(what, function()
    it("has no names but its own, and every name that it was given", function()
      for _, name in ipairs(NAMES) do
        local empty, once, twice = make {}, make { name, "1" }, make { name, "1", name, "2" }
        assert.is_nil(empty[name], name)
        assert.same({}, values(empty, name))
        assert.equal("1", once[name], name)
        assert.same({ "1" }, values(once, name))
        assert.same({ "1", "2" }, values(twice, name))
        assert.equal(what == "fields" and "1, 2" or "1", shown(twice)[name])
        once[name] = "3"
        assert.equal("3", once[name])
        once[name] = nil
        assert.is_nil(once[name])
        assert.same({}, values(once, name))
      end
      assert.is_nil(make({})[1])
      assert.is_nil(make({})[true])
    end)

    it("is iterated as it stands, also while it is changed", function()
      local map = make { "a", "1", "b", "2", "c", "3" }
      map.b, map.d = nil, "4"
      local expected = { a = "1", c = "3", d = "4" }
      expected.twice = map.twice
      assert.same(expected, shown(map))
      local count = 0
      for name in pairs(map) do
        map[name], count = nil, count + 1
      end
      assert.equal(map.twice == nil and expected.twice and 4 or 3, count)
      assert.is_nil(next(map))
    end)

    it("is passed on by next, name by name", function()
      local seen, name, value = {}
      local map = make { "a", "1", "b", "2" }
      repeat
        name, value = next(map, name)
        seen[name or 0] = value
      until name == nil
      assert.same(shown(map), seen)
      seen = {}
      for key, item in next, map do
        seen[key] = item
      end
      assert.same(shown(map), seen)
    end)

    it("is JSON of what it shows, wherever it stands", function()
      local map = make { "a", "1", "b", "2", "b", "3" }
      local expected = shown(map)
      assert.same(expected, tg.json.decode(tg.json.encode(map)))
      assert.same({ x = { expected }, y = { 1 } }, tg.json.decode(tg.json.encode { x = { map }, y = { 1 } }))
      local circle = { map }
      circle.again = circle
      assert.is_false(pcall(tg.json.encode, circle))
    end)

    it("gives lists of its own, which nobody can change it through", function()
      local map = make { "a", "1", "a", "2" }
      values(map, "a")[1] = "changed"
      assert.same({ "1", "2" }, values(map, "a"))
    end)

    it("has a copy with changes, which leaves it as it is", function()
      local map = make { "a", "1", "b", "2", "b", "3", "c", "4" }
      local before = shown(map)
      local copy = tg.with(map, { a = false, b = "x", d = { "5", 6 }, e = 7 })
      assert.same(before, shown(map))
      assert.is_nil(copy.a)
      assert.same({ "x" }, values(copy, "b"))
      assert.same({ "4" }, values(copy, "c"))
      assert.same({ "5", 6 }, values(copy, "d"))
      assert.equal(7, copy.e)
      assert.same({ "2", "3" }, values(tg.with(map, {}), "b"))
    end)
  end)
end

describe("a query", function()
  it("shows the first value of a name, and tells names of different case apart", function()
    local query = multimap.pairs { "a", "1", "A", "2", "a", "3" }
    assert.equal("1", query.a)
    assert.equal("2", query.A)
    assert.same({ "2" }, values(query, "A"))
    assert.same({}, values(multimap.pairs { "a", "1" }, "A"))
  end)

  local flat = multimap.flat

  it("is handed on pair by pair, in the order in which they came", function()
    for _, pairs_of in ipairs { {}, { "a", "1" }, { "b", "1", "a", "2" }, { "b", "1", "a", "2", "b", "3", "", "" } } do
      assert.same(pairs_of, flat(multimap.pairs(pairs_of)))
    end
  end)

  it("is handed on with what a script has set, be it what was there, and without what it has removed", function()
    for _, case in ipairs {
      { "x", { "a", "x", "b", "2" } },
      { "1", { "a", "1", "b", "2" } },
      { "3", { "a", "3", "b", "2" } },
      { nil, { "b", "2" } },
    } do
      local query = multimap.pairs { "a", "1", "b", "2", "a", "3" }
      query.a = case[1]
      assert.same(case[2], flat(query))
    end
    local query = multimap.pairs { "b", "1", "a", "2" }
    query.z, query.c, query.b = "3", "4", nil
    assert.same({ "a", "2", "c", "4", "z", "3" }, flat(query))
  end)
end)

describe("fields", function()
  local fields = multimap.fields {
    "Content-Type", "text/plain", "ACCEPT", "a", "accept", "b", "Set-Cookie", "x=1", "set-cookie", "y=2",
    "Cookie", "a=1", "Cookie", "b=2",
  }

  it("are found without regard to case", function()
    for _, name in ipairs { "Content-Type", "content-type", "CONTENT-TYPE" } do
      assert.equal("text/plain", fields[name])
      assert.same({ "text/plain" }, values(fields, name))
    end
    assert.is_nil(fields["Content-Length"])
  end)

  it("are joined where they came several times, as RFC 9110 says, but for Set-Cookie, which is no list", function()
    assert.equal("a, b", fields.Accept)
    assert.equal("a=1; b=2", fields.Cookie)
    assert.equal("x=1", fields["Set-Cookie"])
    assert.same({ "x=1", "y=2" }, values(fields, "Set-Cookie"))
  end)

  it("are set and removed without regard to case, and are there once", function()
    for _, name in ipairs { "x-user", "X-User", "X-USER" } do
      for _, came in ipairs { {}, { "X-User", "c" }, { "x-user", "c" }, { "X-User", "c", "x-USER", "d" } } do
        local map = multimap.fields(came)
        map[name] = "alice"
        assert.same({ ["x-user"] = "alice" }, shown(map))
        assert.same({ "alice" }, values(map, "X-uSER"))
        assert.same({ ["x-user"] = "alice" }, (multimap.to_lines(map)))
        map[name] = { "a", "b" }
        assert.same({ "a", "b" }, values(map, "x-user"))
        map[name] = nil
        assert.same({}, shown(map))
        assert.same({}, (multimap.to_lines(map)))
      end
    end
  end)

  it("refuse what is no field, where it is set", function()
    local map = multimap.fields {}
    local function refused(name, value)
      local ok, message = pcall(function() map[name] = value end)
      assert.is_false(ok)
      return message
    end
    assert.matches("header X-A: a value must be a string, a number or a list of them, not true",
      refused("X-A", true), 1, true)
    assert.matches("not false", refused("X-A", false), 1, true)
    assert.matches("not a function", refused("X-A", { print }), 1, true)
    assert.matches("a header's name must be a string, not 1", refused(1, "x"), 1, true)
    assert.matches("multimap_spec.lua", refused("X-A", true), 1, true)
  end)

  it("turn into lines that say each field as it came", function()
    local lines = multimap.to_lines(fields)
    assert.same({ "a", "b" }, lines.accept)
    assert.same({ "x=1", "y=2" }, lines["set-cookie"])
    assert.equal("text/plain", lines["content-type"])
  end)

  it("are told apart from other tables", function()
    assert.is_true(multimap.is_fields(fields))
    assert.is_false(multimap.is_fields(multimap.pairs {}))
    assert.is_false(multimap.is_fields {})
  end)

  it("are refused loudly by an encoder that looks at slots alone", function()
    assert.is_false(pcall(require("cjson").encode, fields))
  end)
end)

describe("tg.values", function()
  it("takes plain tables of headers, too", function()
    local headers = { ["X-A"] = "1", ["X-B"] = { "2", 3 } }
    assert.same({ "1" }, values(headers, "x-a"))
    assert.same({ "2", 3 }, values(headers, "X-B"))
    assert.same({}, values(headers, "X-C"))
    local response = tg.response { headers = headers }
    assert.same({ "2", 3 }, values(response.headers, "x-b"))
  end)

  it("says what it cannot take", function()
    local function refused(...)
      local ok, message = pcall(values, ...)
      assert.is_false(ok)
      return message
    end
    for _, case in ipairs { { "x", 'the string "x"' }, { 1, "1" }, { true, "true" }, { print, "a function" } } do
      assert.matches("tg.values takes a map like request.query or request.headers, not " .. case[2],
        refused(case[1], "a"), 1, true)
    end
    assert.matches("not nil", refused(nil, "a"), 1, true)
    assert.matches("not an upstream's answer", refused(setmetatable({}, {
      __index = {}, __name = "tidegate.ClientResponse" }), "a"), 1, true)
    assert.matches("tg.values: a name must be a string, not nil", refused({}), 1, true)
  end)
end)

describe("tg.with", function()
  it("finds headers in any spelling, in plain tables too", function()
    local copy = tg.with({ ["X-A"] = "1", ["X-B"] = "2" }, { ["x-a"] = "3", ["x-b"] = false, ["X-C"] = "4" })
    assert.same({ ["X-A"] = "3", ["X-C"] = "4" }, shown(copy))
    assert.equal("3", copy["x-A"])
  end)

  it("says what it cannot do", function()
    local function refused(...)
      local ok, message = pcall(tg.with, ...)
      assert.is_false(ok)
      return message
    end
    assert.matches("tg.with takes a map like request.query or request.headers, not nil", refused(nil, {}), 1, true)
    assert.matches("a table of changes, not nil", refused({}), 1, true)
    assert.matches("header X%-A is given in two spellings", refused({}, { ["x-a"] = "1", ["X-A"] = "1" }):gsub("x%-a",
      "X-A"))
    assert.matches("tg.with: x is true; it takes a value, or false to remove the name", refused({}, { x = true }), 1,
      true)
    assert.matches("not a function", refused(multimap.fields {}, { x = print }), 1, true)
  end)
end)

describe("iterating", function()
  it("over everything else is as ever", function()
    assert.same({ 1, 2, a = 3 }, shown { 1, 2, a = 3 })
    assert.same({ a = 1 }, shown(setmetatable({ a = 1 }, { __pairs = error, __index = error })))
    assert.is_nil(next {})
    for _, fn in ipairs { pairs, next } do
      for _, value in ipairs { 1, "x", true, print } do
        local ok, message = pcall(fn, value)
        assert.is_false(ok)
        assert.matches("table expected", message, 1, true)
      end
      assert.is_false(pcall(fn, nil))
    end
  end)
end)
