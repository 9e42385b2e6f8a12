local multimap = require "tidegate.multimap"

describe("multimap.pairs", function()
  it("holds the first value of a name, and all of them behind all()", function()
    local query = multimap.pairs { "a", "1", "b", "2", "a", "3", "a", "4" }
    assert.equal("1", query.a)
    assert.equal("2", query.b)
    assert.is_nil(query.c)
    assert.same({ "1", "3", "4" }, query:all "a")
    assert.same({ "2" }, query:all "b")
    assert.same({}, query:all "c")
  end)

  it("tells names of different case apart", function()
    local query = multimap.pairs { "a", "1", "A", "2" }
    assert.equal("1", query.a)
    assert.equal("2", query.A)
  end)

  it("is iterated like any table", function()
    local seen = {}
    for name, value in pairs(multimap.pairs { "a", "1", "b", "2", "a", "3" }) do
      seen[name] = value
    end
    assert.same({ a = "1", b = "2" }, seen)
  end)

  it("keeps a name that is a method's away from the method", function()
    local query = multimap.pairs { "all", "1", "all", "2" }
    assert.is_function(query.all)
    assert.same({ "1", "2" }, query:all "all")
    assert.same({ "x" }, multimap.pairs({ "all", "x" }):all "all")
  end)

  it("takes empty names and values", function()
    local query = multimap.pairs { "", "", "a", "" }
    assert.equal("", query[""])
    assert.equal("", query.a)
    assert.same({ "" }, query:all "a")
  end)

  it("gives lists of its own, which nobody can change it through", function()
    local query = multimap.pairs { "a", "1", "a", "2" }
    query:all("a")[1] = "changed"
    assert.same({ "1", "2" }, query:all "a")
  end)

  it("has no names but its own", function()
    local query = multimap.pairs {}
    for _, name in ipairs { "__index", "fold", "__name", "pairs", 1 } do
      assert.is_nil(query[name])
    end
  end)
end)

describe("multimap.fields", function()
  local fields = multimap.fields {
    "Content-Type", "text/plain", "ACCEPT", "a", "accept", "b", "Set-Cookie", "x=1", "set-cookie", "y=2",
    "Cookie", "a=1", "Cookie", "b=2", "All", "secret",
  }

  it("finds a field without regard to case", function()
    assert.equal("text/plain", fields["Content-Type"])
    assert.equal("text/plain", fields["content-type"])
    assert.equal("text/plain", fields["CONTENT-TYPE"])
    assert.same({ "text/plain" }, fields:all "CONTENT-type")
    assert.is_nil(fields["Content-Length"])
  end)

  it("joins fields that came several times, as RFC 9110 says", function()
    assert.equal("a, b", fields.Accept)
    assert.same({ "a", "b" }, fields:all "Accept")
    assert.equal("a=1; b=2", fields.Cookie)
  end)

  it("does not join Set-Cookie, which is no list", function()
    assert.equal("x=1", fields["Set-Cookie"])
    assert.same({ "x=1", "y=2" }, fields:all "Set-Cookie")
  end)

  it("keeps a field named like a method away from the method", function()
    assert.is_function(fields.all)
    assert.same({ "secret" }, fields:all "ALL")
  end)

  it("has nothing under keys that are no text", function()
    assert.is_nil(fields[1])
    assert.is_nil(fields[true])
  end)

  it("turns into lines that say each field as it came", function()
    local lines = multimap.to_lines(fields)
    assert.same({ "a", "b" }, lines.accept)
    assert.same({ "x=1", "y=2" }, lines["set-cookie"])
    assert.equal("text/plain", lines["content-type"])
    assert.same({ "secret" }, lines.all)
  end)

  it("is told apart from other tables", function()
    assert.is_true(multimap.is_fields(fields))
    assert.is_false(multimap.is_fields(multimap.pairs {}))
    assert.is_false(multimap.is_fields {})
  end)
end)
