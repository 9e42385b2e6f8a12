-- What handlers return and raise, as clients see it, and what stands in the log.
local tg = require "tidegate"
local gateway = require "tests.support.gateway"
local request = require "tests.support.request"

local ROUTES = [[
local tg = require "tidegate"

local function fail_deep()
  error "deep trouble"
end

return function(app)
  app:get("/table", function()
    return { a = { 1, 2 }, none = tg.null, list = tg.json.array(), raw = tg.json.raw "[ 1 ]" }
  end)
  app:get("/string", function()
    return "héllo"
  end)
  app:get("/nothing", function() end)
  app:get("/three", function()
    return 201, { id = 7 }, { Location = "/things/7" }
  end)
  app:get("/response", function()
    return tg.response { status = 202, headers = { ["X-A"] = "b" }, cookies = { s = "1" }, body = "later" }
  end)
  app:get("/abort", function()
    tg.abort(418, "short and stout")
  end)
  app:get("/boom", function()
    tg.gather { fail_deep, function()
      tg.sleep(1000)
    end }
  end)
  app:get("/split", function(request)
    return 200, "fine", { ["X-Echo"] = request.query.value }
  end)
  app:get("/log", function(request)
    tg.log.info("value: %s", request.query.value)
    tg.log.warn(request.query.value)
    error(request.query.value, 0)
  end)
  app:get("/recursion", function()
    local function deeper()
      return 1 + deeper()
    end
    return tostring(deeper())
  end)
  app:get("/users/{id}/files/{path...}", function(request)
    return request.params
  end)
  app:get("/late", function()
    app:get("/too-late", print)
  end)
  app:get("/yield", function()
    coroutine.yield()
  end)
  app:get("/sort", function()
    table.sort({ 3, 2, 1 }, function(a, b)
      tg.sleep(0)
      return a < b
    end)
  end)
end
]]

local get = request.get

describe("an answer", function()
  local serving = gateway.of_block { routes = { ["routes.lua"] = ROUTES } }

  local function ask(path, ...)
    return serving:ask(get(path, ...))
  end

  it("of a table is JSON", function()
    local answer = ask "/table"
    assert.equal("application/json", answer.headers["content-type"])
    assert.same({ a = { 1, 2 }, none = tg.null, list = {}, raw = { 1 } }, tg.json.decode(answer.body))
    assert.matches('"list":[]', answer.body, 1, true)
    assert.matches('"raw":[ 1 ]', answer.body, 1, true)
  end)

  it("of a string is text", function()
    local answer = ask "/string"
    assert.equal("text/plain; charset=utf-8", answer.headers["content-type"])
    assert.equal("héllo", answer.body)
  end)

  it("of nothing is 204", function()
    assert.equal(204, ask("/nothing").status)
  end)

  it("of three values is as said", function()
    local answer = ask "/three"
    assert.equal(201, answer.status)
    assert.equal("/things/7", answer.headers.location)
    assert.equal('{"id":7}', answer.body)
  end)

  it("of tg.response is as said", function()
    local answer = ask "/response"
    assert.equal(202, answer.status)
    assert.equal("b", answer.headers["x-a"])
    assert.equal("s=1; Path=/; HttpOnly", answer.headers["set-cookie"])
    assert.equal("later", answer.body)
  end)

  it("of tg.abort is a problem (RFC 9457)", function()
    local answer = ask "/abort"
    assert.equal(418, answer.status)
    assert.equal("application/problem+json", answer.headers["content-type"])
    assert.equal("short and stout", tg.json.decode(answer.body).detail)
    assert.not_matches("short and stout", serving:log(), 1, true)
  end)

  it("has parameters decoded", function()
    local answer = ask "/users/a%2Fb%20c/files/d/e%2Ff"
    assert.same({ id = "a/b c", path = "d/e/f" }, tg.json.decode(answer.body))
  end)

  it("of a path or method that is not served says so", function()
    assert.equal(404, ask("/none").status)
    local answer = serving:ask "PUT /string HTTP/1.1\r\nHost: test\r\nContent-Length: 0\r\n\r\n"
    assert.equal(405, answer.status)
    assert.equal("GET, HEAD, OPTIONS", answer.headers.allow)
    answer = serving:ask "OPTIONS /string HTTP/1.1\r\nHost: test\r\n\r\n"
    assert.equal(204, answer.status)
    assert.equal("GET, HEAD, OPTIONS", answer.headers.allow)
    assert.equal(204, serving:ask("OPTIONS * HTTP/1.1\r\nHost: test\r\n\r\n").status)
  end)
end)

