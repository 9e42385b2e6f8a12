-- Everything that a script or an operator can name stands in the documentation, by its full name.
local core = require "tidegate.core"
local settings = require "tidegate.cli.settings"
local tg = require "tidegate"
local page = require "tests.docs.support.page"

local function read_pages()
  local texts = {}
  for _, path in ipairs(page.paths) do
    texts[#texts + 1] = page.read(path) or ""
  end
  return table.concat(texts, "\n")
end

local text = read_pages()

-- Is the name there, and not only as the beginning of another one?
local function is_documented(name)
  local first = name:find("^[%w_]") and "%f[%w_]" or ""
  local last = name:find("[%w_]$") and "%f[^%w_]" or ""
  return text:find(first .. name:gsub("%p", "%%%0") .. last) ~= nil
end

-- The value of the upvalue called `name`, of a function or of one that it uses.
local function upvalue(fn, name, seen)
  seen = seen or {}
  seen[fn] = true
  for index = 1, 60 do
    local key, value = debug.getupvalue(fn, index)
    if key == nil then
      return nil
    elseif key == name then
      return value
    elseif type(value) == "function" and not seen[value] then
      local found = upvalue(value, name, seen)
      if found ~= nil then
        return found
      end
    end
  end
end

local function must_find(fn, name)
  return assert(upvalue(fn, name), "the code has no local " .. name .. " any more: look where its names are kept now")
end

-- Public to Lua, but of Tidegate's own.
local INTERNAL = { ["handle:keep"] = true }

local function add(names, form, keys)
  for key in pairs(keys) do
    local is_public = type(key) == "string" and key:sub(1, 1) ~= "_" and not INTERNAL[form:format(key)]
    if is_public then
      names[#names + 1] = form:format(key)
    end
  end
end

-- "tg.sleep", "tg.http.get", …
local function module_names()
  local names = {}
  add(names, "tg.%s", tg)
  for key, value in pairs(tg) do
    if type(value) == "table" then
      add(names, "tg." .. key .. ".%s", value)
    end
  end
  return names
end

local function methods_of(form, methods)
  local names = {}
  add(names, form, methods)
  return names
end

local app = require("tidegate.app").new("routes")
local request = require("tidegate.request").new(false, "GET", "/")
local read_request = getmetatable(request).__index
local Answer = must_find(tg.http.get, "Response")
local Scope = must_find(tg.scope, "Scope")
local read_parts = require("tidegate.multipart").parts

-- Names that belong to one page: where others have them, too, that is no help to its reader.
local of_testing = assert(page.read "docs/testing.md")

local all = {
  ["the module of tests"] = methods_of("t.%s", require "tidegate.testing"),
  ["the module"] = module_names(),
  ["an app"] = methods_of("app:%s", getmetatable(app)),
  ["a request's methods"] = methods_of("request:%s", must_find(read_request, "methods")),
  ["a request's fields"] = methods_of("request.%s", must_find(read_request, "readers")),
  ["a request's own fields"] = methods_of("request.%s", request),
  ["a part"] = methods_of("part:%s", must_find(read_parts, "Part")),
  ["options of request:parts"] = methods_of("`%s`", must_find(read_parts, "known").by_name),
  ["a response's fields"] = methods_of("response.%s", must_find(tg.response, "known").by_name),
  ["a client"] = methods_of("client:%s", getmetatable(tg.http.client { base_url = "http://h" })),
  ["an upstream's answer: methods"] = methods_of("answer:%s", must_find(Answer.__index, "methods")),
  ["an upstream's answer: fields"] = methods_of("answer.%s", must_find(Answer.__index, "readers")),
  ["a call's options"] = methods_of("`%s`", must_find(tg.http.get, "call_options").by_name),
  ["kinds of errors of a call"] = methods_of("`%s`", must_find(tg.http.get, "FAILURES")),
  ["a gather's options"] = methods_of("`%s`", must_find(tg.gather, "known").by_name),
  ["a scope"] = methods_of("scope:%s", Scope),
  ["a handle"] = methods_of("handle:%s", must_find(Scope.spawn, "Handle")),
  ["a stream"] = methods_of("stream:%s", core.stream_metatable()),
  ["commands"] = methods_of("tidegate %s", must_find(require "tidegate.cli", "commands")),
}

local testing = require "tidegate.testing"
local options_of_tests = {
  ["t.app"] = must_find(testing.app, "known"),
  ["t.upstream"] = must_find(require("tidegate.testing_upstream").new, "known"),
  ["t.answer"] = must_find(testing.answer, "known"),
}

describe("the page about tests names", function()
  for what, options in pairs(options_of_tests) do
    it("what " .. what .. " takes", function()
      assert.equal(what, options.what)
      for name in pairs(options.by_name) do
        assert.is_truthy(of_testing:find("`" .. name .. "`", 1, true), name)
      end
    end)
  end
end)

describe("the documentation names", function()
  for what, names in pairs(all) do
    table.sort(names)
    it(what, function()
      assert.is_true(#names > 0)
      local missing = {}
      for _, name in ipairs(names) do
        if not is_documented(name) then
          missing[#missing + 1] = name
        end
      end
      assert.same({}, missing)
    end)
  end

  for _, setting in ipairs(settings.list) do
    it("the setting " .. setting.name, function()
      assert.is_true(is_documented("`" .. setting.name .. "`"))
    end)
  end

  for _, setting in ipairs(settings.list) do
    if type(setting.default) == "number" then
      it("the default of " .. setting.name, function()
        local shown = text:match("\n| `" .. setting.name .. "` | ([^|]-) |")
        assert.equal(tostring(setting.default), shown)
      end)
    end
  end
end)
