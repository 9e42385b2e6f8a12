local loader = require "tidegate.loader"
local folder = require "tests.support.folder"

describe("loader.load", function()
  local routes, path

  before_each(function()
    path = package.path
  end)

  local function remove()
    if routes then
      routes:remove()
      routes = nil
    end
  end

  after_each(function()
    package.path = path
    remove()
  end)

  local function load(files)
    remove()
    routes = folder.new(files)
    return loader.load(routes.path)
  end

  -- The message of a folder that does not load, with the folder's path left out.
  local function message_of(files)
    local ok, message = pcall(load, files)
    assert.is_false(ok)
    return (message:gsub(routes.path:gsub("%p", "%%%0"), "routes"))
  end

  local function patterns(app)
    local list = {}
    for _, route in ipairs(app:routes()) do
      list[#list + 1] = route.method .. " " .. route.pattern
    end
    return list
  end

  it("loads every route file, in the order of their names", function()
    _G.order = {}
    local text = "order[#order + 1] = (...):match '[^/]*$' return function(app) app:get('/' .. #order, print) end"
    local app = load { ["b.lua"] = text, ["a.lua"] = text, ["10.lua"] = text, ["9.lua"] = text }
    assert.same({ "10.lua", "9.lua", "a.lua", "b.lua" }, _G.order)
    assert.same({ "GET /1", "GET /2", "GET /3", "GET /4" }, patterns(app))
    _G.order = nil
  end)

  it("leaves other files alone", function()
    local app = load {
      ["a.lua"] = "return function(app) app:get('/a', print) end",
      [".hidden.lua"] = "error 'hidden'", ["a.lua.bak"] = "error 'bak'", ["page.html"] = "<",
      ["lib/b.lua"] = "error 'b'",
    }
    assert.same({ "GET /a" }, patterns(app))
  end)

  it("lets route files require modules of their folder", function()
    load {
      ["lib/names.lua"] = "return { one = '/one' }",
      ["lib/more/init.lua"] = "return { two = '/two' }",
      ["a.lua"] = "local names, more = require 'lib.names', require 'lib.more'\n"
        .. "return function(app) app:get(names.one, print) app:get(more.two, print) end",
    }
  end)

  it("says where each route was registered, and what folder it is", function()
    local app = load { ["a.lua"] = "return function(app)\n\n  app:get('/a', print)\nend" }
    assert.equal(routes.path .. "/a.lua:3", app:routes()[1].place)
    assert.equal(routes.path, app.folder)
    assert.equal(routes.path, loader.load(routes.path .. "//").folder)
  end)

  it("names file and line of a syntax error", function()
    local message = message_of { ["a.lua"] = "return function(app)\n  x y end" }
    assert.equal("routes/a.lua:2: '=' expected near 'y'", message)
  end)

  it("names file and line of an error while it loads", function()
    assert.equal("routes/a.lua:2: boom", message_of { ["a.lua"] = "local x\nerror 'boom'" })
    assert.equal("routes/a.lua:3: boom", message_of { ["a.lua"] = "return function(app)\n\nerror 'boom' end" })
    assert.matches("^routes/a.lua:1: attempt to index global 'nothing'", message_of { ["a.lua"] = "nothing.x = 1" })
  end)

  it("names the file that returns no function", function()
    assert.equal("routes/a.lua: must return a function(app), and returns nil; a route file ends in: return "
      .. "function(app) … end", message_of { ["a.lua"] = "" })
    assert.equal("routes/a.lua: must return a function(app), and returns a table",
      message_of { ["a.lua"] = "return {}" })
  end)

  it("names both places of a route that is there twice", function()
    local message = message_of {
      ["a.lua"] = "return function(app)\n  app:get('/x/{id}', print)\nend",
      ["b.lua"] = "return function(app)\n\n\n  app:get('/x/{name}', print)\nend",
    }
    assert.equal("routes/b.lua:4: GET /x/{id} is registered already, at routes/a.lua:2", message)
  end)

  it("names the place of a bad pattern, in a group too", function()
    local message = message_of {
      ["a.lua"] = "return function(app)\n  app:group('/g', function(group)\n    group:get('x', print)\n  end)\nend",
    }
    assert.equal('routes/a.lua:3: a pattern must begin with a slash, and "x" does not; write "/x"', message)
  end)

  it("names the folder that is not there, is none, or holds no route file", function()
    local ok, message = pcall(loader.load, "/no/such/folder")
    assert.is_false(ok)
    assert.equal("the routes folder /no/such/folder cannot be read: No such file or directory", message)
    assert.equal("the routes folder routes holds no .lua file", message_of {})
    assert.equal("the routes folder routes holds no .lua file", message_of { ["page.html"] = "" })
    routes:write("file", "")
    ok, message = pcall(loader.load, routes:file "file")
    assert.is_false(ok)
    assert.matches("cannot be read: Not a directory", message, 1, true)
  end)

  it("names file and line of a wait while it loads", function()
    local message = message_of { ["a.lua"] = "local tg = require 'tidegate'\n\ntable.sort({ 2, 1 }, function()\n"
      .. "  tg.sleep(0)\nend)" }
    assert.matches("^routes/a.lua:4: tg.sleep waits, and nothing can wait", message)
  end)

  it("blames misuse of an app on the route's own line", function()
    for text, wrong in pairs {
      ["app.get('/x', print)"] = "called with a colon, as in app:get(pattern, handler)",
      ["app.use(print)"] = "called with a colon",
      ["app:get('/x')"] = "the handler must be a function, not nil",
      ["app:nothing('/x', print)"] = "method 'nothing'",
      ["app:use()"] = "app:use takes a function",
      ["app:group('/x')"] = "app:group",
      ["app:group('/x', 5)"] = "app:group",
    } do
      local message = message_of { ["a.lua"] = "return function(app)\n" .. text .. "\nend" }
      assert.matches("^routes/a.lua:2: ", message)
      assert.matches(wrong, message, 1, true)
    end
  end)
end)
