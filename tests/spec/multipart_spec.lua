-- The parts of a form, over a request of the test's own whose body comes in chunks of any size.
local errors = require "tidegate.errors"
local multimap = require "tidegate.multimap"
local multipart = require "tidegate.multipart"
local request = require "tidegate.request"
local tg = require "tidegate"

local FORM = table.concat({
  "--b",
  'Content-Disposition: form-data; name="title"',
  "",
  "Summer",
  "--b",
  'Content-Disposition: form-data; name="photo"; filename="..\\a%22b.JPG"',
  "Content-Type: Image/JPEG; x=y",
  "X-Tag: 1",
  "x-tag: 2",
  "",
  "one\r\ntwo\r\n--\r\n",
  "--b",
  'Content-Disposition: form-data; name="photo"; filename=""',
  "Content-Type: application/octet-stream",
  "",
  "",
  "--b--",
  "",
}, "\r\n")

-- Strings of `size` bytes, one for each call, as request:chunks() gives them; `taken` counts them.
local function cut(body, size, count)
  local at = 1
  return function()
    if at > #body then
      return nil
    end
    local bytes = body:sub(at, at + size - 1)
    at = at + size
    count.taken = (count.taken or 0) + 1
    return bytes
  end
end

local function fake(body, size, content_type)
  local count = {}
  return {
    headers = multimap.fields { "Content-Type", content_type or "multipart/form-data; boundary=b" },
    chunks = function()
      return type(body) == "function" and body or cut(body, size or #body, count)
    end,
    count = count,
  }
end

local function parts_of(body, size, options)
  return multipart.parts(fake(body, size), options)
end

local function part(name, body)
  return ("--b\r\nContent-Disposition: form-data; name=%s\r\n\r\n%s\r\n"):format(name, body)
end

local function error_of(fn, ...)
  local ok, err = pcall(fn, ...)
  assert.is_false(ok)
  return err
end

local function assert_abort(status, detail, fn, ...)
  local err = error_of(fn, ...)
  assert.is_true(errors.is_error(err), tostring(err))
  assert.same({ status, detail }, { err.status, err.detail })
end

-- Everything that a form tells, read in one way or another.
local function read_all(parts, read)
  local seen = {}
  for each in parts do
    seen[#seen + 1] = { each.name, each.filename or tg.null, each.type, read(each) }
  end
  return seen
end

local function join(each)
  local pieces = {}
  for bytes in each:chunks() do
    assert.is_true(#bytes > 0)
    pieces[#pieces + 1] = bytes
  end
  return table.concat(pieces)
end

describe("the parts of a form", function()
  local expected = {
    { "title", tg.null, "text/plain", "Summer" },
    { "photo", '..\\a"b.JPG', "image/jpeg", "one\r\ntwo\r\n--\r\n" },
    { "photo", "", "application/octet-stream", "" },
  }

  for name, read in pairs { chunks = join, body = function(each) return each:body() end } do
    it("are the same wherever the bytes are cut, by " .. name, function()
      for size = 1, #FORM do
        assert.same(expected, read_all(parts_of(FORM, size), read))
      end
    end)
  end

  it("have headers in any case, of which each is reachable", function()
    local iterate = parts_of(FORM, 7)
    assert.equal('form-data; name="title"', iterate().headers["content-DISPOSITION"])
    local headers = iterate().headers
    assert.same({ "Image/JPEG; x=y", "1, 2", { "1", "2" } },
      { headers["Content-Type"], headers["X-Tag"], tg.values(headers, "x-TAG") })
  end)

  it("need not be read", function()
    for size = 1, #FORM, 5 do
      local names = {}
      for each in parts_of(FORM, size) do
        names[#names + 1] = each.name
      end
      assert.same({ "title", "photo", "photo" }, names)
    end
  end)

  it("need not be read to their end", function()
    for size = 1, 40 do
      local iterate = parts_of(part("a", ("x"):rep(100)) .. part("b", "y") .. "--b--", size)
      assert.is_string(iterate():chunks()())
      assert.equal("y", iterate():body())
      assert.is_nil(iterate())
      assert.is_nil(iterate())
    end
  end)

  it("come before the bytes behind them", function()
    local of = fake(part("a", ("x"):rep(100)) .. part("b", "y") .. "--b--", 10)
    local iterate = multipart.parts(of)
    assert.is_nil(of.count.taken)
    local chunks = iterate():chunks()
    local before = of.count.taken
    assert.is_true(before <= 6)
    assert.is_string(chunks())
    assert.is_true(of.count.taken <= before + 1)
  end)

  it("end with the body, whatever stands behind the last boundary", function()
    local of = fake(part("a", "1") .. "--b--\r\nfor people", 1)
    local iterate = multipart.parts(of)
    assert.equal("1", iterate():body())
    assert.is_nil(iterate())
    assert.equal(#part("a", "1") + 17, of.count.taken)
  end)

  it("may be none", function()
    assert.is_nil(parts_of("--b--\r\n", 1)())
  end)

  it("are called by the methods of a request", function()
    local of = request.new(nil, "POST", "/x")
    local from = fake(FORM, 3)
    rawset(of, "headers", from.headers)
    rawset(of, "chunks", from.chunks)
    assert.same(expected, read_all(of:parts(), join))
    assert_abort(413, "too many parts", read_all, of:parts { parts_max = 2 }, join)
  end)
end)

describe("a part", function()
  it("gives its body again", function()
    local one = parts_of(part("a", "text") .. "--b--", 1)()
    assert.equal("text", one:body())
    assert.equal("text", one:body())
    assert.is_nil(one:chunks()())
  end)

  it("has chunks or a body, not both", function()
    local one = parts_of(part("a", "text") .. "--b--", 1)()
    assert.equal("t", one:chunks()())
    assert.matches("multipart_spec.lua:%d+: .*part:chunks%(%) has read some of it", error_of(one.body, one))
    assert.equal("ext", join(one))
    assert.is_nil(one:chunks()())
  end)

  it("is gone when the next one has begun", function()
    local iterate = parts_of(part("a", "text") .. part("b", "other") .. "--b--", 1)
    local one = iterate()
    local other = iterate()
    assert.matches('multipart_spec.lua:%d+: part "a": the next part has begun', error_of(one.body, one))
    assert.equal("other", other:body())
  end)

  it("says which it is", function()
    assert.equal('part "a"', tostring(parts_of(part("a", "text") .. "--b--")()))
  end)
end)

describe("a form that is none", function()
  it("is answered with 415 where it has another type, before it is read", function()
    for _, kind in ipairs { "text/plain", "multipart/mixed; boundary=b", "application/x-www-form-urlencoded" } do
      assert_abort(415, "the body is not multipart/form-data", multipart.parts, fake(FORM, 1, kind))
    end
    local of = fake(FORM)
    of.headers = multimap.fields {}
    assert_abort(415, "the body is not multipart/form-data", multipart.parts, of)
  end)

  it("is answered with 400 where its boundary is missing", function()
    assert_abort(400, "Content-Type has no boundary", multipart.parts, fake(FORM, 1, "multipart/form-data"))
  end)

  it("is answered with 400 where it is torn, at every byte", function()
    local last = select(2, FORM:find("--b--", 1, true))
    for size = 1, last - 1 do
      local parts = parts_of(FORM:sub(1, size))
      assert_abort(400, "the body ends before its last boundary", read_all, parts, join)
    end
  end)

  it("is answered with 400 where it is malformed, and stays so", function()
    local iterate = parts_of(part("a", "1") .. "--b\r\nno header\r\n\r\n", 1)
    assert.equal("1", iterate():body())
    for _ = 1, 2 do
      assert_abort(400, "a header line of a part is not a name, a colon and a value", iterate)
    end
  end)

  it("passes on why its body fails", function()
    local given = false
    local iterate = multipart.parts(fake(function()
      if given then
        errors.abort(408, "too slow")
      end
      given = true
      return part("a", "text"):sub(1, -4)
    end))
    local one = iterate()
    local chunks = one:chunks()
    assert.equal("tex", chunks())
    assert_abort(408, "too slow", chunks)
    assert_abort(408, "too slow", iterate)
  end)
end)

describe("the limits of a form", function()
  local function with(body, options)
    return read_all(parts_of(body .. "--b--", 3, options), function(each) return each:body() end)
  end

  it("are a number of parts: 1000", function()
    assert.equal(1000, #with(part("a", "1"):rep(1000)))
    assert_abort(413, "too many parts", with, part("a", "1"):rep(1001))
    assert_abort(413, "too many parts", with, part("a", "1"):rep(3), { parts_max = 2 })
  end)

  it("are the bytes of a part's head: 8192", function()
    local function headed(size)
      local line = "Content-Disposition: form-data; name=a\r\nX: "
      return "--b\r\n" .. line .. ("x"):rep(size - #line - 4) .. "\r\n\r\n1\r\n"
    end
    assert.equal(1, #with(headed(8192)))
    assert_abort(413, "the head of a part is too large", with, headed(8193))
    assert_abort(413, "the head of a part is too large", with, headed(101), { part_head_bytes_max = 100 })
  end)

  it("are the header lines of a part: 32", function()
    local function lined(count)
      return "--b\r\nContent-Disposition: form-data; name=a\r\n" .. ("a:1\r\n"):rep(count - 1) .. "\r\n1\r\n"
    end
    assert.equal(1, #with(lined(32)))
    assert_abort(413, "a part has too many header lines", with, lined(33))
    assert_abort(413, "a part has too many header lines", with, lined(2), { part_field_count_max = 1 })
  end)

  it("are the bytes of a field that is read whole: 65536", function()
    assert.equal(65536, #with(part("a", ("x"):rep(65536)))[1][4])
    assert_abort(413, "a field of the form is larger than 65536 bytes", with, part("a", ("x"):rep(65537)))
    assert_abort(413, "a field of the form is larger than 2 bytes", with, part("a", "xxx"), { field_bytes_max = 2 })
    assert.same(100000, #join(parts_of(part("a", ("x"):rep(100000)) .. "--b--", 1000)()))
  end)

  it("must be known, and numbers", function()
    assert.matches("multipart_spec.lua:%d+: .*has no option \"part_max\"", error_of(with, "", { part_max = 1 }))
    for _, value in ipairs { "1", -1, 0 / 0, true } do
      assert.matches("multipart_spec.lua:%d+: .*parts_max must be a number", error_of(with, "", { parts_max = value }))
    end
  end)
end)

describe("two tasks that read the same parts", function()
  it("do not get mixed up: what comes for the second is an error", function()
    local chunks = cut(part("a", ("x"):rep(100)) .. "--b--", 60, {})
    local one = multipart.parts(fake(function()
      tg.sleep(1)
      return chunks()
    end))()
    local outcomes = tg.gather({ function() return join(one) end, function() return join(one) end },
      { on_error = "collect" })
    local messages = tostring(outcomes[1].error) .. tostring(outcomes[2].error)
    assert.matches("another task reads the same parts", messages)
  end)
end)
