-- Mistakes of the command line, of settings and of route files: each ends in one message, which names what is wrong and
-- where, and in a status that is not 0.
local folder = require "tests.support.folder"
local gateway = require "tests.support.gateway"
local socket = require "tests.support.socket"

local FINE = "return function(app) app:get('/x', function() return 'x' end) end"
local ADDRESSES = "--listen: listen must be addresses like 127.0.0.1:8000, [::1]:8000 or unix:/path, and "

-- {the arguments, the status, the message; variables}
local COMMAND_LINES = {
  { { "frobnicate" }, 2, 'there is no command "frobnicate" (`tidegate --help` lists them)' },
  { { "chek" }, 2, 'there is no command "chek"; did you mean `tidegate check`? (`tidegate --help` lists them)' },
  { { "--listn", "x" }, 2, "there is no option --listn; did you mean --listen? (`tidegate run --help` lists them)" },
  { { "run", "-x" }, 2, "there is no option -x (`tidegate run --help` lists them)" },
  { { "run", "--" }, 2, "there is no option -- (`tidegate run --help` lists them)" },
  { { "check", "x" }, 2, "there is no option x, and no argument but options (`tidegate check --help` lists them)" },
  { { "version", "x" }, 2, "there is no option x; `tidegate version` has none" },
  { { "routes", "--show-config" }, 2, "there is no option --show-config (`tidegate routes --help` lists them)" },
  { { "run", "--port", "80" }, 2, "there is no option --port; the address has the port: --listen 127.0.0.1:80 "
    .. "(`tidegate run --help` lists them)" },
  { { "run", "--routes", "a", "--routes=b" }, 2, "--routes is given twice, and takes one value" },
  { { "check", "--dev", "--dev" }, 2, "--dev is given twice, and takes one value" },
  { { "check", "--config=a", "--config=b" }, 2, "--config is given twice, and takes one value" },
  { { "run", "--routes" }, 2, "--routes needs a value: --routes DIR" },
  { { "run", "--listen", "--dev" }, 2, "--listen needs a value: --listen ADDRESS" },
  { { "check", "--config=" }, 2, "--config needs a value: --config FILE" },
  { { "check", "--routes=" }, 2, '--routes: routes must be a text, and "" is not' },
  { { "check", "--dev=maybe" }, 2, '--dev: dev must be true or false, and "maybe" is not' },
  { { "check", "--log-level=INFO" }, 2,
    '--log-level: log_level must be debug, info, warn or error, and "INFO" is not' },
  { { "check", "--head-bytes-max=16k" }, 2,
    '--head-bytes-max: head_bytes_max must be a whole number from 1 to 2147483648, and "16k" is not' },
  { { "check", "--head-bytes-max=-5" }, 2,
    '--head-bytes-max: head_bytes_max must be a whole number from 1 to 2147483648, and "-5" is not' },
  { { "check", "--request-timeout-ms=0.5" }, 2,
    '--request-timeout-ms: request_timeout_ms must be a whole number from 1 to 2147483648, or 0, and "0.5" is not' },
  { { "check", "--trusted-proxies=::1,here" }, 2,
    '--trusted-proxies: trusted_proxies must be addresses, ranges like 10.0.0.0/8, or unix:, and "here" is not' },
  { { "check", "--compress-types=text/html,html" }, 2,
    "--compress-types: compress_types must be a media type or a list "
    .. 'of them: text/html, text/*, +json, usual, and "html" is not' },
  { { "check", "--listen=https://127.0.0.1:1" }, 2,
    ADDRESSES .. '"https://127.0.0.1:1" is not; Tidegate does not speak '
    .. "TLS yet: listen on 127.0.0.1:1, behind a proxy that does" },
  { { "run", "--listen=http://127.0.0.1:1/" }, 2,
    ADDRESSES .. '"http://127.0.0.1:1/" is not; an address has no scheme: '
    .. "127.0.0.1:1" },
  { { "run", "--listen=127.0.0.1" }, 2, ADDRESSES .. '"127.0.0.1" is not; the port is missing: 127.0.0.1:8000' },
  { { "run", "--listen=::1" }, 2, ADDRESSES .. '"::1" is not; the port is missing: [::1]:8000' },
  { { "run", "--listen=80" }, 2, ADDRESSES .. '"80" is not; the host is missing: 127.0.0.1:80, or 0.0.0.0:80 for every '
    .. "address of the machine" },
  { { "run", "--listen=*:80" }, 2,
    ADDRESSES .. '"*:80" is not; every address of the machine is 0.0.0.0:80 or [::]:80' },
  { { "run", "--listen=127.0.0.1:70000" }, 2, ADDRESSES .. '"127.0.0.1:70000" is not' },
  { { "run", "--listen=example.test:80" }, 2, ADDRESSES .. '"example.test:80" is not' },
  { { "run", "--listen=unix:" }, 2, ADDRESSES .. '"unix:" is not' },
  { { "run", "--listen=127.0.0.1:8099", "--listen=localhost:8099" }, 2, "--listen: listen has localhost:8099 twice" },
  { { "run", "--listen=unix:/no/such/folder/x" }, 1,
    "cannot listen on unix:/no/such/folder/x: its folder does not exist" },
  { { "run", "--access-log=/no/such/folder/x" }, 1,
    "cannot open the access log /no/such/folder/x: no such file or directory" },
  { { "run" }, 2,
    'TIDEGATE_HEAD_BYTES_MAX: head_bytes_max must be a whole number from 1 to 2147483648, and "lots" is not',
    { TIDEGATE_HEAD_BYTES_MAX = "lots" } },
  { { "run" }, 2,
    'TIDEGATE_LISTEN: listen must be addresses like 127.0.0.1:8000, [::1]:8000 or unix:/path, and "8000" is '
    .. "not; the host is missing: 127.0.0.1:8000, or 0.0.0.0:8000 for every address of the machine",
    { TIDEGATE_LISTEN = "8000" } },
  { { "check" }, 2, "the configuration file nowhere.lua cannot be read: No such file or directory",
    { TIDEGATE_CONFIG = "nowhere.lua" } },
}

