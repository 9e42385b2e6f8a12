local linear_patterns = require "tests.support.linear_patterns"

describe("a pattern", function()
  local linear = {
    "", "a", "^a*$", "^.*x", "^(.*)$", "x.*", ".*$", "[^;]+", "([^\n]*)\n?", "^.-x", "^(.-)%.lua$", "^.*[^/]",
    "^%s*([^;%s]*)", "^.*/(.*)$", "%?.*", "/([^/]*)", "%.([^./]+)$", "%f[^%z%s:]([^%z%s:]+):(%d+)", "^(%d+)%.(%d+)$",
    "^(%a[%w+.-]*)://([^/?#]*)(.*)$", "^%[(.*)%]:%d+$", "^[^:]*:%s*(.*)$", "%f[%w]%w+%f[%W]", "[%]a]+",
    "^%s*(%S.*)$",
    "[^%]]+", "%%%x%x", '"', "^(%d*)(%a*)$", "^%b()", "\r\n([^:\r\n]+): ?([^\r\n]*)",
  }
  local slow = {
    "[^/]*$", "%s+$", "/+$", "%s*$", "^(.-)%s*$", "^%s*(.-)%s*$", ".*x", "a*b", "^.*x.*y", "(%d+)%a+$",
    "([^%s:]+%.lua)",
    "([^:\r\n]+): ", "%b()", "%%[^%a]*(%a)", "^.-,.-;", "%w+=", "^%s*,?%s*$", ".-%.lua$", "[^,]+,", "^%a*%w*$",
    "%f[%w]%w+%s*=%s*x", "^a*a*$", "^([^=]+)=?(.*);",
  }
  for _, pattern in ipairs(linear) do
    it(("%q is linear"):format(pattern), function()
      assert.is_true(linear_patterns.is_linear(pattern))
    end)
  end
  for _, pattern in ipairs(slow) do
    it(("%q is not"):format(pattern), function()
      assert.is_false(linear_patterns.is_linear(pattern))
    end)
  end

  it("of gmatch has no anchor", function()
    assert.is_false(linear_patterns.is_linear("^.*b", true))
    assert.is_true(linear_patterns.is_linear "^.*b")
  end)
end)

describe("the check of a source", function()
  local function found(source)
    local lines = {}
    linear_patterns.check(source, function(line)
      lines[#lines + 1] = line
    end)
    return lines
  end

  it("finds the lines of what is slow", function()
    local sources = {
      [[local a = x:match "[^/]*$"]],
      [[local a = x:match("[^/]*$")]],
      [[local a = x:gsub('%s+$', "")]],
      [[local a = string.find(x, "%s+$")]],
      [[for a in x:gmatch "^.*b" do]],
      [[local a = x:match(pattern)]],
      [[local a = x:match("a" .. b)]],
      [[local a = x:find(needle)]],
      [[table.insert(list, 1, value)]],
      [[local a = table.remove(list, 1)]],
      "while a do\n  text = text .. a\nend",
      "for a in b do\n  if a then\n    self.text = self.text .. a\n  end\nend",
    }
    for _, source in ipairs(sources) do
      assert.equal(1, #found(source), source)
    end
    assert.same({ 2 }, found "local a = 1\nlocal b = a:match '.*x'\n")
  end)

  it("leaves alone what is not", function()
    local sources = {
      [[local a = x:match "^.*/(.*)$" .. "/"]],
      [[local a = x:find("%s+$", 1, true)]],
      [[local a = x:find(needle, 1, true)]],
      [[-- x:match "[^/]*$"]],
      [[function Router:find(method, path)]],
      [[local a = x:match(pattern) -- linear: the pattern is ours]],
      "-- linear: it is short\nlocal a = x:match '.*x'",
      "text = text .. more",
      "while a do\n  b(function()\n    text = text .. a\n  end)\nend",
      "table.insert(list, value)",
    }
    for _, source in ipairs(sources) do
      assert.same({}, found(source), source)
    end
  end)
end)
