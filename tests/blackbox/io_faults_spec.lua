-- Every read, write, accept and connect fails in turn, with libfiu: the gateway goes on, and the next request is right.
local tg = require "tidegate"
local failing_calls = require "tests.support.failing_calls"
local request = require "tests.support.request"
local socket = require "tests.support.socket"
local wait = require "tests.support.wait"

local EIO, ENOMEM, EMFILE, EPIPE, ENETUNREACH, ECONNABORTED, ECONNRESET, ENOBUFS, ECONNREFUSED =
  5, 12, 24, 32, 101, 103, 104, 105, 111

local ROUTES = [[
local tg = require "tidegate"

return function(app)
  app:get("/hello", function()
    return "hello"
  end)
  app:get("/large", function()
    return ("x"):rep(4 * 1024 * 1024)
  end)
  app:post("/echo", function(request)
    return request:body()
  end)
  app:get("/proxy/{port}", function(request)
    return tg.http.get("http://127.0.0.1:" .. request.params.port .. "/"):body()
  end)
end
]]

local HELLO = request.get "/hello"

describe("a system call that fails:", function()
  local calls, serving

  setup(function()
    calls, serving = failing_calls.start { ["routes.lua"] = ROUTES }
  end)

  teardown(function()
    calls:stop()
  end)

  local function fail_next(...)
    calls:fail_next(...)
  end

  -- Sends pieces, and lets a call fail behind the one of that number; whatever comes of it, it ends.
  local function send_pieces(pieces, number, name, code)
    local connection = serving:connect()
    for index, piece in ipairs(pieces) do
      if index == number then
        fail_next(name, code)
      end
      pcall(connection.send, connection, piece)
      tg.sleep(0.02) -- each piece is read by itself; nothing is asserted about it
    end
    local got = wait.within(function()
      local ok, bytes = pcall(connection.stream.read, connection.stream)
      return ok and bytes or ""
    end)
    connection:close()
    return got
  end

  local POSTED = { "POST /echo HTTP/1.1\r\nHo", "st: test\r\nContent-Length: 10\r\n\r\n", "hello", "world" }

  for number = 1, #POSTED do
    for _, code in ipairs { ECONNRESET, ENOMEM, EIO } do
      it(("read %d of a request with errno %d"):format(number, code), function()
        local got = send_pieces(POSTED, number, "rw/read", code)
        assert.equal("", got)
        calls:check_next_request()
      end)
    end
  end

  for _, code in ipairs { EPIPE, ECONNRESET, ENOBUFS } do
    for _, name in ipairs { "rw/write", "rw/writev", "net/sendmsg" } do
      it(("%s of an answer with errno %d"):format(name, code), function()
        local got = send_pieces({ HELLO }, 1, name, code)
        if name == "rw/write" and code ~= ENOBUFS then
          assert.equal("", got)
        else -- libuv tries again later, or a small answer does not go out that way
          assert.truthy(got:find("hello", 1, true))
        end
        calls:check_next_request()
      end)

      it(("%s of a large answer with errno %d"):format(name, code), function()
        local connection = serving:connect()
        connection:send(request.get "/large")
        tg.sleep(0.05)
        fail_next(name, code)
        pcall(connection.read, connection)
        connection:close()
        calls:check_next_request()
      end)
    end
  end

  for _, code in ipairs { EMFILE, ENOMEM, ECONNABORTED, ENOBUFS } do
    it(("accept with errno %d"):format(code), function()
      fail_next("net/accept4", code)
      local connection = serving:connect()
      local ok, answer = pcall(connection.ask, connection, HELLO)
      assert.truthy(not ok or answer.body == "hello")
      connection:close()
      calls:check_next_request()
    end)
  end

  local CALLS = {
    { "net/socket", EMFILE }, { "net/connect", ECONNREFUSED }, { "net/connect", ENETUNREACH },
    { "net/connect", ENOMEM }, { "rw/write", EPIPE }, { "rw/writev", EPIPE }, { "net/sendmsg", EPIPE },
  }

  for _, call in ipairs(CALLS) do
    it(("%s towards an upstream with errno %d"):format(call[1], call[2]), function()
      local upstream = socket.listen()
      fail_next(call[1], call[2])
      local connection = serving:connect()
      pcall(connection.send, connection, request.get("/proxy/" .. upstream.port))
      local peer = tg.race {
        function()
          return upstream:accept()
        end,
        function()
          connection:read() -- that the upstream cannot be reached
          return false
        end,
      }
      if peer then
        pcall(peer.read_head, peer)
        pcall(peer.write, peer, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nup")
      end
      connection:close()
      upstream:close()
      if peer then
        peer:close()
      end
      calls:check_next_request()
    end)
  end
end)
