local options = require "tidegate.cli.options"
local settings = require "tidegate.cli.settings"

local extra = { { name = "show_config", flag = true, help = "print every setting" } }

local function parse(...)
  return options.parse("check", "Checks.", { ... }, extra)
end

local function message_of(...)
  local ok, err = pcall(parse, ...)
  assert.is_false(ok)
  return err.usage
end

describe("options.parse", function()
  it("reads --name VALUE and --name=VALUE", function()
    assert.same({ routes = "a", log_level = "warn" }, parse("--routes", "a", "--log-level=warn"))
    assert.same({ routes = "a=b" }, parse "--routes=a=b")
    assert.same({ routes = "" }, parse "--routes=")
    assert.same({}, parse())
  end)

  it("collects what may be repeated, and refuses a second one of what may not", function()
    assert.same({ listen = { "a:1", "b:2" }, routes = "x" }, parse("--listen", "a:1", "--routes", "x", "--listen=b:2"))
    assert.equal("--routes is given twice, and takes one value", message_of("--routes", "x", "--routes", "x"))
    assert.equal("--dev is given twice, and takes one value", message_of("--dev=false", "--dev"))
  end)

  it("reads flags, and what they are set to", function()
    assert.same({ dev = true, show_config = true }, parse("--dev", "--show-config"))
    assert.same({ dev = "false" }, parse "--dev=false")
  end)

  it("names an option that there is not, and the one that was perhaps meant", function()
    assert.equal("there is no option --nothing (`tidegate check --help` lists them)", message_of "--nothing")
    assert.equal("there is no option --route; did you mean --routes? (`tidegate check --help` lists them)",
      message_of("--route", "x"))
    assert.matches("did you mean --head-bytes-max?", message_of "--head-byte-max=5", 1, true)
    assert.matches("there is no option x, and no argument but options", message_of "x", 1, true)
    for wrong, meant in pairs {
      ["--port=8080"] = "--port=8080; the address has the port: --listen 127.0.0.1:8080",
      ["--port"] = "--port; the address has the port: --listen 127.0.0.1:8000",
      ["-p"] = "-p; the address has the port: --listen 127.0.0.1:8000",
      ["--host=0.0.0.0"] = "--listen 0.0.0.0:8000",
      ["--bind=[::1]"] = "--listen 127.0.0.1:8000",
      ["--verbose"] = "--log-level debug",
      ["--timeout=5"] = "--request-timeout-ms 5000, in milliseconds",
      ["--bodybytesmax=5"] = "did you mean --body-bytes-max?",
      ["--acces-log"] = "did you mean --access-log?",
    } do
      assert.matches(meant, message_of(wrong), 1, true)
    end
    assert.matches("there is no option -r", message_of "-r", 1, true)
    assert.matches("there is no option --", message_of "--", 1, true)
    assert.matches("there is no option --log_level", message_of "--log_level=warn", 1, true)
  end)

  it("says that a value is missing", function()
    assert.equal("--routes needs a value: --routes DIR", message_of "--routes")
    assert.equal("--listen needs a value: --listen ADDRESS", message_of("--dev", "--listen"))
  end)

  it("takes no option for the value of another", function()
    assert.equal("--routes needs a value: --routes DIR", message_of("--routes", "--dev"))
    assert.same({ routes = "--dev" }, parse "--routes=--dev")
  end)

  describe("with --help", function()
    local write, written = io.stdout, nil

    before_each(function()
      written = {}
      io.stdout = { -- luacheck: ignore (what the help is written to)
        write = function(_, ...)
          for _, text in ipairs { ... } do
            written[#written + 1] = text
          end
        end,
      }
    end)

    after_each(function()
      io.stdout = write -- luacheck: ignore
    end)

    it("prints every option with its default, and returns nothing", function()
      assert.is_nil(parse "--help")
      local text = table.concat(written)
      assert.matches("^Usage: tidegate check %[options%]\nChecks%.\n", text)
      for _, setting in ipairs(settings.list) do
        assert.matches("  --" .. setting.name:gsub("_", "-"), text, 1, true)
        assert.matches(setting.help, text, 1, true)
      end
      assert.matches("[127.0.0.1:8000]", text, 1, true)
      assert.matches("--show-config", text, 1, true)
      assert.matches("--config FILE", text, 1, true)
      for line in text:gmatch "[^\n]+" do
        assert.is_true(#line <= 120, line)
      end
    end)

    it("is asked for with -h too, and before anything that is wrong", function()
      assert.is_nil(parse "-h")
      assert.is_nil(parse("--dev", "--help", "--nothing"))
    end)
  end)
end)
