-- Third-party data against the real program: llhttp's cases, whole and cut, and the strings that break programs in log
-- lines. Every connection ends, with well-formed answers or none, and the gateway goes on.
local tg = require "tidegate"
local dataset = require "tests.support.dataset"
local gateway = require "tests.support.gateway"
local wait = require "tests.support.wait"

local ROUTES = [[
local tg = require "tidegate"

return function(app)
  for _, method in ipairs { "get", "post", "put", "delete", "patch" } do
    app[method](app, "/{rest...}", function(request)
      return request.method .. " " .. request.path .. " " .. request:body()
    end)
  end
  app:post("/log", function(request)
    tg.log.info("said %s", request:body())
  end)
end
]]

local PATIENCE_MS = 1000 -- what the gateway has with a request that does not go on
local AT_ONCE, CUT_BYTES_MAX, SECONDS_MAX = 400, 250, 120

-- A connection that sends the bytes in one or two pieces; all that it is answered until the gateway closes it.
local function talk(serving, bytes, cut)
  local connection = serving:connect()
  local ok, answer = pcall(function()
    connection:send(bytes:sub(1, cut))
    if cut < #bytes then
      tg.sleep(0.001) -- that the pieces come apart; when they do not, the case is one that was tried already
      connection:send(bytes:sub(cut + 1))
    end
    return connection:read_rest()
  end)
  connection:close()
  return ok and answer or ok
end

-- The answers one by one; raises where one is not well-formed.
local function statuses(answer, name)
  local list = {}
  while answer and answer ~= "" do
    local head, rest = answer:match("^(HTTP/1%.1 %d%d%d [^\r\n]*\r\n.-\r\n\r\n)(.*)$")
    assert(head, ("%s: what is this? %q"):format(name, answer))
    local length = tonumber(head:lower():match("\r\ncontent%-length: (%d+)\r\n") or 0)
    list[#list + 1] = head:match("^HTTP/1%.1 (%d%d%d)")
    answer = rest:sub(length + 1)
  end
  return list
end

-- How many answers there were.
local function check(serving, case, cut)
  local name = ("%s, %d bytes first"):format(case.name, cut)
  local to_head = case.bytes:find("HEAD ", 1, true)
  local answer = talk(serving, case.bytes, cut)
  local list = to_head and {} or statuses(answer, name)
  for _, status in ipairs(list) do
    assert.truthy(tonumber(status) < 500 or status == "501" or status == "505", name .. ": " .. status)
  end
  return #list
end

local function check_all(serving, cases, with_cuts)
  local runs = {}
  for _, case in ipairs(cases) do
    runs[#runs + 1] = { case, #case.bytes }
    for cut = 1, with_cuts and #case.bytes <= CUT_BYTES_MAX and #case.bytes - 1 or 0 do
      runs[#runs + 1] = { case, cut }
    end
  end
  local answered = 0
  wait.within(function()
    tg.map(runs, function(run)
      local count = check(serving, run[1], run[2])
      answered = answered + count
    end, { max = AT_ONCE })
  end, SECONDS_MAX)
  assert.truthy(answered >= #runs * 0.8, ("%d answers to %d connections"):format(answered, #runs))
end

describe("llhttp's cases:", function()
  local serving

  setup(function()
    local options = {}
    for _, name in ipairs { "head", "body", "idle" } do
      options[#options + 1] = ("--%s-timeout-ms=%d"):format(name, PATIENCE_MS)
    end
    serving = gateway.start { routes = { ["routes.lua"] = ROUTES }, options = options }
  end)

  teardown(function()
    serving:stop()
  end)

  it("each request, whole and cut at every byte", function()
    local cases = dataset.llhttp "request"
    assert.truthy(#cases == 0 or #cases > 150)
    check_all(serving, cases, true)
    assert.equal(200, serving:get("/").status)
  end)

  it("each response, which is no request", function()
    local cases = dataset.llhttp "response"
    assert.truthy(#cases == 0 or #cases > 80)
    check_all(serving, cases, false)
    assert.equal(200, serving:get("/").status)
  end)

  it("each URL, as the target of GET and of CONNECT", function()
    local cases = {}
    for _, case in ipairs(dataset.llhttp_urls()) do
      for _, method in ipairs { "GET", "CONNECT" } do
        local bytes = ("%s %s HTTP/1.1\r\nHost: a\r\n\r\n"):format(method, case.bytes)
        cases[#cases + 1] = { name = method .. " " .. case.name, bytes = bytes }
      end
    end
    check_all(serving, cases, true)
    assert.equal(200, serving:get("/").status)
  end)
end)

describe("a naughty string in the log", function()
  it("is in lines of its own, without a control character", function()
    local text = dataset.read("strings/blns.json")
    local strings = text and tg.json.decode(text) or {}
    local serving = gateway.start { routes = { ["routes.lua"] = ROUTES } }
    for _, string in ipairs(strings) do
      serving:ask(("POST /log HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n%s"):format(#string, string))
    end
    local said = 0
    for line in serving:stop():gmatch("([^\n]*)\n") do
      assert.falsy(line:find("%c"), line)
      assert.truthy(line:find("^%d%d%d%d%-%d%d%-%d%dT%S+Z %l+ ") or line:find("^    "), line)
      said = said + (line:find("^%S+Z info said ") and 1 or 0)
    end
    assert.equal(#strings, said)
  end)
end)
