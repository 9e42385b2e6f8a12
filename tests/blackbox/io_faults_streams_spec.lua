-- Reads and writes that fail within a body: one that comes in pieces or in parts, and one that is answered in pieces.
-- What the client gets then is never whole, and never wrong.
local tg = require "tidegate"
local chunked = require "tests.support.chunked"
local failing_calls = require "tests.support.failing_calls"
local request = require "tests.support.request"
local socket = require "tests.support.socket"

local EINTR, EIO, EAGAIN, ENOMEM, EPIPE, ECONNRESET, ENOBUFS = 4, 5, 11, 12, 32, 104, 105
local MOMENTS = { EINTR, EAGAIN } -- after these the same call is made again

local ROUTES = [[
local tg = require "tidegate"

return function(app)
  app:get("/hello", function()
    return "hello"
  end)
  app:post("/pieces", function(request)
    local pieces = {}
    for piece in request:chunks() do
      pieces[#pieces + 1] = piece
    end
    return table.concat(pieces)
  end)
  app:post("/parts", function(request)
    local bodies = {}
    for part in request:parts() do
      bodies[#bodies + 1] = part.name .. "=" .. part:body()
    end
    return table.concat(bodies, " ")
  end)
  app:post("/through", function(request)
    return tg.response {
      body = function(write)
        for piece in request:chunks() do
          write(piece)
        end
      end,
    }
  end)
  app:get("/large", function()
    return tg.response {
      body = function(write)
        for _ = 1, 64 do
          write(("0123456789abcdef"):rep(16 * 1024))
        end
      end,
    }
  end)
end
]]

local function post(path, ...)
  return request.head("POST", path, "Connection: close", ...)
end

describe("within a body", function()
  local calls, serving

  setup(function()
    calls, serving = failing_calls.start { ["routes.lua"] = ROUTES }
  end)

  teardown(function()
    calls:stop()
  end)

  after_each(function()
    calls:check_next_request()
  end)

  -- --- what comes ---

  local FORM = "Content-Type: multipart/form-data; boundary=b"
  local COMING = {
    ["in pieces"] = {
      post("/pieces", "Transfer-Encoding: chunked"), "5\r\nhello\r\n", "6\r\n world\r\n", "0\r\n\r\n",
      gives = "hello world",
    },
    ["in parts"] = {
      post("/parts", FORM, "Content-Length: 120"),
      "--b\r\nContent-Disposition: form-data; na", 'me="a"\r\n\r\nfirst', "\r\n--b\r\n",
      'Content-Disposition: form-data; name="b"\r\n\r\nsec', "ond\r\n--b--\r\n", gives = "a=first b=second",
    },
  }

  -- Sends the pieces one by one, and lets the read of one fail; what is answered, or "".
  local function send(pieces, number, errno)
    local connection = socket.connect(serving.port)
    for index, piece in ipairs(pieces) do
      if index == number then
        calls:fail_next("rw/read", errno)
      end
      pcall(connection.write, connection, piece)
      tg.sleep(0.02) -- each is read by itself, most times
    end
    local answer = connection:read_rest()
    connection:close()
    return answer
  end

  for way, pieces in pairs(COMING) do
    for number = 1, #pieces do
      for _, errno in ipairs { ECONNRESET, ENOMEM, EIO } do
        it(("that comes %s, read %d fails with errno %d"):format(way, number, errno), function()
          assert.equal("", send(pieces, number, errno))
        end)
      end

      for _, errno in ipairs(MOMENTS) do
        it(("that comes %s, read %d has to be tried again for errno %d"):format(way, number, errno), function()
          assert.equal(pieces.gives, send(pieces, number, errno):match "\r\n\r\n(.*)$")
        end)
      end
    end

    it(("that comes %s, every read gives less than there is"):format(way), function()
      calls:fail_all "rw/read/reduce"
      assert.equal(pieces.gives, send(pieces):match "\r\n\r\n(.*)$")
    end)
  end

  -- --- what is answered ---

  local SENT = { "first", "second", "third" }

  -- Sends a chunk, waits until it has come back, sends the next, and at last the end; what has come back. `before` is
  -- called before each.
  local function go_through(before)
    local connection = socket.connect(serving.port)
    connection:write(post("/through", "Transfer-Encoding: chunked"))
    local got = {}
    local ok = pcall(function()
      for number = 1, #SENT + 1 do
        local text = SENT[number] or ""
        before(number)
        connection:write(("%x\r\n%s\r\n"):format(#text, text))
        got[number] = connection:read_until(text == "" and "0\r\n\r\n" or text .. "\r\n")
      end
    end)
    got[#got + 1] = connection:read_rest()
    connection:close()
    return (table.concat(got):gsub("^HTTP/1.1 200 OK\r\n.-\r\n\r\n", "")), ok
  end

  local HARD = { { "rw/read", ECONNRESET }, { "rw/read", ENOMEM } }
  for _, errno in ipairs { EPIPE, ECONNRESET, ENOMEM } do
    table.insert(HARD, { "rw/writev", errno, last = 3 })
    table.insert(HARD, { "rw/write", errno, first = 4 }) -- the end is one text
  end

  for _, call in ipairs(HARD) do
    for number = call.first or 1, call.last or 4 do
      it(("that is answered in pieces, %s %d fails with errno %d"):format(call[1], number, call[2]), function()
        local body = go_through(function(at)
          if at == number then
            calls:fail_next(call[1], call[2])
          end
        end)
        local text, is_whole = chunked.decode(body)
        assert.is_false(is_whole)
        assert.equal(table.concat(SENT, "", 1, number - 1), text)
      end)
    end
  end

  for _, errno in ipairs { EINTR, EAGAIN, ENOBUFS } do
    it(("that is answered in pieces, every call has to be tried again for errno %d"):format(errno), function()
      local body = go_through(function()
        for _, name in ipairs { "rw/write", "rw/writev", errno ~= ENOBUFS and "rw/read" or nil } do
          calls:fail_next(name, errno)
        end
      end)
      local text, is_whole = chunked.decode(body)
      assert.is_true(is_whole)
      assert.equal(table.concat(SENT), text)
    end)
  end

  -- --- what waits for its client ---

  local LARGE = ("0123456789abcdef"):rep(1024 * 1024)

  -- Reads so much of an answer that is larger than any buffer, lets the next writes fail, and reads on.
  local function read_large(bytes, fail)
    local connection = socket.connect(serving.port, 64 * 1024)
    connection:write(request.get("/large", "Connection: close"))
    connection:read_head()
    local got = connection:read_exactly(bytes)
    fail()
    local text, is_whole = chunked.decode(got .. connection:read_rest())
    connection:close()
    assert.is_true(LARGE:sub(1, #text) == text, "the body is not what was written")
    return is_whole
  end

  for _, bytes in ipairs { 1, 300000, 3000000 } do
    for _, errno in ipairs { EPIPE, ECONNRESET, ENOMEM } do
      it(("of which %d bytes were read, writes fail with errno %d"):format(bytes, errno), function()
        assert.is_false(read_large(bytes, function()
          calls:fail_all("rw/write", errno)
          calls:fail_all("rw/writev", errno)
        end))
      end)
    end

    for _, errno in ipairs { EINTR, EAGAIN, ENOBUFS } do
      it(("of which %d bytes were read, writes have to be tried again for errno %d"):format(bytes, errno), function()
        assert.is_true(read_large(bytes, function()
          calls:fail_next("rw/write", errno)
          calls:fail_next("rw/writev", errno)
        end))
      end)
    end
  end

  it("that is large, every write takes less than there is", function()
    assert.is_true(read_large(1, function()
      calls:fail_all "rw/write/reduce"
      calls:fail_all "rw/writev/reduce"
    end))
  end)
end)
