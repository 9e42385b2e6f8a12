-- Bodies that go both ways at once, that nobody takes, or whose client leaves, over real sockets. What the gateway
-- holds of large ones is in backpressure_spec.
local tg = require "tidegate"
local chunked = require "tests.support.chunked"
local gateway = require "tests.support.gateway"
local wait = require "tests.support.wait"

local ROUTES = [[
local tg = require "tidegate"
local PIECE = ("x"):rep(64 * 1024)
local GB = 1024 ^ 3
local long_string -- made for the tests of it only: beside it the collector would leave more garbage

return function(app)
  app:get("/ten-gigabytes", function()
    return tg.response { body = function(write)
      for _ = 1, 10 * GB / #PIECE do
        write(PIECE)
      end
    end }
  end)
  app:post("/slow", function(request)
    for _ in request:chunks() do
      tg.sleep(0.05)
    end
  end, { body_bytes_max = 2 * GB })
  app:post("/echo", function(request)
    return tg.response { body = function(write)
      for piece in request:chunks() do
        write(piece)
      end
    end }
  end, { body_bytes_max = 2 * GB })
  app:post("/fails", function(request)
    request:chunks()()
    error "on purpose"
  end, { body_bytes_max = 2 * GB })
  app:get("/make-string", function()
    long_string = ("0123456789abcdef"):rep(2 * 1024 ^ 2)
    return "made"
  end)
  app:get("/string", function()
    return long_string
  end)
  app:get("/string-in-pieces", function()
    return tg.response { body = function(write)
      write(long_string)
    end }
  end)
  app:get("/hello", function()
    return "hello"
  end)
end
]]

local MB, GB = 1024 ^ 2, 1024 ^ 3
local PIECE = ("y"):rep(64 * 1024)

local function post(path, length)
  return ("POST %s HTTP/1.1\r\nHost: h\r\nContent-Length: %d\r\n\r\n"):format(path, length)
end

describe("a large body", function()
  local serving

  before_each(function()
    serving = gateway.start { routes = { ["routes.lua"] = ROUTES } }
  end)

  after_each(function()
    serving:stop()
  end)

  -- What connections send of it is that very string: none has a copy.
  for _, path in ipairs { "/string", "/string-in-pieces" } do
    it("is held once for twenty that read slowly: " .. path, function()
      serving:get "/make-string"
      local before, streams = serving:memory_bytes(), {}
      for index = 1, 20 do
        streams[index] = tg.tcp.connect("127.0.0.1", serving.port)
        streams[index]:write(("GET %s HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n"):format(path))
        streams[index]:read_until "\r\n\r\n"
      end
      assert.equal("hello", serving:get "/hello":body())
      assert.is_true(serving:memory_bytes() - before < 32 * MB)
      for index = 1, 19 do
        for _ = 1, index % 2 * 100 do -- half of them leave midway, and half at once
          streams[index]:read()
        end
        streams[index]:close()
      end
      local pieces = {}
      for piece in function() return streams[20]:read() end do
        pieces[#pieces + 1] = piece
      end
      streams[20]:close()
      local body = table.concat(pieces)
      assert.equal(("0123456789abcdef"):rep(2 * MB), path == "/string" and body or chunked.decode(body))
    end)
  end

  it("goes both ways at once", function()
    local connection, length = serving:connect(), 64 * MB
    connection:send(post("/echo", length))
    local answer
    tg.gather {
      function()
        for _ = 1, length / #PIECE do
          connection:send(PIECE)
        end
      end,
      function() answer = connection:read() end,
    }
    assert.equal(length, #answer.body)
    assert.equal(PIECE, answer.body:sub(-#PIECE))
    connection:close()
  end)

  it("that its route does not take to its end is answered, and the connection closed", function()
    local connection = serving:connect()
    connection:send(post("/fails", GB) .. PIECE)
    assert.equal(500, connection:read().status)
    assert.equal("", connection:read_rest())
    connection:close()
  end)

  it("is let go when its client leaves", function()
    for _, request in ipairs { "GET /ten-gigabytes HTTP/1.1\r\nHost: h\r\n\r\n", post("/slow", GB) .. PIECE,
      post("/echo", GB) .. PIECE } do
      local stream = tg.tcp.connect("127.0.0.1", serving.port)
      stream:write(request)
      tg.sleep(0.05)
      stream:close()
    end
    wait.until_true("their tasks have ended", function()
      return serving:statistics().tasks == 1
    end)
  end)
end)