-- [the text of tidegate.conf.lua] = the message
local CONFIGURATIONS = {
  ["return {\n  rutes = 'x',\n}"] = 'tidegate.conf.lua:2: there is no setting "rutes"; did you mean routes? '
    .. "(`tidegate check --help` lists them)",
  ["return {\n  port = 80,\n}"] = 'tidegate.conf.lua:2: there is no setting "port"; the address has the port: '
    .. "--listen 127.0.0.1:80 (`tidegate check --help` lists them)",
  ["return {\n  routes = 'x'\n  dev = true,\n}"] =
    "tidegate.conf.lua:3: '}' expected (to close '{' at line 1) near 'dev'",
  ["\nerror 'boom'"] = "tidegate.conf.lua:2: boom",
  [""] = "tidegate.conf.lua: must return a table of settings, and returns nil",
  ["return {\n\n  log_level = 5,\n}"] =
    "tidegate.conf.lua:3: log_level must be debug, info, warn or error, and 5 is not",
  ["return {\n  listen = { '127.0.0.1:1', 'https://127.0.0.1:2' },\n}"] =
    "tidegate.conf.lua:2: listen must be addresses "
    .. 'like 127.0.0.1:8000, [::1]:8000 or unix:/path, and "https://127.0.0.1:2" is not; Tidegate does not speak TLS '
    .. "yet: listen on 127.0.0.1:2, behind a proxy that does",
}

-- [the text of routes/a.lua] = the message
local ROUTE_FILES = {
  ["return function(app)\n  x y\nend"] = "routes/a.lua:2: '=' expected near 'y'",
  ["\n\nerror 'boom'"] = "routes/a.lua:3: boom",
  [""] = "routes/a.lua: must return a function(app), and returns nil; a route file ends in: "
    .. "return function(app) … end",
  ["return { get = print }"] = "routes/a.lua: must return a function(app), and returns a table",
  ["return function(app)\n  error 'boom'\nend"] = "routes/a.lua:2: boom",
  ["return function(app)\n  app:get('/x/:id', print)\nend"] = "routes/a.lua:2: ",
  ["return function(app)\n  app:get('/x', print)\nend"] =
    "routes/fine.lua:1: GET /x is registered already, at routes/a.lua:2",
  ["local tg = require 'tidegate'\ntg.http.client { base_url = 'https://a.test' }"] =
    'routes/a.lua:2: the URL "https://a.test" has the scheme https, '
    .. 'and Tidegate does not speak TLS yet: call an http:// '
    .. "address, as that of a proxy beside it that does",
}

