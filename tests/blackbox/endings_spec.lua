-- How exchanges end: routes that answer early, read nothing or fail, and clients that leave at every point. Whatever
-- happens, a connection is kept in step or closed, and an answer that is not whole does not look whole.
local tg = require "tidegate"
local answers = require "tests.support.answers"
local gateway = require "tests.support.gateway"
local request = require "tests.support.request"
local socket = require "tests.support.socket"

local ROUTES = [[
local tg = require "tidegate"

local function read_one(request)
  return request:chunks()() or ""
end

local function answer(body, length)
  return tg.response { headers = { ["Content-Length"] = length and tostring(length) or nil }, body = body }
end

local UPLOAD = { body_bytes_max = 2 ^ 30 }

return function(app)
  app:get("/hello", function(request)
    return "hello " .. (request.query.name or "")
  end)
  app:get("/large", function()
    return answer(function(write)
      for _ = 1, 64 do
        write(("x"):rep(16384))
      end
    end)
  end)
  app:get("/count", function()
    return answer(function(write)
      for number = 1, 5 do
        write(tostring(number))
        tg.sleep(0)
      end
    end)
  end)
  app:post("/early", function()
    return "early"
  end, UPLOAD)
  app:post("/early-in-pieces", function()
    return answer(function(write)
      write "ear"
      write "ly"
    end)
  end, UPLOAD)
  app:post("/late", function()
    tg.sleep(0.02)
    return "late"
  end, UPLOAD)
  app:post("/part", function(request)
    read_one(request)
    return "part"
  end, UPLOAD)
  app:post("/fails", function(request)
    read_one(request)
    error("on purpose", 0)
  end, UPLOAD)
  app:post("/all", function(request)
    local bytes = 0
    for piece in request:chunks() do
      bytes = bytes + #piece
    end
    return tostring(bytes)
  end, UPLOAD)
  app:post("/echo", function(request)
    return answer(function(write)
      for piece in request:chunks() do
        write(piece)
      end
    end)
  end, UPLOAD)
  app:post("/breaks", function(request)
    return answer(function(write)
      write "some"
      read_one(request)
      tg.sleep(0.01)
      error("on purpose", 0)
    end, request.query.length)
  end, UPLOAD)
end
]]

local get, post, post_chunked = request.get, request.post, request.post_chunked