describe("a route that raises", function()
  local serving = gateway.of_block { routes = { ["routes.lua"] = ROUTES } }

  -- Asks for a path whose route fails.
  local function problem_of(path, ...)
    local connection = serving:connect()
    local answer = connection:ask(get(path, ...))
    assert.equal(500, answer.status)
    assert.equal("application/problem+json", answer.headers["content-type"])
    local problem = tg.json.decode(answer.body)
    assert.equal("héllo", connection:ask(get "/string").body) -- the gateway goes on, on the same connection
    connection:close()
    return problem
  end

  -- … and its entry in the log: the first line and those behind it. Only the first failure of a kind within a second
  -- has one; what comes again is counted.
  local function fail(path, ...)
    local problem = problem_of(path, ...)
    local log = serving:wait_for_log(problem.request_id)
    local entry = log:match("([^\n]*" .. problem.request_id:gsub("%p", "%%%0") .. "[^\n]*\n.*)$")
    return problem, entry:match "^.-\n%f[%d]" or entry
  end

  it("is answered with 500 and the id under which its traceback is in the log", function()
    local problem, entry = fail "/boom"
    assert.same({
      type = "about:blank", title = "Internal Server Error", status = 500, request_id = problem.request_id,
    }, problem)
    assert.matches("error GET /boom failed %(request [%x-]+%): [^\n]*routes.lua:4: deep trouble\n", entry)
    assert.matches("routes.lua:4: in function", entry, 1, true)
    assert.matches("waited for by", entry, 1, true)
    assert.matches("routes.lua:25: in function", entry, 1, true)
  end)

  it("may run out of stack", function()
    fail "/recursion"
    problem_of "/recursion"
  end)

  it("cannot split its answer: nothing of it is sent", function()
    for _, value in ipairs { "a%0D%0ASet-Cookie:%20evil=1", "a%0Ab", "a%0Db", "a%00b" } do
      local answer = serving:ask(get("/split?value=" .. value))
      assert.equal(400, answer.status)
      assert.matches("header X-Echo: its value has a CR, LF or NUL", answer.body, 1, true)
      assert.not_matches("evil", answer.head, 1, true)
      assert.not_matches("X-Echo", answer.head, 1, true)
      assert.not_matches("fine", answer.body, 1, true)
    end
    assert.equal("plain", serving:ask(get "/split?value=plain").headers["x-echo"])
  end)

  it("cannot forge lines of the log", function()
    local forged = "2030-01-01T00:00:00.000Z info forged"
    local _, entry = fail("/log?value=x%0A" .. forged:gsub(" ", "%%20") .. "%0D%1B[31m%07%7F")
    assert.is_truthy(entry)
    for line in serving:log():gmatch "[^\n]*" do
      assert.is_falsy(line:find("^" .. forged))
      assert.is_falsy(line:find "%c")
    end
    assert.matches("\n    " .. forged .. "\\x0d\\x1b[31m\\x07\\x7f", serving:log(), 1, true)
  end)

  it("is told why it cannot wait, yield or register where it tried", function()
    local _, entry = fail "/sort"
    assert.matches("tg.sleep waits, and nothing can wait inside a function that C code calls back", entry, 1, true)
    _, entry = fail "/yield"
    assert.matches("coroutine.yield outside a coroutine of your own", entry, 1, true)
    _, entry = fail "/late"
    assert.matches("routes.lua:47: routes and middleware are registered while", entry, 1, true)
  end)

  it("shows no page without --dev", function()
    problem_of("/boom", "Accept: text/html")
  end)
end)

describe("with --dev a route that raises", function()
  it("shows a browser what went wrong", function()
    local serving = gateway.start { routes = { ["routes.lua"] = ROUTES }, options = { "--dev" } }
    local answer = serving:ask(get("/boom", "Accept: text/html,application/xhtml+xml"))
    assert.equal(500, answer.status)
    assert.equal("text/html; charset=utf-8", answer.headers["content-type"])
    assert.matches("routes.lua:4: deep trouble", answer.body, 1, true)
    assert.matches("<mark>[^\n]*error &quot;deep trouble&quot;</mark>", answer.body)
    assert.matches("<mark>    4  ", answer.body, 1, true)
    local problem = serving:ask(get("/boom", "Accept: application/json"))
    assert.equal("application/problem+json", problem.headers["content-type"])
    serving:stop()
  end)
end)
