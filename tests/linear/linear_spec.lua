-- Work is linear in what a client or an upstream sends: whatever has twice the size takes about twice the instructions.
-- Every feature that reads texts from outside gets a long one, made of what its syntax is made of.
local tg = require "tidegate"
local request = require "tests.support.request"
local socket = require "tests.support.socket"
local work = require "tests.support.work"

local SIZE = 16 * 1024
local FACTOR_MAX = 2.4 -- twice, and what a growing table or buffer may add
local SLACK = 2000000 -- instructions: a turn of the collector, a table or a buffer that grows just now

local ROUTES = [[
local tg = require "tidegate"

local function count(map)
  local total = 0
  for name, value in pairs(map) do
    total = total + #tostring(name) + #tostring(value)
  end
  return tostring(total)
end

local broken = 0

return function(app)
  app:get("/x/{name}/y", function(request) return request.params.name end)
  app:get("/rest/{rest...}", function(request) return request.params.rest end)
  app:static("/static", ".", { dotfiles = true })
  app:get("/query", function(request) return count(request.query) end)
  app:get("/headers", function(request)
    return count(request.headers) .. count(request.cookies) .. (request.host or "") .. (request.remote_address or "")
  end)
  app:get("/back", function(request) return 200, "x", { ETag = request.headers.etag, Vary = request.headers.vary } end)
  app:post("/form", function(request) return count(request:form()) end)
  app:post("/json", function(request) return request:json() end)
  app:post("/parts", function(request)
    for part in request:parts() do part:body() end
  end)
  app:post("/slow", function(request) return tostring(request:body():match "[^/]*$") end)
  app:post("/pieces", function(request)
    for _ in request:chunks() do end
  end)
  app:post("/log", function(request) tg.log.info("%s", request:body()) end)
  app:post("/broken", function(request)
    broken = broken + 1 -- a place of its own for each, so that each is reported in full
    loadstring("local text = ... error(text, 0)", "@broken" .. broken .. ".lua")(request:body())
  end)
  app:post("/abort", function(request) tg.abort(400, request:body()) end)
  app:post("/url", function(request)
    local ok, err = pcall(tg.http.get, request:body())
    return tostring(err)
  end)
  app:post("/path", function(request)
    return tg.http.get(app:url() .. "/rest/{rest...}", { path = { rest = request:body() } }):body()
  end)
  app:get("/hand-on", function(request)
    local answer = tg.http.get(app:url() .. "/query", { query = request.query, headers = request.headers })
    return answer.status, answer:body(), answer.headers
  end)
  app:get("/fetch/{port}", function(request)
    local ok, answer = pcall(tg.http.get, "http://127.0.0.1:" .. request.params.port .. "/")
    if not ok then return tostring(answer) end
    return answer.status, count(answer.headers), answer.headers
  end)
end
]]

-- What texts are filled with: what the syntaxes have for separators, and what they have between.
local UNITS = { "a", " ", ",", ";", "=", "/", "%41", "../", '"', "\\", "a,", "a=b&", '"a",', "a;q=0.5,", "1.2.3.4, " }

local FIELDS = {
  "Accept", "Accept-Encoding", "Accept-Language", "Cookie", "Range", "If-Range", "If-Match", "If-None-Match",
  "If-Modified-Since", "If-Unmodified-Since", "Forwarded", "X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto",
  "X-Real-IP", "Connection", "Keep-Alive", "TE", "Trailer", "Upgrade", "Expect", "Content-Type", "Content-Encoding",
  "Content-Disposition", "User-Agent", "Referer", "X-Request-Timeout-Ms", "ETag", "Vary", "Cache-Control", "X-Other",
}

