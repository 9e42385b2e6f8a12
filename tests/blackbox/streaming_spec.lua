-- Bodies far larger than memory, over real sockets: what the gateway holds of them.
local tg = require "tidegate"
local gateway = require "tests.support.gateway"
local wait = require "tests.support.wait"

local ROUTES = [[
local tg = require "tidegate"
local PIECE = ("x"):rep(64 * 1024)
local GB = 1024 ^ 3

return function(app)
  local written, taken = 0, 0

  app:get("/ten-gigabytes", function()
    return tg.response { body = function(write)
      for _ = 1, 10 * GB / #PIECE do
        write(PIECE)
        written = written + #PIECE
      end
    end }
  end)
  app:post("/slow", function(request)
    for piece in request:chunks() do
      taken = taken + #piece
      tg.sleep(0.05)
    end
  end, { body_bytes_max = 2 * GB })
  app:post("/count", function(request)
    local bytes = 0
    for piece in request:chunks() do
      bytes = bytes + #piece
    end
    return { bytes = bytes }
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
  app:get("/progress", function()
    return { written = written, taken = taken }
  end)
  app:get("/hello", function()
    return "hello"
  end)
end
]]

local MB, GB = 1024 ^ 2, 1024 ^ 3
local PIECE = ("y"):rep(64 * 1024)
local KERNEL_BYTES_MAX = 64 * MB -- what the sockets' own buffers may hold, with room

local function post(path, length)
  return ("POST %s HTTP/1.1\r\nHost: h\r\nContent-Length: %d\r\n\r\n"):format(path, length)
end

local GET_HELLO = "GET /hello HTTP/1.1\r\nHost: h\r\n\r\n"

describe("a body larger than memory", function()
  local serving

  before_each(function()
    serving = gateway.start { routes = { ["routes.lua"] = ROUTES }, unsanitized = true }
    for _ = 1, 100 do
      serving:get "/hello"
    end
  end)

  after_each(function()
    serving:stop()
  end)

  it("of 10 GB goes to a reader of 1 MB/s with less than 1 MB held", function()
    local before = serving:memory_bytes()
    local stream = tg.tcp.connect("127.0.0.1", serving.port)
    stream:write "GET /ten-gigabytes HTTP/1.1\r\nHost: h\r\n\r\n"
    local read = 0
    for _ = 1, 32 do
      local goal = read + MB / 16
      while read < goal do
        read = read + #stream:read(goal - read)
      end
      tg.sleep(1 / 16)
    end
    assert.is_true(serving:memory_bytes() - before < MB)
    local written = serving:get("/progress"):json().written
    assert.is_true(written >= read - #PIECE and written < read + KERNEL_BYTES_MAX)
    stream:close()
  end)

  it("of 1 GB comes into a slow route with less than 1 MB held", function()
    local before, sent = serving:memory_bytes(), 0
    local stream = tg.tcp.connect("127.0.0.1", serving.port)
    stream:write(post("/slow", GB))
    tg.move_on_after(2, function()
      while true do
        stream:write(PIECE)
        sent = sent + #PIECE
      end
    end)
    assert.is_true(serving:memory_bytes() - before < MB)
    local taken = serving:get("/progress"):json().taken
    assert.is_true(taken > 0 and sent < taken + KERNEL_BYTES_MAX)
    stream:close()
  end)

  it("of 1 GB comes whole", function()
    local before = serving:memory_bytes()
    local connection = serving:connect()
    connection:send(post("/count", GB))
    for _ = 1, GB / #PIECE do
      connection:send(PIECE)
    end
    assert.equal(GB, tg.json.decode(connection:read().body).bytes)
    assert.is_true(serving:memory_bytes() - before < 4 * MB)
    connection:send(GET_HELLO)
    assert.equal("hello", connection:read().body)
    connection:close()
  end)

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
