-- `tidegate test`: busted inside the loop.
local folder = require "tests.support.folder"
local gateway = require "tests.support.gateway"

describe("tidegate test", function()
  local place

  local function remove()
    if place then
      place:remove()
      place = nil
    end
  end

  after_each(remove)

  -- Runs specs, given by name, in a folder of their own.
  local function run(files, ...)
    remove()
    place = folder.new(files)
    return gateway.command({ "test", "--output=plainTerminal", ... }, { folder = place.path })
  end

  local function counts(result)
    local passed, failed, errors = result.out:match "(%d+) success[es]* / (%d+) failures? / (%d+) errors?"
    assert.is_truthy(passed, result.out .. result.err)
    return tonumber(passed), tonumber(failed), tonumber(errors)
  end

  it("shows what a test has got from somewhere, and the terminal does not obey it", function()
    local result = run { ["tests/one_spec.lua"] = [[
      it("fails", function() assert.equal("a\27[2Jb", "c\194\155d\226\128\174") end)
      it("raises", function() error("e\27]0;f\7") end)
    ]] }
    assert.same({ 0, 1, 1 }, { counts(result) })
    assert.is_nil(result.out:find "[^%C\n]")
    for _, shown in ipairs { [[a\x1b[2Jb]], [[c\xc2\x9bd\xe2\x80\xae]], [[e\x1b]0;f\x07]] } do
      assert.matches(shown, result.out, 1, true)
    end
  end)

  it("runs the specs of tests/, each test in a task that may wait", function()
    local result = run {
      ["tests/one_spec.lua"] = [[
        local tg = require "tidegate"
        it("sleeps and gathers", function()
          tg.sleep(0.001)
          local results = tg.gather { a = function() tg.sleep(0.001) return 1 end, b = function() return 2 end }
          assert.same({ a = 1, b = 2 }, results)
        end)
        it("fetches #network", function()
          local ok, err = pcall(tg.http.get, "http://127.0.0.1:1/")
          assert.is_false(ok)
          assert.equal("connect", err.kind)
        end)
      ]],
      ["tests/deeper/two_spec.lua"] = [[
        local tg = require "tidegate"
        describe("hooks", function()
          local ready
          setup(function() tg.sleep(0.001) ready = 1 end)
          before_each(function() tg.sleep(0) ready = ready + 1 end)
          it("may wait as well", function() assert.equal(2, ready) end)
        end)
      ]],
      ["tests/helper.lua"] = "error 'no spec'",
    }
    assert.same({ 3, 0, 0 }, { counts(result) })
    assert.equal(0, result.status)
    assert.equal("", result.err)
  end)

  it("takes files and busted's options", function()
    local files = {
      ["a_spec.lua"] = "it('one', function() end) it('two', function() error 'boom' end)",
      ["b_spec.lua"] = "error 'not asked for'",
    }
    local result = run(files, "--filter=one", "a_spec.lua")
    assert.same({ 1, 0, 0 }, { counts(result) })
    assert.equal(0, result.status)
  end)

  it("ends with 1 where a test fails, raises, or cannot be loaded", function()
    for text, expected in pairs {
      ["it('x', function() assert.equal(1, 2) end) it('y', function() end)"] = { 1, 1, 0 },
      ["it('x', function() error 'boom' end)"] = { 0, 0, 1 },
      ["local tg = require 'tidegate' it('x', function() tg.sleep(0.001) error('boom') end)"] = { 0, 0, 1 },
      ["local tg = require 'tidegate' it('x', function() tg.gather { function() assert.is_true(false) end } end)"] =
        { 0, 1, 0 },
      ["it('x', function("] = { 0, 0, 1 },
    } do
      local result = run { ["tests/x_spec.lua"] = text }
      assert.same(expected, { counts(result) })
      assert.equal(1, result.status)
      assert.not_matches("own: ", result.err)
    end
  end)

  it("ends with 1 where hundreds of tests fail", function()
    local result = run { ["tests/x_spec.lua"] = "for n = 1, 256 do it('x' .. n, function() error 'boom' end) end" }
    assert.same({ 0, 0, 256 }, { counts(result) })
    assert.equal(1, result.status)
  end)

  it("has a virtual clock, and a real one where a name or an option says so", function()
    local files = { ["tests/x_spec.lua"] = [[
      local ffi, tg = require "ffi", require "tidegate"
      ffi.cdef "typedef struct { long s, ns; } time; int clock_gettime(int clock, time *out);"
      local function real()
        local out = ffi.new "time[1]"
        ffi.C.clock_gettime(1, out)
        return tonumber(out[0].s) + tonumber(out[0].ns) / 1e9
      end
      local function sleep(seconds)
        local started = real()
        tg.sleep(seconds)
        print("slept", real() - started >= seconds / 2) -- the loop's time may be older than this
      end
      it("virtual", function() sleep(3600) end)
      it("real #realtime", function() sleep(0.2) end)
      describe("block #realtime", function() it("real", function() sleep(0.2) end) end)
      it("again", function() sleep(3600) end)
    ]] }
    local result = run(files)
    assert.same({ 4, 0, 0 }, { counts(result) })
    assert.same({ "false", "true", "true", "false" }, { result.out:match(("slept\t(%a+).*"):rep(4)) })
    files["tests/x_spec.lua"] = files["tests/x_spec.lua"]:gsub("3600", "0.2")
    result = run(files, "--realtime")
    assert.same({ "true", "true", "true", "true" }, { result.out:match(("slept\t(%a+).*"):rep(4)) })
  end)

  it("fails a test for what an answer function of its upstream raises", function()
    local result = run { ["tests/x_spec.lua"] = [[
      local t, tg = require "tidegate.testing", require "tidegate"
      it("x", function()
        t.upstream { address = "http://up.test", routes = { ["GET /"] = function() error "wrong" end } }
        pcall(tg.http.get, "http://up.test/")
      end)
    ]] }
    assert.same({ 0, 0, 1 }, { counts(result) })
    assert.matches("x_spec.lua:3: wrong", result.out, 1, true)
  end)

  it("fails a test that leaves a task behind", function()
    local result = run { ["tests/x_spec.lua"] = [[
      local core = require "tidegate.core"
      it("leaves", function() core.spawn(function() core.sleep(1000) end) end)
      it("does not", function() end)
    ]] }
    assert.same({ 1, 0, 1 }, { counts(result) })
    assert.matches("x_spec.lua:2: the test leaves behind: a task waits", result.out)
    assert.equal(1, result.status)
  end)

  it("says where there is nothing to run", function()
    local result = run {}
    assert.not_equal(0, result.status)
    assert.not_matches("traceback", result.err, 1, true)
  end)
end)
