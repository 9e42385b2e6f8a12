-- Where nothing can wait: each wait says why, instead of Lua's "attempt to yield across C-call boundary".
local tg = require "tidegate"

-- Every function that waits, called so that it would.
local waits = {
  ["tg.sleep"] = function()
    tg.sleep(0)
  end,
  ["tg.gather"] = function()
    tg.gather { function() end }
  end,
  ["tg.map"] = function()
    tg.map({ 1 }, function() end)
  end,
  ["tg.http"] = function()
    tg.http.get "http://127.0.0.1:1/"
  end,
  ["tg.tcp.connect"] = function()
    tg.tcp.connect("127.0.0.1", 1)
  end,
}

local MODULE = "a.module.that.waits"

local function fails_to_wait(name, fn, ...)
  local ok, err = pcall(fn, ...)
  assert.is_false(ok)
  local why = " waits, and nothing can wait inside a function that C code calls back"
  assert.matches(name .. why, tostring(err), 1, true)
end

for name, wait in pairs(waits) do
  describe(name .. " #network", function()
    it("cannot wait inside a table.sort comparator", function()
      fails_to_wait(name, table.sort, { 2, 1 }, wait)
    end)

    it("cannot wait inside a string.gsub callback", function()
      fails_to_wait(name, string.gsub, "x", "x", wait)
    end)

    it("cannot wait inside a module that is being required", function()
      package.preload[MODULE], package.loaded[MODULE] = wait, nil
      fails_to_wait(name, require, MODULE)
      package.preload[MODULE], package.loaded[MODULE] = nil, nil
    end)

    it("waits inside pcall, xpcall, metamethods and iterators, which are no trouble", function()
      local function harmless()
        pcall(wait)
        return true
      end
      local object = setmetatable({}, { __index = harmless, __call = harmless, __add = harmless })
      assert.is_true(object.field)
      assert.is_true(object())
      assert.is_true(object + 1)
      assert.is_true(select(2, xpcall(harmless, debug.traceback)))
      local rounds = 0
      for _ in function() return rounds < 2 and harmless() or nil end do
        rounds = rounds + 1
      end
      assert.equal(2, rounds)
    end)
  end)
end

describe("A scope where nothing can wait", function()
  for _, name in ipairs { "gather", "map" } do
    it("starts none of its tasks: tg." .. name, function()
      local started = false
      local function child()
        started = true
      end
      pcall(table.sort, { 2, 1 }, function()
        tg[name](name == "gather" and { child } or { 1 }, child)
      end)
      tg.sleep(0)
      assert.is_false(started)
    end)
  end
end)
