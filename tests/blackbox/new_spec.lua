-- `tidegate new`: what it makes works, and it touches nothing that is there.
local lfs = require "lfs"
local folder = require "tests.support.folder"
local gateway = require "tests.support.gateway"

describe("tidegate new", function()
  local place

  before_each(function()
    place = folder.new {}
  end)

  after_each(function()
    place:remove()
  end)

  local function run(arguments, within)
    return gateway.command(arguments, { folder = within and place:file(within) or place.path })
  end

  it("makes a folder whose tests pass, and that is served", function()
    local result = run { "new", "shop" }
    assert.equal("", result.err)
    assert.equal(0, result.status)
    assert.equal([[
made shop/README.md
made shop/routes/hello.lua
made shop/tests/hello_spec.lua
made shop/tidegate.conf.lua

Next:
  cd shop
  tidegate test
  tidegate run
  curl http://127.0.0.1:8000/hello/Ada
]], result.out)
    local tests = run({ "test", "--output=plainTerminal" }, "shop")
    assert.matches("2 successes / 0 failures / 0 errors", tests.out, 1, true)
    assert.equal(0, tests.status)
    local check = run({ "check", "--show-config" }, "shop")
    assert.equal("", check.err)
    assert.matches("1 route in routes: fine\n$", check.out)
    assert.matches("\nrequest_timeout_ms +30000 +tidegate.conf.lua:5\n", check.out)
    local serving = gateway.start { routes = place:file "shop/routes" }
    local answer = serving:get "/hello/Ada"
    assert.equal('{"hello":"Ada"}', answer:body())
    serving:stop()
    local _, lines = place:read("shop/README.md"):gsub("\n", "")
    assert.is_true(lines <= 12)
  end)

  it("makes the folders around it, and takes one that is empty", function()
    assert.equal(0, run({ "new", "a/b//c/" }).status)
    assert.equal("file", lfs.attributes(place:file "a/b/c/routes/hello.lua", "mode"))
    assert(lfs.mkdir(place:file "empty"))
    assert(lfs.mkdir(place:file "empty/.git"))
    local result = run({ "new", "." }, "empty")
    assert.equal(0, result.status)
    assert.not_matches("cd ", result.out, 1, true)
    assert.equal("file", lfs.attributes(place:file "empty/tidegate.conf.lua", "mode"))
    assert.matches("\n  cd 'it'\\''s here'\n", run({ "new", "it's here" }).out, 1, true)
  end)

  it("refuses what is there, and changes nothing in it", function()
    place:write("full/notes.txt", "mine")
    place:write("file", "mine")
    for name, message in pairs {
      full = "full has something in it already, as notes.txt; name a new folder or an empty one",
      file = "the folder file cannot be made: Not a directory",
      ["file/x"] = "the folder file cannot be made: Not a directory",
      ["/proc/none"] = "the folder /proc/none cannot be made: No such file or directory",
    } do
      local result = run { "new", name }
      assert.equal(("tidegate: %s\n"):format(message), result.err)
      assert.equal(1, result.status)
      assert.equal("", result.out)
    end
    assert.equal("mine", place:read "file")
    assert.is_nil(lfs.attributes(place:file "full/routes", "mode"))
  end)

  it("takes one folder, and nothing else", function()
    for _, case in ipairs {
      { {}, "tidegate new takes one folder: tidegate new DIR" },
      { { "a", "b" }, "tidegate new takes one folder: tidegate new DIR" },
      { { "" }, "tidegate new takes one folder: tidegate new DIR" },
      { { "--force", "a" }, "there is no option --force; `tidegate new DIR` has none but --help" },
    } do
      local result = run { "new", unpack(case[1]) }
      assert.equal(("tidegate: %s\n"):format(case[2]), result.err)
      assert.equal(2, result.status)
    end
    assert.matches("^Usage: tidegate new DIR\n", run({ "new", "--help" }).out)
    assert.matches("did you mean `tidegate new`?", run({ "init", "x" }).err, 1, true)
  end)
end)
