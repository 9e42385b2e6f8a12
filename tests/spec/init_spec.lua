local core = require "tidegate.core"
local tg = require "tidegate"

describe("the module tidegate", function()
  it("has everything that routes need", function()
    for _, name in ipairs { "abort", "env", "gather", "map", "now", "range", "response", "sleep" } do
      assert.is_function(tg[name], name)
    end
    for _, name in ipairs { "http", "json", "log", "tcp" } do
      assert.is_table(tg[name], name)
    end
    assert.equal(core.version, tg.version)
    assert.equal("null", tg.json.encode(tg.null))
  end)

  it("has all methods of HTTP", function()
    for _, name in ipairs { "get", "post", "put", "patch", "delete", "head", "options", "request", "client" } do
      assert.is_function(tg.http[name], name)
    end
  end)

  it("lets routes require cjson as well", function()
    local cjson = require "cjson"
    assert.equal("[1]", cjson.encode { 1 })
  end)
end)

describe("tg.now", function()
  it("never goes back, and goes on while one waits", function()
    local first = tg.now()
    tg.sleep(0.002)
    local second = tg.now()
    assert.is_true(second - first >= 0.002)
    assert.is_true(tg.now() >= second)
  end)
end)

describe("tg.env", function()
  it("is a variable of the environment, or the default where it is not set or empty", function()
    local path = os.getenv "PATH"
    assert.equal(path, tg.env "PATH")
    assert.equal(path, tg.env("PATH", "default"))
    assert.is_nil(tg.env "NO_SUCH_VARIABLE_OF_TIDEGATE")
    assert.equal("default", tg.env("NO_SUCH_VARIABLE_OF_TIDEGATE", "default"))
  end)
end)
