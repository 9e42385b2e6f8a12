-- What tells a file from another one of its name, its size and its time: builds give many files one time, or none.
local t = require "tidegate.testing"
local folder = require "tests.support.folder"
local lfs = require "lfs"

local NEVER = 0
local MANY_BUILDS = 1700000000
local TIMES = {
  ["the beginning of time"] = NEVER,
  ["a second later, as Nix has it"] = 1,
  ["the first day of zip archives"] = 315532800,
  ["a build's one time for all"] = MANY_BUILDS,
  ["a time to come"] = 4000000000,
}

describe("a file", function()
  local files, client

  before_each(function()
    files = folder.new { ["a.txt"] = "one body" }
    client = t.app(function(app) app:static("/", files.path) end)
  end)

  after_each(function()
    files:remove()
  end)

  local function set(text, time)
    files:write("new", text)
    assert(lfs.touch(files:file "new", time, time))
    assert(os.rename(files:file "new", files:file "a.txt"))
  end

  local function rewrite(text, time)
    local file = assert(io.open(files:file "a.txt", "r+"))
    file:write(text)
    file:close()
    assert(lfs.touch(files:file "a.txt", time, time))
  end

  local function ask(headers, method)
    return client[method or "get"](client, "/a.txt", { headers = headers })
  end

  local function date(time)
    return os.date("!%a, %d %b %Y %H:%M:%S GMT", time)
  end

  for what, time in pairs(TIMES) do
    it("of " .. what .. " is not taken for the one in whose place it was put", function()
      set("one body", time)
      local before = ask {}
      local conditions = {
        { ["If-None-Match"] = before.headers.etag },
        { ["If-Modified-Since"] = before.headers["last-modified"] or date(time) },
        { ["If-Modified-Since"] = date(time) },
      }
      local ranges = {
        { Range = "bytes=0-2", ["If-Range"] = before.headers.etag },
        { Range = "bytes=0-2", ["If-Range"] = before.headers["last-modified"] or date(time) },
      }
      assert.equal(304, ask(conditions[1]).status)
      assert.equal(206, ask(ranges[1]).status)
      set("two body", time)
      for _, headers in ipairs(conditions) do
        assert.equal("two body", ask(headers):body())
      end
      for _, headers in ipairs(ranges) do
        assert.equal("two body", ask(headers):body())
      end
      assert.equal(412, ask({ ["If-Match"] = before.headers.etag }).status)
    end)

    it("of " .. what .. " that is written over is another one", function()
      set("one body", time)
      local tag, writes = ask({}).headers.etag, 0
      repeat -- the system's clock for files has a tick of some milliseconds
        rewrite("two body", time)
        writes = writes + 1
      until ask({ ["If-None-Match"] = tag }).status == 200 or writes == 100000
      assert.equal("two body", ask({ ["If-None-Match"] = tag }):body())
    end)
  end

  it("says no time where that says nothing", function()
    for what, time in pairs(TIMES) do
      set("one body", time)
      local expected = time == MANY_BUILDS and date(time) or nil
      assert.equal(expected, ask({}).headers["last-modified"], what)
      local tag = ask({}).headers.etag
      assert.equal(304, ask({ ["If-None-Match"] = tag }).status, what)
      assert.equal(expected, ask({ ["If-None-Match"] = tag }).headers["last-modified"], what)
      assert.equal(200, ask({ ["If-Unmodified-Since"] = date(4100000000) }).status, what)
    end
  end)

  it("that was never set another time is told by its time as well", function()
    t.clock.advance(2) -- the file's clock goes on in a test, and may have begun a second that the test's has not
    local modified = ask({}).headers["last-modified"]
    assert.equal(304, ask({ ["If-Modified-Since"] = modified }).status)
    assert.equal(200, ask({ ["If-Unmodified-Since"] = modified }).status)
  end)

  it("has the same tag as long as it is the same", function()
    local tag = ask({}).headers.etag
    for _ = 1, 3 do
      assert.equal(tag, ask({}).headers.etag)
    end
    assert.equal(tag, ask({}, "head").headers.etag)
  end)

  it("is whole for HEAD, whatever range is asked for", function()
    for _, range in ipairs { "bytes=0-2", "bytes=100-", "bytes=-1" } do
      local answer = ask({ Range = range }, "head")
      assert.equal(200, answer.status)
      assert.equal("8", answer.headers["content-length"])
      assert.is_nil(answer.headers["content-range"])
      assert.equal("bytes", answer.headers["accept-ranges"])
    end
  end)

  -- RFC 9110 section 13.2.2: each condition counts only where the one before it in its order is not there.
  it("is answered by its conditions in their order", function()
    local tag, modified = ask({}).headers.etag, ask({}).headers["last-modified"]
    local old = date(1000000000)
    for _, case in ipairs {
      { 412, { ["If-Match"] = '"x"', ["If-None-Match"] = tag } },
      { 304, { ["If-Match"] = tag, ["If-None-Match"] = tag } },
      { 304, { ["If-Match"] = tag, ["If-Unmodified-Since"] = old, ["If-None-Match"] = tag } },
      { 304, { ["If-Match"] = "*", ["If-None-Match"] = "*" } },
      { 412, { ["If-Unmodified-Since"] = old, ["If-None-Match"] = tag } },
      { 200, { ["If-None-Match"] = '"x"', ["If-Modified-Since"] = modified } },
      { 304, { ["If-None-Match"] = 'W/"x" , ' .. tag .. ', "y"' } },
      { 304, { ["If-None-Match"] = "W/" .. tag } },
      { 412, { ["If-Match"] = "W/" .. tag } },
      { 206, { Range = "bytes=0-2", ["If-None-Match"] = '"x"', ["If-Range"] = tag } },
      { 200, { Range = "bytes=0-2", ["If-Range"] = "W/" .. tag } },
      { 200, { Range = "bytes=0-2", ["If-Range"] = '"x"' } },
      { 200, { Range = "bytes=0-2", ["If-Range"] = old } },
      { 304, { Range = "bytes=0-2", ["If-None-Match"] = tag } },
      { 412, { Range = "bytes=100-", ["If-Match"] = '"x"' } },
      { 416, { Range = "bytes=100-", ["If-Match"] = tag } },
      { 200, { Range = "bytes=100-", ["If-Range"] = '"x"' } },
      { 200, { Range = "lines=1-2" } },
    } do
      local answer = ask(case[2])
      assert.equal(case[1], answer.status, require("tidegate").json.encode(case[2]))
      assert.equal(case[1] == 416 and "bytes */8" or case[1] == 206 and "bytes 0-2/8" or nil,
        answer.headers["content-range"])
      if case[1] == 304 then
        assert.equal(tag, answer.headers.etag)
        assert.is_nil(answer.headers["content-type"])
        assert.is_nil(answer.headers["content-length"])
      end
    end
  end)
end)
