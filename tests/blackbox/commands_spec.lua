-- The command line: what each command prints, and one message where something is wrong.
local tg = require "tidegate"
local folder = require "tests.support.folder"
local gateway = require "tests.support.gateway"
local process = require "tests.support.process"
local socket = require "tests.support.socket"

local FINE = [[
return function(app)
  app:get("/things/{id}", print)
  app:post("/things", print)
end
]]

describe("tidegate", function()
  local place

  before_each(function()
    place = folder.new { ["routes/fine.lua"] = FINE }
  end)

  after_each(function()
    place:remove()
  end)

  -- Runs a command in the temporary folder.
  local function run(arguments, environment)
    return gateway.command(arguments, { folder = place.path, environment = environment })
  end

  -- Runs a command that must fail with one message, which is returned without the program's name.
  local function refused(arguments, environment, status)
    local message, ended_with = gateway.refused(arguments, { folder = place.path, environment = environment })
    assert.equal(status or 1, ended_with, message)
    return message
  end

  describe("version", function()
    it("prints one line", function()
      for _, name in ipairs { "version", "--version" } do
        local result = run { name }
        assert.equal(0, result.status)
        assert.matches("^tidegate " .. tg.version:gsub("%p", "%%%0") .. " %(LuaJIT [^\n]*%)\n$", result.out)
        assert.equal("", result.err)
      end
    end)
  end)

  it("lets no text of a file, an argument or a variable control the terminal", function()
    place:write("routes/fine.lua", 'return function(app) app:get("/\\226\\128\\174x\\194\\155", print) end')
    place:write("wrong.lua", 'return { log_level = "\\27[2J\\226\\128\\174" }')
    local ran = {
      run { "routes" }, run { "check", "--show-config", "--admin-socket=\27[2J\nforged" }, run { "\27]0;x\7" },
      run { "check", "--config=wrong.lua" }, run { "check", "--config=\27c.lua" }, run { "check", "--routes=\27c\155" },
      run({ "check" }, { TIDEGATE_DEV = "\27c" }),
    }
    for index, result in ipairs(ran) do
      local text = result.out .. result.err
      assert.is_nil(text:find "[^%C\n]", index .. ": " .. text)
      assert.matches("\\", text, 1, true)
    end
    assert.matches("^GET      /\\xe2\\x80\\xaex\\xc2\\x9b ", ran[1].out)
    assert.matches("\nadmin_socket +\\x1b%[2J\\x0aforged ", ran[2].out)
  end)

  it("fails where standard output does not take what it prints", function()
    local shell = { command = { "/bin/sh", "-c", '"$0" routes >/dev/full', gateway.binary }, folder = place.path }
    local child = process.start(shell)
    assert.equal(1, child:wait())
    assert.equal("tidegate: standard output: No space left on device\n", child:stderr())
    child:dispose()
  end)

  describe("--help", function()
    it("lists the commands", function()
      for _, name in ipairs { "--help", "-h", "help" } do
        local result = run { name }
        assert.equal(0, result.status)
        for _, command in ipairs { "run", "new", "test", "routes", "check", "version" } do
          assert.matches("\n  " .. command .. " ", result.out)
        end
      end
    end)

    it("of a command lists its options", function()
      for _, command in ipairs { "run", "routes", "check" } do
        local result = run { command, "--help" }
        assert.equal(0, result.status)
        assert.matches("^Usage: tidegate " .. command .. " ", result.out)
        for _, option in ipairs { "--routes DIR", "--config FILE", "--listen ADDRESS", "--log-level LEVEL", "--dev" } do
          assert.matches(option, result.out, 1, true)
        end
      end
      assert.matches("^Usage: tidegate run ", run({ "--dev", "--help" }).out)
      assert.matches("^Usage: tidegate version\n", run({ "version", "--help" }).out)
    end)

    it("of test lists busted's options", function()
      local result = run { "test", "--help" }
      assert.equal(0, result.status)
      assert.matches("^Usage: tidegate test ", result.out)
      assert.matches("--filter", result.out, 1, true)
    end)
  end)

  describe("routes", function()
    it("lists method, pattern and place", function()
      local result = run { "routes" }
      assert.equal(0, result.status)
      local lines = {}
      for line in result.out:gmatch "[^\n]+" do
        lines[#lines + 1] = line:gsub("%s+", " ")
      end
      assert.same({ "POST /things routes/fine.lua:3", "GET /things/{id} routes/fine.lua:2" }, lines)
    end)

    it("takes the folder", function()
      place:write("others/a.lua", "return function(app) app:get('/a', print) end")
      assert.matches("^GET +/a +others/a.lua:1\n$", run({ "routes", "--routes=others" }).out)
      assert.matches("^GET +/a +others/a.lua:1\n$", run({ "routes" }, { TIDEGATE_ROUTES = "others" }).out)
    end)
  end)

  describe("check", function()
    it("says that all is fine", function()
      local result = run { "check" }
      assert.equal(0, result.status)
      assert.equal("2 routes in routes: fine\n", result.out)
      assert.equal("", result.err)
    end)

    it("shows every setting and where it came from", function()
      place:write("tidegate.conf.lua", "return {\n  log_level = 'warn',\n  body_bytes_max = 5,\n  dev = true,\n}\n")
      local result = run({ "check", "--show-config", "--dev=false", "--listen=127.0.0.1:1", "--listen", "unix:/x" }, {
        TIDEGATE_BODY_BYTES_MAX = "6",
      })
      assert.equal(0, result.status, result.err)
      local text = result.out:gsub(" +", " ")
      for _, line in ipairs {
        "listen 127.0.0.1:1, unix:/x --listen", "routes routes default", "dev false --dev",
        "log_level warn tidegate.conf.lua:2", "body_bytes_max 6 TIDEGATE_BODY_BYTES_MAX",
        "head_bytes_max 16384 default",
      } do
        assert.matches("\n" .. line .. "\n", "\n" .. text, 1, true)
      end
    end)

    it("reads the configuration file that is asked for", function()
      place:write("other.lua", "return { routes = 'routes', log_level = 'error' }")
      local text = run({ "check", "--show-config", "--config", "other.lua" }).out:gsub(" +", " ")
      assert.matches("log_level error other.lua:1\n", text, 1, true)
      text = run({ "check", "--show-config" }, { TIDEGATE_CONFIG = "other.lua" }).out:gsub(" +", " ")
      assert.matches("log_level error other.lua:1\n", text, 1, true)
    end)
  end)

  describe("refuses", function()
    it("a command that there is not", function()
      assert.equal('there is no command "serve"; did you mean `tidegate run`?'
        .. " (`tidegate --help` lists them)", refused({ "serve" }, nil, 2))
    end)

    it("an option that there is not, or that has no value", function()
      assert.equal("there is no option --route; did you mean --routes? (`tidegate run --help` lists them)",
        refused({ "--route", "x" }, nil, 2))
      assert.matches("there is no option --nothing", refused({ "check", "--nothing" }, nil, 2), 1, true)
      assert.matches("there is no option x", refused({ "routes", "x" }, nil, 2), 1, true)
      assert.matches("--routes needs a value", refused({ "run", "--routes" }, nil, 2), 1, true)
      assert.matches("there is no option --nothing", refused({ "version", "--nothing" }, nil, 2), 1, true)
    end)

    it("a value that is none, wherever it comes from", function()
      assert.matches("^%-%-log%-level: log_level must be debug, info, warn or error, and \"loud\" is not$",
        refused({ "--log-level=loud" }, nil, 2))
      assert.matches("^TIDEGATE_HEAD_BYTES_MAX: ", refused({ "run" }, { TIDEGATE_HEAD_BYTES_MAX = "lots" }, 2))
      place:write("tidegate.conf.lua", "return {\n  body_bytes_max = 'lots',\n}")
      assert.matches("^tidegate.conf.lua:2: body_bytes_max must be a whole number", refused({ "run" }, nil, 2))
    end)

    it("a configuration file that is wrong", function()
      for text, message in pairs {
        ["return {\n  rutes = 'x',\n}"] = 'tidegate.conf.lua:2: there is no setting "rutes"',
        ["return {\n  routes = 'x'\n  dev = true,\n}"] = "tidegate.conf.lua:3: '}' expected",
        ["\nerror 'boom'"] = "tidegate.conf.lua:2: boom",
        ["error {}"] = "tidegate.conf.lua: raised this table",
        ["return 'x'"] = 'tidegate.conf.lua: must return a table of settings, and returns the string "x"',
      } do
        place:write("tidegate.conf.lua", text)
        assert.matches("^" .. message:gsub("%p", "%%%0"), refused({ "check" }, nil, 2))
      end
      assert.equal("the configuration file nowhere.lua cannot be read: No such file or directory",
        refused({ "check", "--config=nowhere.lua" }, nil, 2))
    end)

    it("what is no file, without opening it", function()
      assert(os.execute(("cd %s && mkfifo pipe.lua routes/pipe.lua && mkdir folder"):format(place.path)) == 0)
      for path, why in pairs { ["pipe.lua"] = "a pipe, a socket or a device", folder = "a folder",
        ["/dev/full"] = "a pipe, a socket or a device" } do
        assert.equal(("the configuration file %s cannot be read: it is %s"):format(path, why),
          refused({ "check", "--config=" .. path }, nil, 2))
      end
      assert.equal("routes/pipe.lua cannot be read: it is a pipe, a socket or a device", refused { "check" })
      assert.equal("the routes folder pipe.lua cannot be read: Not a directory",
        refused { "check", "--routes=pipe.lua" })
      os.remove(place:file "routes/pipe.lua")
      assert.equal("cannot open the access log folder: illegal operation on a directory",
        refused { "run", "--listen=127.0.0.1:0", "--access-log=folder" })
      if os.execute(("mknod %s b 7 0 2>/dev/null"):format(place:file "disk")) == 0 then -- only root may
        assert.equal("cannot open the access log disk: inappropriate file type or format",
          refused { "run", "--listen=127.0.0.1:0", "--access-log=disk" })
      end
    end)

    it("the usual configuration file where it cannot be read", function()
      assert(os.execute(("mkfifo '%s'"):format(place:file "tidegate.conf.lua")) == 0)
      assert.equal("the configuration file tidegate.conf.lua cannot be read: it is a pipe, a socket or a device",
        refused({ "check" }, nil, 2))
    end)

    it("a folder that is not there or holds no routes", function()
      for _, command in ipairs { "run", "check", "routes" } do
        assert.equal("the routes folder nowhere cannot be read: No such file or directory",
          refused { command, "--routes", "nowhere" })
      end
      place:write("empty/readme.txt", "")
      assert.equal("the routes folder empty holds no .lua file", refused { "check", "--routes=empty" })
    end)

    it("a route file that is wrong, with file and line", function()
      for text, message in pairs {
        ["return function(app)\n  x y\nend"] = "routes/a.lua:2: '=' expected near 'y'",
        ["\n\nerror 'boom'"] = "routes/a.lua:3: boom",
        ["return function(app)\n  app:get('x', print)\nend"] = "routes/a.lua:2: a pattern must begin with a slash",
        ["return function(app)\n  app.get('/x', print)\nend"] =
          "routes/a.lua:2: an app's functions are called with a colon",
        ["return function(app)\n  app:fetch('/x')\nend"] = "routes/a.lua:2: attempt to call method 'fetch'",
        ["return function(app)\n\n  app:get('/things/{name}', print)\nend"] =
          "routes/fine.lua:2: GET /things/{name} is registered already, at routes/a.lua:3",
        ["return 5"] = "routes/a.lua: must return a function(app), and returns 5",
        ["local tg = require 'tidegate'\ntg.sleep(1)"] =
          "routes/a.lua:2: tg.sleep waits, and nothing can wait while a file is being loaded; call it from a handler",
        ["local tg = require 'tidegate'\nlocal x = tg.http.get('http://127.0.0.1:1/')"] =
          "routes/a.lua:2: tg.http waits",
        ["local tg = require 'tidegate'\ntg.gather({ print })"] = "routes/a.lua:2: tg.gather waits",
        ["require 'no.such.module'"] = "routes/a.lua:1: module 'no.such.module' not found",
        ["local tg = require 'tidegate'\ntg.abort(404)"] = "routes/a.lua:2: 404 Not Found",
        ["error({})"] = "routes/a.lua:1: table: ",
      } do
        place:write("routes/a.lua", text)
        for _, command in ipairs { "run", "check", "routes" } do
          local result = run { command }
          assert.equal(1, result.status)
          assert.equal("", result.out)
          assert.not_matches("stack traceback", result.err, 1, true)
          assert.equal("tidegate: " .. message, result.err:sub(1, #message + 10))
        end
      end
    end)

    it("an address that is none, or that is taken, by its name", function()
      local wrong = { "8000", "127.0.0.1", "127.0.0.1:x", "127.0.0.1:70000", "unix:", "example.com:80", ":1" }
      for _, address in ipairs(wrong) do
        local message = refused({ "run", "--listen", address }, nil, 2)
        assert.matches(('and "%s" is not'):format(address), message, 1, true)
      end
      local taken = socket.listen()
      assert.equal(("cannot listen on 127.0.0.1:%d: address already in use"):format(taken.port),
        refused { "run", "--listen=127.0.0.1:" .. taken.port })
      taken:close()
      assert.equal("cannot listen on unix:nowhere/x.sock: its folder does not exist",
        refused { "run", "--listen=unix:nowhere/x.sock" })
      assert.equal("cannot listen on unix:routes/fine.lua: something other than a socket has that path",
        refused { "run", "--listen=unix:routes/fine.lua" })
      assert.equal(FINE, place:read "routes/fine.lua")
      local long = "unix:" .. ("x"):rep(108)
      assert.equal("cannot listen on " .. long .. ": a path of 108 bytes; that of a Unix socket has 107 at most",
        refused { "run", "--listen=" .. long })
      for _, mode in ipairs { "660x", "0060", "rw", "", "9" } do
        local message = 'listen_mode must be umask, or octal digits that let its owner read and write, like "0660"'
        assert.matches(message, refused({ "run", "--listen-mode=" .. mode }, nil, 2), 1, true)
      end
    end)
  end)
end)

describe("tidegate run", function()
  it("is the default command", function()
    local place = folder.new { ["routes/fine.lua"] = FINE }
    for _, arguments in ipairs { { "--listen=127.0.0.1:70000" }, { "run", "--listen=127.0.0.1:70000" } } do
      local result = gateway.command(arguments, { folder = place.path })
      assert.equal(2, result.status)
      assert.matches('and "127.0.0.1:70000" is not', result.err, 1, true)
    end
    place:remove()
  end)

  it("logs from the level that is set", function()
    local text = "local tg = require 'tidegate' return function(app) app:get('/', function()\n"
      .. "tg.log.debug 'd' tg.log.info 'i' tg.log.warn 'w' tg.log.error 'e' end) end"
    local serving = gateway.start { routes = { ["a.lua"] = text }, options = { "--log-level", "debug" } }
    assert.equal(204, serving:get("/").status)
    local log = serving:stop()
    for _, line in ipairs { "debug d", "info i", "warn w", "error e" } do
      assert.matches("%d%d%d%d%-%d%d%-%d%dT%d%d:%d%d:%d%d%.%d%d%dZ " .. line .. "\n", log)
    end
  end)
end)
