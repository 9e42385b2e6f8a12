-- What a client does wrong, or asks for, is no failure of a route's: the log has no error of it, and no traceback.
local t = require "tidegate.testing"
local tg = require "tidegate"
local server = require "tests.support.server"

local function routes(app)
  app:get("/sleep", function() tg.sleep(10) end)
  app:get("/gather", function() return tg.gather { function() tg.sleep(10) end, function() tg.sleep(20) end } end)
  app:get("/scope", function()
    tg.scope(function(scope)
      scope:spawn(function() tg.sleep(10) end):wait()
    end)
  end)
  app:get("/race", function() return tg.race { function() tg.sleep(10) end, function() tg.sleep(20) end } end)
  app:get("/within", function() return tg.fail_after(100, tg.sleep, 10) end)
  app:get("/cleans", function()
    local ok, err = pcall(tg.sleep, 10)
    tg.shield(function() tg.sleep(1) end)
    error(err, ok and 1 or 0)
  end)
  app:get("/call", function() return tg.http.get "http://app.test/sleep" end)
  app:get("/pieces", function()
    return tg.response {
      body = function(write)
        write "a"
        tg.sleep(10)
      end,
    }
  end)
  app:get("/limited", function() tg.sleep(10) end, { request_timeout_ms = 5000 })
  app:post("/body", function(request) return request:body() end)
  app:post("/decoded", function(request) return request:body { decode = true } end)
  app:post("/chunks", function(request)
    local size = 0
    for piece in request:chunks { decode = true } do
      size = size + #piece
    end
    return { size = size }
  end)
  app:post("/json", function(request) return request:json() end)
  app:post("/form", function(request) return { a = request:form().a } end)
  app:get("/query", function(request) return { a = request.query.a } end)
  app:post("/parts", function(request)
    for part in request:parts() do part:body() end
    return "parts"
  end)
end

local function in_time(path)
  return { "GET", path, { ["X-Request-Timeout-Ms"] = "1" }, status = 504 }
end

local function posted(path, body, headers, status)
  return { "POST", path, headers or {}, body, status = status }
end

local LARGE = ("x"):rep(200000)
local MULTIPART = { ["Content-Type"] = "multipart/form-data; boundary=b" }

local function coded(coding)
  return { ["Content-Encoding"] = coding }
end

local cases = {
  in_time "/sleep", in_time "/gather", in_time "/scope", in_time "/race", in_time "/within", in_time "/cleans",
  in_time "/call", in_time "/limited",
  { "GET", "/sleep", { ["X-Request-Timeout-Ms"] = "abc" }, status = 400 },
  { "GET", "/sleep", { ["X-Request-Timeout-Ms"] = "-1" }, status = 400 },
  { "GET", "/sleep", { ["X-Request-Timeout-Ms"] = ("9"):rep(400) }, status = 400 },
  { "GET", "/sleep", { ["X-Request-Timeout-Ms"] = "0" }, status = 504 },
  { "GET", "/nowhere", {}, status = 404 },
  { "PUT", "/body", {}, status = 405 },
  posted("/body", LARGE, nil, 413), posted("/json", LARGE, nil, 413), posted("/form", LARGE, nil, 413),
  posted("/chunks", LARGE, nil, 413), posted("/parts", LARGE, MULTIPART, 413),
  posted("/json", "{", nil, 400), posted("/json", "", nil, 400), posted("/json", "\255", nil, 400),
  posted("/json", '"\255"', nil, 400), posted("/json", "1e999", nil, 400), posted("/json", ("["):rep(5000), nil, 400),
  posted("/form", "a=%zz", { ["Content-Type"] = "application/x-www-form-urlencoded" }, 400),
  { "GET", "/query?a=%zz", {}, status = 400 },
  posted("/parts", "nothing of the kind", MULTIPART, 400), posted("/parts", "x", nil, 415),
  posted("/decoded", "x", coded "gzip", 400), posted("/decoded", "x", coded "compress", 415),
  posted("/decoded", "x", coded "gzip, gzip", 413), posted("/chunks", "x", coded "br", 400),
  posted("/chunks", "\31\139", coded "gzip", 400),
}

describe("the log has no error and no traceback", function()
  local client

  before_each(function()
    client = t.app(routes, { body_bytes_max = 100000 })
  end)

  after_each(function()
    t.close()
  end)

  for index, case in ipairs(cases) do
    local method, path, headers, body = unpack(case, 1, 4)
    it(("where a client has %s %s answered with %d (%d)"):format(method, path, case.status, index), function()
      local status
      local lines = server.logged(function()
        status = client:request(method, path, { headers = headers, body = body }).status
        tg.sleep(30)
      end)
      assert.equal(case.status, status)
      for _, line in ipairs(lines) do
        assert.is_true(line.level == "info" or line.level == "debug", line.level .. ": " .. line.message)
        assert.is_nil(line.message:find("stack traceback", 1, true), line.message)
      end
    end)
  end

  it("where the client's time is over in the middle of an answer", function()
    local lines = server.logged(function()
      local ok = pcall(function()
        return client:get("/pieces", { headers = { ["X-Request-Timeout-Ms"] = "100" } }):body()
      end)
      assert.is_false(ok)
    end)
    for _, line in ipairs(lines) do
      assert.is_nil(line.message:find("stack traceback", 1, true), line.message)
      assert.not_equal("error", line.level)
    end
  end)

  it("but a route that takes too long by its own limit is reported", function()
    local lines = server.logged(function()
      assert.equal(504, client:get("/limited").status)
    end)
    assert.equal("error", lines[1].level)
  end)
end)