describe("A mistake at the start", function()
  local place

  before_each(function()
    place = folder.new { ["routes/fine.lua"] = FINE }
  end)

  after_each(function()
    place:remove()
  end)

  local function run(arguments, environment)
    return gateway.command(arguments, { folder = place.path, environment = environment })
  end

  local function refused(arguments, environment)
    return gateway.refused(arguments, { folder = place.path, environment = environment })
  end

  for _, case in ipairs(COMMAND_LINES) do
    it("of the command line: " .. case[3], function()
      local message, status = refused(case[1], case[4])
      assert.equal(case[3], message)
      assert.equal(case[2], status)
    end)
  end

  for text, message in pairs(CONFIGURATIONS) do
    it("of the configuration: " .. message, function()
      place:write("tidegate.conf.lua", text)
      for _, command in ipairs { "run", "check" } do
        local got, status = refused { command }
        assert.equal(message, got)
        assert.equal(2, status)
      end
    end)
  end

  for text, message in pairs(ROUTE_FILES) do
    it("of a route file: " .. message, function()
      place:write("routes/a.lua", text)
      for _, command in ipairs { "run", "check", "routes" } do
        local got, status = refused { command }
        assert.equal(message, got:sub(1, #message))
        assert.equal(1, status)
      end
    end)
  end

  it("of the routes folder: missing, empty, not readable, no folder", function()
    assert.equal("the routes folder nowhere cannot be read: No such file or directory",
      (refused { "run", "--routes=nowhere" }))
    place:write("empty/readme.txt", "")
    assert.equal("the routes folder empty holds no .lua file", (refused { "run", "--routes=empty" }))
    assert.equal("the routes folder routes/fine.lua cannot be read: Not a directory",
      (refused { "run", "--routes=routes/fine.lua" }))
    local closed = place:file "closed"
    assert(os.execute(("mkdir '%s' && chmod 000 '%s'"):format(closed, closed)) == 0)
    if not io.open(closed .. "/.") then -- root may read everything
      assert.equal("the routes folder closed cannot be read: Permission denied", (refused { "run", "--routes=closed" }))
    end
    os.execute(("chmod 700 '%s'"):format(closed))
  end)

  it("of an address that is in use", function()
    local taken = socket.listen()
    local message, status = refused { "run", "--listen=127.0.0.1:" .. taken.port }
    assert.equal(("cannot listen on 127.0.0.1:%d: address already in use"):format(taken.port), message)
    assert.equal(1, status)
    taken:close()
  end)

  it("of a variable is told, and the nearest right one", function()
    local variables = { TIDEGATE_LISTN = "x", TIDEGATE_PORT = "80", TIDEGATE_MINE = "x", TIDEGATE_ASKED = "x" }
    place:write("routes/a.lua", "require('tidegate').env 'TIDEGATE_ASKED' return function() end")
    local result = run({ "check" }, variables)
    assert.equal(0, result.status)
    assert.equal("1 route in routes: fine\n", result.out)
    assert.equal([[
tidegate: warning: the variable TIDEGATE_LISTN is no setting; did you mean TIDEGATE_LISTEN?
tidegate: note: the variable TIDEGATE_MINE is no setting
tidegate: warning: the variable TIDEGATE_PORT is no setting; the address has the port: --listen 127.0.0.1:80
]], result.err)
    local serving = gateway.start { routes = { ["a.lua"] = FINE }, environment = { TIDEGATE_LISTN = "x" } }
    assert.matches("warn the variable TIDEGATE_LISTN is no setting; did you mean TIDEGATE_LISTEN?\n", serving:stop(), 1,
      true)
  end)
end)
