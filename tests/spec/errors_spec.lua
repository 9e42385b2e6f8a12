local errors = require "tidegate.errors"
local task = require "tidegate.task"
local tg = require "tidegate"

local function aborted(...)
  local ok, err = pcall(tg.abort, ...)
  assert.is_false(ok)
  return err
end

describe("tg.abort", function()
  it("raises an error object with the status and what the client may know", function()
    local err = aborted(404, "no such order", { headers = { ["Retry-After"] = "5" } })
    assert.is_true(errors.is_error(err))
    assert.equal("abort", err.kind)
    assert.equal(404, err.status)
    assert.equal("no such order", err.detail)
    assert.same({ ["Retry-After"] = "5" }, err.headers)
  end)

  it("reads well as a text", function()
    assert.equal("404 Not Found: no such order", tostring(aborted(404, "no such order")))
    assert.equal("503 Service Unavailable", tostring(aborted(503)))
  end)

  it("takes statuses of errors only", function()
    for _, wrong in ipairs { 200, 399, 600, 404.5, "404", {} } do
      local message = aborted(wrong)
      assert.matches("tg.abort takes a status from 400 to 599", message, 1, true)
      assert.matches("errors_spec.lua:%d+: ", message)
    end
    assert.equal(400, aborted(400).status)
    assert.equal(599, aborted(599).status)
  end)
end)

describe("tg.abort with further fields", function()
  it("has them as members of the problem, and headers as headers", function()
    local given = { errors = { size = "too large" }, type = "https://x.test/size", headers = { ["Retry-After"] = 5 } }
    local err = aborted(422, "wrong", given)
    assert.same({ errors = { size = "too large" }, type = "https://x.test/size" }, err.fields)
    assert.same({ ["Retry-After"] = 5 }, err.headers)
    given.errors = nil -- it is the caller's table still
    assert.is_table(err.fields.errors)
    assert.is_nil(aborted(404, "x", { headers = {} }).fields)
    assert.is_nil(aborted(404, "x", {}).fields)
  end)

  local cycle = {}
  cycle.cycle = cycle
  for name, case in pairs {
    ["a status"] = { { status = 404 }, "cannot hold status: the status is its first argument" },
    ["a detail"] = { { detail = "x" }, "cannot hold detail: the detail is its second argument" },
    ["the request's id"] = { { request_id = "x" }, "cannot hold request_id" },
    ["a type that is no text"] = { { type = 5 }, "type must be a string, not 5" },
    ["a title that is no text"] = { { title = {} }, "title must be a string, not a table" },
    ["a header, as it is spelt"] = { { ["Retry-After"] = 5 }, '{ headers = { ["Retry-After"] = … } }' },
    ["a header in small letters"] = { { ["www-authenticate"] = "x" }, '{ headers = { ["www-authenticate"] = … } }' },
    ["a header of one word"] = { { Allow = "GET" }, '"Allow" is the name of a header' },
    ["a name that is none"] = { { ["a b"] = 1 }, 'begins with a letter, and "a b" does not' },
    ["a list"] = { { "a" }, "begins with a letter, and 1 does not" },
    ["a function"] = { { done = print }, "the further fields: cannot encode as JSON" },
    ["NaN"] = { { size = 0 / 0 }, "the further fields: cannot encode as JSON" },
    ["a cycle"] = { cycle, "the further fields: cannot encode as JSON" },
    ["text that is not UTF-8"] = { { name = "\255" }, "the further fields: cannot encode as JSON" },
    ["headers that are none"] = { { headers = "x" },
      'headers must be a table of names and values, not the string "x"' },
    ["a header's name that is none"] = { { headers = { ["a b"] = "x" } }, 'not the string "a b"' },
    ["a header's value that is none"] = { { headers = { ["X-A"] = true } }, "header X-A: a value must be a string" },
    ["a header with a line end"] = { { headers = { ["X-A"] = "a\r\nb" } },
      "header X-A: its value has a CR, LF or NUL" },
    ["a list with a line end"] = { { headers = { ["X-A"] = { "a", "b\n" } } },
      "header X-A: its value has a CR, LF or NUL" },
    ["no table"] = { "x", 'the further fields must be a table, not the string "x"' },
  } do
    it("refuses " .. name, function()
      local message = aborted(400, "x", case[1])
      assert.matches("errors_spec.lua:%d+: tg.abort: ", message)
      assert.matches(case[2], message, 1, true)
    end)
  end

  it("refuses a detail that is no text", function()
    assert.matches("the detail must be a string, not a table", aborted(400, { errors = {} }), 1, true)
  end)
end)

describe("errors.describe", function()
  local function describe_of(value)
    local status, detail, is_fault = errors.describe(value)
    return { status = status, detail = detail, is_fault = is_fault }
  end

  it("answers an abort as it says, and does not log it", function()
    assert.same({ status = 403, detail = "not yours", is_fault = false }, describe_of(aborted(403, "not yours")))
  end)

  it("answers anything else with 500, tells the client nothing, and logs it", function()
    for _, value in ipairs { "a message", 5, false, { "a table" }, { status = 404 } } do
      assert.same({ status = 500, is_fault = true }, describe_of(value))
    end
    assert.same({ status = 500, is_fault = true }, describe_of(nil))
  end)

  it("answers an upstream's failure as that says, and logs it", function()
    local err = errors.new { kind = "timeout", status = 504, detail = "an upstream did not answer", message = "x" }
    assert.same({ status = 504, detail = "an upstream did not answer", is_fault = true }, describe_of(err))
  end)

  it("answers an error of ours without a status with 500", function()
    assert.equal(500, describe_of(errors.new { kind = "json", message = "x" }).status)
  end)

  it("answers a cancellation with 503, and does not log it", function()
    local shutdown = describe_of(task.cancellation "shutdown")
    assert.same({ status = 503, detail = "the gateway is shutting down", is_fault = false }, shutdown)
    assert.same({ status = 503, is_fault = false }, describe_of(task.cancellation "the client is gone"))
  end)
end)

describe("errors.is_error", function()
  it("knows only our own", function()
    assert.is_true(errors.is_error(errors.new { kind = "x", message = "y" }))
    for _, value in ipairs { "text", 5, { kind = "x", message = "y" }, task.cancellation "x" } do
      assert.is_false(errors.is_error(value))
    end
    assert.is_false(errors.is_error(nil))
  end)
end)

describe("errors.text", function()
  local function raise()
    error "no"
  end

  for expected, value in pairs {
    ["a text"] = "a text",
    ["5"] = 5,
    ["false"] = false,
    ["404 Not Found"] = aborted(404),
    ["a table, message = no such user, code = 7"] = { code = 7, message = "no such user", token = "secret" },
    ["a table without a message"] = setmetatable({}, { __index = raise }),
    ["an error whose __tostring fails"] = setmetatable({}, { __tostring = raise }),
    ["stack overflow, and no room for a traceback"] = "error in error handling",
  } do
    it("is there for every error: " .. expected, function()
      assert.equal(expected, errors.text(value))
    end)
  end

  it("is a text also where __tostring returns none", function()
    assert.equal("an error whose __tostring fails", errors.text(setmetatable({}, {
      __tostring = function() return {} end,
    })))
    assert.equal("nil", errors.text(nil))
  end)
end)