local function filled(unit, size)
  return unit:rep(math.ceil(size / #unit)):sub(1, size)
end

-- A head that has the text in all those fields.
local function with_fields(target, text)
  local lines = {}
  for _, name in ipairs(FIELDS) do
    lines[#lines + 1] = name .. ": " .. text
  end
  return request.get(target, unpack(lines))
end

local function many(count, make)
  local parts = {}
  for index = 1, count do
    parts[index] = make(index)
  end
  return table.concat(parts)
end

-- name, function(size) → a request; for each unit: function(unit, size)
local of_units = {
  { "a path", function(unit, size) return request.get("/" .. filled(unit, size)) end },
  { "a parameter", function(unit, size) return request.get("/x/" .. filled(unit, size) .. "/y") end },
  { "the rest of a path", function(unit, size) return request.get("/rest/" .. filled(unit, size)) end },
  { "a file's name", function(unit, size) return request.get("/static/" .. filled(unit, size)) end },
  { "a folder's query", function(unit, size) return request.get("/static?" .. filled(unit, size)) end },
  { "a query", function(unit, size) return request.get("/query?" .. filled(unit, size)) end },
  { "fields of a file", function(unit, size)
    return with_fields("/static/mark_of_tests.lua", filled(unit, size / 8))
  end },
  { "fields", function(unit, size) return with_fields("/headers", filled(unit, size / 8)) end },
  { "fields of an answer", function(unit, size) return with_fields("/back", filled(unit, size / 8)) end },
  { "fields handed on", function(unit, size) return with_fields("/hand-on", filled(unit, size / 8)) end },
  { "Host", function(unit, size)
    return "GET /headers HTTP/1.1\r\nHost: " .. filled(unit, size) .. "\r\n\r\n"
  end },
  { "a form", function(unit, size)
    return request.post("/form", filled(unit, size), "Content-Type: application/x-www-form-urlencoded")
  end },
  { "JSON", function(unit, size) return request.post("/json", filled(unit, size)) end },
  { "a JSON text", function(unit, size)
    return request.post("/json", '["' .. filled(unit, size):gsub('["\\\t]', "x") .. '"]')
  end },
  { "a part's head", function(unit, size)
    return request.post("/parts", "--b\r\nContent-Disposition: form-data; name=" .. filled(unit, size / 4)
      .. "\r\n\r\nx\r\n--b--\r\n", "Content-Type: multipart/form-data; boundary=b")
  end },
  { "a part", function(unit, size)
    return request.post("/parts", '--b\r\nContent-Disposition: form-data; name="a"\r\n\r\n' .. filled(unit, size)
      .. "\r\n--b--\r\n", "Content-Type: multipart/form-data; boundary=b")
  end },
  { "a boundary", function(unit, size)
    return request.post("/parts", "x", "Content-Type: multipart/form-data; boundary=" .. filled(unit, size))
  end },
  { "a log line", function(unit, size) return request.post("/log", filled(unit, size)) end },
  { "an error", function(unit, size) return request.post("/broken", filled(unit, size), "Accept: text/html") end },
  { "a detail", function(unit, size) return request.post("/abort", filled(unit, size)) end },
  { "a URL", function(unit, size) return request.post("/url", "http://127.0.0.1:1/" .. filled(unit, size)) end },
  { "a URL's host", function(unit, size) return request.post("/url", "http://" .. filled(unit, size)) end },
  { "a URL's scheme", function(unit, size) return request.post("/url", filled(unit, size)) end },
  { "a path that is filled in", function(unit, size) return request.post("/path", filled(unit, size)) end },
}

local of_sizes = {
  { "many fields", function(size)
    return request.get("/headers", (many(size / 16, function(i) return ("X-%d: abcdefg\r\n"):format(i) end):sub(1, -3)))
  end },
  { "many fields of one name", function(size)
    return request.get("/headers", (("X-A: abcdefg\r\n"):rep(size / 16):sub(1, -3)))
  end },
  { "many fields that Connection names", function(size)
    local names = many(size / 16, function(i) return ("x-%d,"):format(i) end)
    return request.get("/hand-on", "Connection: " .. names .. "x",
      (many(size / 16, function(i) return ("X-%d: abcdefg\r\n"):format(i) end):sub(1, -3)))
  end },
  { "many cookies", function(size)
    return request.get("/headers", "Cookie: " .. many(size / 16, function(i) return ("name%d=abcde; "):format(i) end))
  end },
  { "many pairs", function(size)
    return request.get("/query?" .. many(size / 32, function(i) return ("name%d=abcde&"):format(i) end))
  end },
  { "many pairs handed on", function(size)
    return request.get("/hand-on?" .. many(size / 32, function(i) return ("name%d=abcde&"):format(i) end))
  end },
  { "many small chunks", function(size)
    return request.head("POST", "/pieces", "Transfer-Encoding: chunked") .. ("1\r\na\r\n"):rep(size / 6) .. "0\r\n\r\n"
  end },
  { "a chunk's extension", function(size)
    return request.head("POST", "/pieces", "Transfer-Encoding: chunked") .. "1;" .. ("a=b;"):rep(size / 8)
      .. "c\r\na\r\n0\r\n\r\n"
  end },
  { "many trailers", function(size)
    return request.head("POST", "/pieces", "Transfer-Encoding: chunked") .. "1\r\na\r\n0\r\n"
      .. many(size / 16, function(i) return ("X-%d: abcdefg\r\n"):format(i) end) .. "\r\n"
  end },
  { "many parts", function(size)
    return request.post("/parts", ('--b\r\nContent-Disposition: form-data; name="a"\r\n\r\nx\r\n'):rep(size / 64)
      .. "--b--\r\n", "Content-Type: multipart/form-data; boundary=b")
  end },
  { "beginnings of a boundary", function(size)
    return request.post("/parts", '--b\r\nContent-Disposition: form-data; name="a"\r\n\r\n' .. ("\r\n--"):rep(size / 4)
      .. "\r\n--b--\r\n", "Content-Type: multipart/form-data; boundary=b")
  end },
  { "a JSON list", function(size) return request.post("/json", "[" .. ("1,"):rep(size / 2) .. "1]") end },
  { "JSON names", function(size)
    return request.post("/json", "{" .. many(size / 16, function(i) return ('"name%d":1,'):format(i) end) .. '"a":1}')
  end },
  { "JSON escapes", function(size) return request.post("/json", '["' .. ("\\u00e4"):rep(size / 6) .. '"]') end },
}

-- Answers of upstreams: function(size) → bytes.
local answers = {}

local function answer_with(lines)
  return "HTTP/1.1 200 OK\r\n" .. lines .. "Content-Length: 0\r\nConnection: close\r\n\r\n"
end

for _, unit in ipairs { "a", " ", ",", ";", "=", '"', ":", "a,", "a=b;", "\\", "%" } do
  answers[#answers + 1] = { ("a field of %q"):format(unit), function(size)
    return answer_with(("X-A: %s\r\nSet-Cookie: %s\r\nContent-Type: %s\r\nCache-Control: %s\r\n"):format(
      filled(unit, size / 8), filled(unit, size / 8), filled(unit, size / 8), filled(unit, size / 8)))
  end }
end
answers[#answers + 1] = { "a field over the limit", function(size)
  return answer_with("X: " .. ("a"):rep(size) .. "\r\n")
end }
answers[#answers + 1] = { "a reason", function(size)
  return "HTTP/1.1 200 " .. ("a "):rep(size / 8) .. "\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
end }
answers[#answers + 1] = { "fields of one name", function(size)
  return answer_with(("Set-Cookie: a=b\r\n"):rep(size / 512))
end }
answers[#answers + 1] = { "what Connection names", function(size)
  return answer_with("Connection: " .. ("x-a,"):rep(size / 8) .. "x\r\nX-A: b\r\n")
end }
answers[#answers + 1] = { "small chunks", function(size)
  return "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n" .. ("1\r\na\r\n"):rep(size / 6)
    .. "0\r\n\r\n"
end }

local function check(name, few, lots)
  assert(lots <= FACTOR_MAX * math.max(few, 0) + SLACK,
    ("%s: %d instructions for a size, %d for twice that"):format(name, few, lots))
end

describe("work #realtime", function()
  if not work.can_count() then
    pending "is counted by valgrind, which is not installed"
    return
  end

  local counted

  setup(function()
    counted = work.start {
      routes = { ["features.lua"] = ROUTES },
      options = {
        "--head-bytes-max=4000000", "--field-count-max=20000", "--compress", "--access-log=/dev/null",
        "--trusted-proxies=127.0.0.1", "--dev", "--request-timeout-ms=600000", "--stall-warn-ms=600000",
        "--head-timeout-ms=600000",
      },
    }
  end)

  teardown(function()
    counted:stop()
  end)

  local function work_of(bytes)
    return counted:of(function(gateway)
      local connection = gateway:connect()
      connection:send(bytes)
      connection:finish()
      connection:read_rest()
      connection:close()
    end)
  end

  local function is_linear(name, make)
    check(name, work_of(make(SIZE)), work_of(make(2 * SIZE)))
  end

  it("that is not linear is found", function()
    local few = work_of(request.post("/slow", ("a"):rep(SIZE / 8) .. "/"))
    local lots = work_of(request.post("/slow", ("a"):rep(SIZE / 4) .. "/"))
    assert.is_false((pcall(check, "slow", few, lots)))
  end)

  for _, case in ipairs(of_units) do
    it("is linear in " .. case[1], function()
      work_of(case[2]("a", 2 * SIZE)) -- buffers and tables that stay have grown when it is counted
      for _, unit in ipairs(UNITS) do
        is_linear(("%s of %q"):format(case[1], unit), function(size)
          return case[2](unit, size)
        end)
      end
    end)
  end

  for _, case in ipairs(of_sizes) do
    it("is linear in " .. case[1], function()
      work_of(case[2](2 * SIZE))
      is_linear(case[1], case[2])
    end)
  end

  for _, case in ipairs(answers) do
    it("is linear in an upstream's answer: " .. case[1], function()
      local listener = socket.listen()
      local function work_of_answer(bytes)
        return counted:of(function(gateway)
          tg.gather {
            function()
              gateway:ask(request.get("/fetch/" .. listener.port))
            end,
            function()
              local connection = listener:accept()
              connection:read_head()
              connection:write(bytes)
              connection:close()
            end,
          }
        end)
      end
      work_of_answer(case[2](SIZE))
      check(case[1], work_of_answer(case[2](SIZE)), work_of_answer(case[2](2 * SIZE)))
      listener:close()
    end)
  end
end)
