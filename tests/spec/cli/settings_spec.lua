local settings = require "tidegate.cli.settings"
local folder = require "tests.support.folder"

describe("settings.resolve", function()
  local getenv, variables, files = os.getenv, {}, nil

  before_each(function()
    variables = {}
    os.getenv = function(name) -- luacheck: ignore (the environment of a test)
      if name:find "^TIDEGATE_" then
        return variables[name]
      end
      return getenv(name)
    end
    files = folder.new()
  end)

  after_each(function()
    os.getenv = getenv -- luacheck: ignore
    files:remove()
  end)

  -- Resolves with a configuration file of that text.
  local function with_file(text, flags)
    flags = flags or {}
    flags.config = files:write("conf.lua", text)
    return settings.resolve(flags)
  end

  local function message_of(fn, ...)
    local ok, err = pcall(fn, ...)
    assert.is_false(ok)
    assert.is_table(err)
    return (err.usage:gsub(files.path:gsub("%p", "%%%0") .. "/", ""))
  end

  it("has a default for everything", function()
    local values, sources = settings.resolve {}
    assert.same({ "127.0.0.1:8000" }, values.listen)
    assert.equal("routes", values.routes)
    assert.is_false(values.dev)
    assert.equal("info", values.log_level)
    assert.equal(16384, values.head_bytes_max)
    assert.equal(1048576, values.body_bytes_max)
    assert.equal(10000, values.head_timeout_ms)
    assert.equal(60000, values.idle_timeout_ms)
    for _, setting in ipairs(settings.list) do
      assert.is_not_nil(values[setting.name])
      assert.equal("default", sources[setting.name])
      assert.is_string(setting.help)
    end
  end)

  it("takes addresses and ranges for trusted_proxies, or none", function()
    assert.same({}, (settings.resolve {}).trusted_proxies)
    assert.same({}, (with_file "return { trusted_proxies = {} }").trusted_proxies)
    assert.same({}, (with_file "return { trusted_proxies = '' }").trusted_proxies)
    assert.same({ "127.0.0.1", "10.0.0.0/8", "unix:" },
      (with_file "return { trusted_proxies = { '127.0.0.1', '10.0.0.0/8', 'unix:' } }").trusted_proxies)
    variables.TIDEGATE_TRUSTED_PROXIES = "::1, 10.0.0.0/8"
    assert.same({ "::1", "10.0.0.0/8" }, (settings.resolve {}).trusted_proxies)
    variables.TIDEGATE_TRUSTED_PROXIES = nil
    for _, wrong in ipairs { "'localhost'", "'10.0.0.0/33'", "{ '::1', 'x' }", "{ 5 }", "true" } do
      assert.matches("trusted_proxies must be addresses, ranges like 10.0.0.0/8, or unix:",
        message_of(with_file, "return { trusted_proxies = " .. wrong .. " }"), 1, true)
    end
  end)

  it("takes a flag before a variable, a variable before the file, and the file before the default", function()
    local text = "return {\n  routes = 'file',\n  log_level = 'warn',\n  body_bytes_max = 5,\n}"
    variables.TIDEGATE_ROUTES, variables.TIDEGATE_LOG_LEVEL = "variable", "error"
    local values, sources = with_file(text, { routes = "flag" })
    assert.equal("flag", values.routes)
    assert.equal("--routes", sources.routes)
    assert.equal("error", values.log_level)
    assert.equal("TIDEGATE_LOG_LEVEL", sources.log_level)
    assert.equal(5, values.body_bytes_max)
    assert.equal(files:file "conf.lua" .. ":4", sources.body_bytes_max)
    assert.equal("default", sources.listen)
  end)

  it("takes an empty variable for none", function()
    variables.TIDEGATE_ROUTES, variables.TIDEGATE_CONFIG = "", ""
    local values, sources = settings.resolve {}
    assert.equal("routes", values.routes)
    assert.equal("default", sources.routes)
  end)

  it("takes the file that TIDEGATE_CONFIG names", function()
    variables.TIDEGATE_CONFIG = files:write("other.lua", "return { routes = 'other' }")
    assert.equal("other", settings.resolve({}).routes)
  end)

  it("reads addresses from a list or from a text with commas", function()
    local a, b, c = "127.0.0.1:1", "[::1]:2", "unix:/c"
    assert.same({ a, b }, settings.resolve({ listen = { a, b } }).listen)
    variables.TIDEGATE_LISTEN = ("%s, %s %s"):format(a, b, c)
    assert.same({ a, b, c }, settings.resolve({}).listen)
    variables.TIDEGATE_LISTEN = nil
    assert.same({ a }, with_file(("return { listen = '%s' }"):format(a)).listen)
    assert.same({ a, b }, with_file(("return { listen = { '%s', '%s' } }"):format(a, b)).listen)
    local free = { "127.0.0.1:0", "127.0.0.1:0" } -- two ports that the system chooses
    assert.same(free, settings.resolve({ listen = free }).listen)
  end)

  it("reads media types from a list or from a text with commas", function()
    assert.same({ "usual" }, settings.resolve({}).compress_types)
    variables.TIDEGATE_COMPRESS_TYPES = "usual, text/*, +json image/svg+xml"
    assert.same({ "usual", "text/*", "+json", "image/svg+xml" }, settings.resolve({}).compress_types)
    variables.TIDEGATE_COMPRESS_TYPES = nil
    for _, wrong in ipairs { "text", "*/*", "a/b/c", "text/html;q=1", "json+x" } do
      assert.matches("compress_types must be a media type or a list of them", message_of(settings.resolve,
        { compress_types = { "text/html", wrong } }), 1, true)
    end
  end)

  it("reads flags that are true or false from anywhere", function()
    for text, value in pairs { ["true"] = true, ["1"] = true, ["false"] = false, ["0"] = false } do
      variables.TIDEGATE_DEV = text
      assert.equal(value, settings.resolve({}).dev)
    end
    variables.TIDEGATE_DEV = nil
    assert.is_true(with_file("return { dev = true }").dev)
    assert.is_false(with_file("return { dev = false }").dev)
  end)

  it("says which value is wrong, where it came from, and what it should be", function()
    local cases = {
      { { body_bytes_max = "many" }, "--body-bytes-max: body_bytes_max must be a whole number from 1 to" },
      { { body_bytes_max = "0" }, "--body-bytes-max" },
      { { body_bytes_max = "-5" }, "--body-bytes-max" },
      { { body_bytes_max = "1.5" }, "--body-bytes-max" },
      { { body_bytes_max = "1e10" }, "--body-bytes-max" },
      { { body_bytes_max = "nan" }, "--body-bytes-max" },
      { { body_bytes_max = "inf" }, "--body-bytes-max" },
      { { log_level = "loud" }, '--log-level: log_level must be debug, info, warn or error, and "loud" is not' },
      { { access_log = "" }, "--access-log: access_log must be a text" },
      { { access_log_format = "xml" }, "access_log_format must be json or combined, and \"xml\" is not" },
      { { access_log_buffer_bytes_max = "131071" }, "must be a whole number from 131072 to 2147483648" },
      { { dev = "perhaps" }, '--dev: dev must be true or false, and "perhaps" is not' },
      { { dev = {} }, "--dev: dev must be true or false, and this table is not" },
      { { routes = "" }, "--routes: routes must be a text" },
      { { listen = { "" } }, "--listen: listen must be addresses like 127.0.0.1:8000" },
    }
    for _, case in ipairs(cases) do
      assert.matches(case[2], message_of(settings.resolve, case[1]), 1, true)
    end
    variables.TIDEGATE_IDLE_TIMEOUT_MS = "soon"
    assert.matches("TIDEGATE_IDLE_TIMEOUT_MS: idle_timeout_ms must be", message_of(settings.resolve, {}), 1, true)
    variables.TIDEGATE_IDLE_TIMEOUT_MS = nil
    local message = message_of(with_file, "return {\n\n  idle_timeout_ms = {},\n}")
    assert.matches("conf.lua:3: idle_timeout_ms must be a whole number", message, 1, true)
  end)

  it("names file and line of what is wrong with the file", function()
    local cases = {
      { "return {\n  routes = \n}", "conf.lua:3: unexpected symbol near '}'" },
      { "error 'boom'", "conf.lua:1: boom" },
      { "\nlocal x = nothing.x", "conf.lua:2: attempt to index global 'nothing'" },
      { "return 5", "conf.lua: must return a table of settings, and returns 5" },
      { "", "conf.lua: must return a table of settings, and returns nil" },
      { "return {\n  routes = 'x',\n  rutes = 'x',\n}", 'conf.lua:3: there is no setting "rutes"' },
      { "return {\n  port = 9000 }", 'conf.lua:2: there is no setting "port"; the address has the port: --listen '
        .. "127.0.0.1:9000" },
      { "return {\n  host = '0.0.0.0' }", "--listen 0.0.0.0:8000" },
      { "return {\n  log_levle = 'info' }", 'there is no setting "log_levle"; did you mean log_level?' },
      { "return { 5 }", 'conf.lua:1: there is no setting "1"' },
      { "return {\n  ['head.bytes'] = 5 }", 'conf.lua:2: there is no setting "head.bytes"' },
      { 'return {\n  ["[100%"] = 5 }', 'conf.lua:2: there is no setting "[100%"' },
      { "return {\n  dev = true, rutes = 'x' }", 'conf.lua:2: there is no setting "rutes"' },
    }
    for _, case in ipairs(cases) do
      assert.matches(case[2], message_of(with_file, case[1]), 1, true)
    end
  end)

  it("needs the file that was asked for, but not the usual one", function()
    local message = "the configuration file /no/such.lua cannot be read: No such file or directory"
    assert.equal(message, message_of(settings.resolve, {
      config = "/no/such.lua",
    }))
    assert.equal("routes", settings.resolve({}).routes)
  end)
end)
