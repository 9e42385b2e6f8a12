local errors = require "tidegate.errors"
local tg = require "tidegate"
local server = require "tests.support.server"

-- The answer of a failing handler and what was logged.
local function fail(handle, fields, dev)
  local answer
  local request = table.concat({ "GET /x HTTP/1.1", "Host: test", unpack(fields or {}) }, "\r\n") .. "\r\n\r\n"
  local lines = server.logged(function()
    answer = server.ask(handle, request, dev)
  end)
  return answer, lines
end

local function inner()
  error "boom"
end

local function boom()
  inner()
  return nil
end

local function problem_of(answer)
  assert.equal("application/problem+json", answer.headers["content-type"])
  return tg.json.decode(answer.body)
end

describe("a handler that raises", function()
  it("is answered with 500 and the request's id, and nothing of the error", function()
    local answer, lines = fail(boom)
    local problem = problem_of(answer)
    assert.equal(500, answer.status)
    assert.same({
      type = "about:blank", title = "Internal Server Error", status = 500, request_id = problem.request_id,
    }, problem)
    assert.equal(1, #lines)
    assert.equal("error", lines[1].level)
    assert.matches(problem.request_id, lines[1].message, 1, true)
  end)

  it("is logged with method, path, message and traceback", function()
    local _, lines = fail(boom)
    local message = lines[1].message
    local first, rest = message:match("^(.-)\nstack traceback:\n(.*)$")
    assert.matches("^GET /x failed %(request [%x-]+%): tests/spec/serve_spec.lua:16: boom$", first)
    assert.matches("serve_spec.lua:16: in function 'inner'", rest, 1, true)
    assert.matches("serve_spec.lua:20: in function", rest, 1, true)
  end)

  it("is logged with the lines of the child that failed", function()
    local _, lines = fail(function()
      tg.gather { inner }
    end)
    assert.matches("serve_spec.lua:16: in function.*\nwaited for by\n.*serve_spec.lua:%d+:", lines[1].message)
  end)

  it("may raise anything", function()
    for _, value in ipairs { false, 5, {}, print, tg.null, coroutine.create(print), setmetatable({}, {
      __tostring = function()
        error "not even this works"
      end,
    }) } do
      local answer, lines = fail(function()
        error(value, 0)
      end)
      assert.equal(500, answer.status)
      assert.is_true(#lines >= 1)
    end
    assert.equal(500, fail(function()
      error(nil)
    end).status)
  end)

  it("may run out of stack", function()
    local function deeper()
      return 1 + deeper()
    end
    local answer, lines = fail(deeper)
    assert.equal(500, answer.status)
    local message = lines[1].message
    assert.is_truthy(message:find "stack overflow" or message:find "error in error handling")
    assert.not_matches("wait.lua", message, 1, true) -- the traceback of some other error
  end)

  it("leaves its connection open", function()
    local lines = server.logged(function()
      local connection = server.connect(boom)
      for _ = 1, 3 do
        assert.equal(500, connection:ask("GET /x HTTP/1.1\r\nHost: test\r\n\r\n").status)
      end
      connection:close()
      tg.sleep(1.5)
    end)
    assert.equal(2, #lines)
    assert.matches("^… 2 more in the last second: ", lines[2].message)
  end)
end)

describe("tg.abort in a handler", function()
  it("is answered as it says, and not logged", function()
    local answer, lines = fail(function()
      tg.abort(429, "slow down", { headers = { ["Retry-After"] = "7" } })
    end)
    local problem = problem_of(answer)
    assert.equal(429, answer.status)
    assert.equal("7", answer.headers["retry-after"])
    assert.equal("Too Many Requests", problem.title)
    assert.equal("slow down", problem.detail)
    assert.equal(429, problem.status)
    assert.is_string(problem.request_id)
    assert.same({}, lines)
  end)

  it("has the further fields in its problem, escaped", function()
    local answer = fail(function()
      tg.abort(422, "wrong", { errors = { { name = 'a"b\n', given = tg.null } }, title = "No", type = "tag:x" })
    end)
    local problem = problem_of(answer)
    assert.same({
      type = "tag:x", title = "No", status = 422, detail = "wrong", request_id = problem.request_id,
      errors = { { name = 'a"b\n', given = tg.null } },
    }, problem)
  end)

  it("reaches through gather and pcall that raises again", function()
    local answer = fail(function()
      tg.gather { function()
        local _, err = pcall(tg.abort, 410)
        error(err)
      end }
    end)
    assert.equal(410, answer.status)
  end)

  it("with headers that cannot be sent is answered with 500, and logged", function()
    local answer, lines = fail(function()
      tg.abort(404, "x", { headers = { ["X-Evil"] = "a\r\nSet-Cookie: b=c" } })
    end)
    assert.equal(500, answer.status)
    assert.is_nil(answer.headers["set-cookie"])
    assert.matches("CR, LF or NUL", lines[1].message, 1, true)
  end)
end)

describe("an error of ours that nobody catches", function()
  it("is answered with its status and detail, and logged with its message", function()
    local answer, lines = fail(function()
      error(errors.new { kind = "connect", status = 502, detail = "an upstream is away", message = "http://x is away" })
    end)
    assert.equal(502, answer.status)
    assert.equal("an upstream is away", problem_of(answer).detail)
    assert.matches("http://x is away", lines[1].message, 1, true)
  end)
end)

describe("--dev", function()
  local page_wanted = { "Accept: text/html,*/*" }

  it("answers a browser with a page that shows error, lines and traceback", function()
    local answer, lines = fail(boom, page_wanted, true)
    assert.equal(500, answer.status)
    assert.equal("text/html; charset=utf-8", answer.headers["content-type"])
    assert.matches("serve_spec.lua:%d+: boom", answer.body)
    assert.matches("<mark>[^\n]*error &quot;boom&quot;", answer.body)
    assert.matches("in function &#39;inner&#39;", answer.body, 1, true)
    assert.equal(1, #lines)
  end)

  it("escapes what it shows", function()
    local answer = fail(function()
      error("<script>alert('x')</script>", 0)
    end, page_wanted, true)
    assert.matches("&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt;", answer.body, 1, true)
    assert.not_matches("<script", answer.body, 1, true)
  end)

  it("answers other clients as ever", function()
    assert.equal(500, problem_of((fail(boom, { "Accept: application/json" }, true))).status)
    assert.equal(500, problem_of((fail(boom, nil, true))).status)
  end)

  it("leaves aborts as they are", function()
    local answer = fail(function()
      tg.abort(404)
    end, page_wanted, true)
    assert.equal(404, problem_of(answer).status)
  end)

  it("is off otherwise", function()
    assert.equal(500, problem_of((fail(boom, page_wanted, false))).status)
  end)
end)

describe("a task that is for no request", function()
  it("has no request line", function()
    local core = require "tidegate.core"
    assert.has_error(core.request_line, "this task is for no request")
  end)
end)