-- Sends as much as the gateway takes, while what it answers is read; all answers, once it has closed the connection.
local function exchange(serving, bytes)
  local connection = socket.connect(serving.port)
  local sent = 0
  while sent < #bytes do
    local count = connection:write_nowait(bytes:sub(sent + 1), #bytes - sent)
    if not count or connection:has_ended() then
      break
    end
    sent = sent + count
    if count == 0 then
      tg.sleep(0.001)
    end
  end
  local list = answers.parse(connection:read_rest())
  list.was_reset = connection.was_reset
  connection:close()
  return list
end

local SMALL, LARGE = ("s"):rep(100), get("/smuggled"):rep(10000)

local ENDINGS = {
  { path = "/early", status = 200, body = "early" },
  { path = "/early-in-pieces", status = 200, body = "early" },
  { path = "/late", status = 200, body = "late" },
  { path = "/part", status = 200, body = "part" },
  { path = "/fails", status = 500 },
  { path = "/all", status = 200, reads = true },
  { path = "/echo", status = 200, reads = true },
}

describe("a route", function()
  local serving = gateway.of_block { routes = { ["routes.lua"] = ROUTES } }

  -- The first answer is as expected, and behind it comes either the right next one or the end.
  local function check(case, bytes, size, must_keep)
    local list = exchange(serving, bytes .. get("/hello?name=next", "Connection: close") .. get "/never")
    local first, second = list[1], list[2]
    local body = case.path == "/echo" and (size == #SMALL and SMALL or LARGE) or case.path == "/all" and tostring(size)
      or case.body
    if list.was_reset and not must_keep and not first then
      return -- its answer was lost behind bytes that nobody read any more
    end
    assert.equal(case.status, first.status)
    assert.is_true(first.whole)
    assert.is_true(not body or first.body == body, "the body is not right")
    if second then
      assert.is_false(first.closes)
      assert.equal("hello next", second.body)
      assert.is_true(second.closes)
    else
      assert.is_falsy(must_keep, "the connection was not kept")
    end
    assert.is_nil(list[3])
  end

  for _, case in ipairs(ENDINGS) do
    it(case.path .. " leaves the connection in step or closed, whatever the body", function()
      for _ = 1, 5 do
        check(case, post(case.path, SMALL), #SMALL, true)
        check(case, post_chunked(case.path, SMALL), #SMALL, case.reads)
        check(case, post(case.path, LARGE), #LARGE, case.reads)
        check(case, post_chunked(case.path, LARGE), #LARGE, case.reads)
      end
      local log = serving:log()
      assert.not_matches("smuggled", log, 1, true)
    end)
  end

  it("that fails midway ends its answer so that the client sees it", function()
    for _, body in ipairs { SMALL, LARGE } do
      for _, bytes in ipairs {
        post("/breaks", body), post_chunked("/breaks", body), post("/breaks?length=9", body),
      } do
        local list = exchange(serving, bytes .. get "/hello")
        assert.is_true(#list == 1 or list.was_reset)
        for _, answer in ipairs(list) do
          assert.is_false(answer.whole)
          assert.is_true(("some"):find(answer.body, 1, true) == 1)
        end
      end
      local old = post("/breaks", body):gsub("HTTP/1.1", "HTTP/1.0", 1)
      assert.is_true(exchange(serving, old).was_reset)
    end
  end)

  it("that ends well for HTTP/1.0 ends without a reset", function()
    local list = exchange(serving, "GET /large HTTP/1.0\r\nHost: test\r\nConnection: keep-alive\r\n\r\n")
    assert.equal(64 * 16384, #list[1].body)
    assert.is_falsy(list.was_reset)
  end)
end)

describe("requests that are pipelined", function()
  local serving = gateway.of_block { routes = { ["routes.lua"] = ROUTES } }

  local function sequence(size)
    local body = ("abcdefg"):rep(size)
    return table.concat {
      get "/count", post_chunked("/echo", body), get "/hello?name=a", post("/all", body), get "/count",
      post_chunked("/all", body), post("/echo", body), get "/large", post("/late", body), get "/hello?name=b",
    }, {
      "12345", body, "hello a", tostring(#body), "12345", tostring(#body), body, ("x"):rep(64 * 16384), "late",
      "hello b",
    }
  end

  local function check(connection, bodies)
    for _, body in ipairs(bodies) do
      local answer = connection:read()
      assert.equal(200, answer.status)
      assert.is_true(answer.body == body, "an answer is not right, or not in order")
    end
  end

  it("behind streams and uploads are answered in their order", function()
    for _, size in ipairs { 1, 100, 9000 } do
      local connection = serving:connect()
      local bytes, bodies = sequence(size)
      tg.gather {
        function() connection:send(bytes:rep(3)) end,
        function()
          for _ = 1, 3 do
            check(connection, bodies)
          end
        end,
      }
      connection:close()
    end
  end)

  it("are so, too, when they trickle in", function()
    local connection = serving:connect()
    local bytes, bodies = sequence(1)
    tg.gather {
      function()
        for first = 1, #bytes, 3 do
          connection:send(bytes:sub(first, first + 2))
          tg.sleep(0)
        end
      end,
      function() check(connection, bodies) end,
    }
    connection:close()
  end)
end)

describe("a client that leaves", function()
  local serving = gateway.of_block({ routes = { ["routes.lua"] = ROUTES } }, function(log)
    assert.not_matches(" error ", log, 1, true)
  end)

  local WAYS = {
    closing = function(connection)
      connection:close()
    end,
    ["with a reset"] = function(connection)
      connection:reset()
    end,
    ["by ending its side"] = function(connection)
      connection:finish()
      local list = answers.parse(connection:read_rest())
      for index = 1, #list - 1 do
        assert.is_true(list[index].whole)
      end
      for _, answer in ipairs(list) do
        assert.is_true(answer.status == 200, answer.status)
      end
      connection:close()
    end,
  }

  for way, leave in pairs(WAYS) do
    it(way .. " at any byte of its requests leaves nothing behind", function()
      local bytes = post_chunked("/echo", "0123456789") .. post("/all", "01234") .. get "/count"
        .. post("/early", "0123")
      for size = 0, #bytes do
        local connection = socket.connect(serving.port)
        connection:write(bytes:sub(1, size))
        for _ = 1, size % 4 do
          tg.sleep(0)
        end
        leave(connection)
      end
      serving:wait_until_idle()
      assert.equal(1, serving:statistics().clients)
      assert.equal("hello x", serving:ask(get "/hello?name=x").body)
    end)

    it(way .. " at some place of an answer leaves nothing behind", function()
      for count = 0, 20 do
        local connection = socket.connect(serving.port, 64 * 1024)
        connection:write(get "/large" .. get "/hello")
        if count > 0 then
          connection:read_exactly(count * 50000)
        end
        if way == "by ending its side" then
          connection:finish()
          connection:read_rest()
          connection:close()
        else
          leave(connection)
        end
      end
      serving:wait_until_idle()
      assert.equal(1, serving:statistics().clients)
    end)
  end
end)
