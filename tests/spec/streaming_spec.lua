-- Bodies in pieces, both ways: what is slow holds up the other side, and what ends ends visibly.
local tg = require "tidegate"
local t = require "tidegate.testing"
local chunked = require "tests.support.chunked"

local PIECE = ("x"):rep(16 * 1024)

-- A raw connection to an app, with what it has sent.
local function connect(register, options)
  t.app(register, options)
  return tg.tcp.connect("app.test", 80)
end

local function post(path, length)
  return ("POST %s HTTP/1.1\r\nHost: h\r\nContent-Length: %d\r\n\r\n"):format(path, length)
end

local function read_all(stream)
  local pieces = {}
  for piece in function() return stream:read() end do
    pieces[#pieces + 1] = piece
  end
  return table.concat(pieces)
end

local function settle()
  for _ = 1, 20 do
    tg.sleep(0)
  end
end

describe("request:chunks", function()
  it("gives a body's pieces while the client still sends", function()
    local got = {}
    local stream = connect(function(app)
      app:post("/", function(request)
        for piece in request:chunks() do
          got[#got + 1] = piece
        end
        return "done"
      end)
    end)
    stream:write(post("/", 6))
    for number, piece in ipairs { "ab", "cd", "ef" } do
      stream:write(piece)
      settle()
      assert.equal(number, #got)
    end
    assert.same({ "ab", "cd", "ef" }, got)
    assert.matches("\r\n\r\ndone$", stream:read())
    stream:close()
  end)

  it("gives what has come before it was asked, and nothing of an empty body", function()
    local client = t.app(function(app)
      app:post("/", function(request)
        tg.sleep(1)
        local pieces = {}
        for piece in request:chunks() do
          pieces[#pieces + 1] = piece
        end
        return { pieces = tg.json.array(pieces) }
      end)
    end)
    assert.same({ "all of it" }, client:post("/", { body = "all of it" }):json().pieces)
    assert.equal(0, #client:post("/"):json().pieces)
  end)

  it("gives a body once that request:body() has taken", function()
    local client = t.app(function(app)
      app:post("/", function(request)
        local whole, pieces = request:body(), {}
        for piece in request:chunks() do
          pieces[#pieces + 1] = piece
        end
        return { whole = whole, pieces = pieces }
      end)
    end)
    assert.same({ whole = "abc", pieces = { "abc" } }, client:post("/", { body = "abc" }):json())
  end)

  it("has taken what request:body() would give", function()
    local message
    local client = t.app(function(app)
      app:post("/", function(request)
        request:chunks()()
        message = select(2, pcall(request.body, request))
      end)
    end)
    client:post("/", { body = "abc" })
    assert.matches("request:chunks() has taken some of the body", message, 1, true)
  end)

  it("is one task's at a time", function()
    local message
    local stream = connect(function(app)
      app:post("/", function(request)
        local next_piece = request:chunks()
        tg.gather { next_piece, function()
          tg.sleep(0.1)
          message = select(2, pcall(request:chunks()))
        end }
      end)
    end)
    stream:write(post("/", 3))
    tg.sleep(0.2)
    assert.matches("another task waits for the next piece", message, 1, true)
    stream:close()
  end)

  it("holds the client back while the route is slow, however long the body", function()
    local taken = 0
    local stream = connect(function(app)
      app:post("/", function(request)
        for piece in request:chunks() do
          taken = taken + #piece
          tg.sleep(10)
        end
        return "done"
      end, { body_bytes_max = 1e9 })
    end)
    local sent, total = 0, 600 * #PIECE
    stream:write(post("/", total))
    tg.gather {
      function()
        while sent < total do
          stream:write(PIECE)
          sent = sent + #PIECE
          assert.is_true(sent - taken <= 5 * 64 * 1024, "what lies between is bounded")
        end
      end,
      function()
        assert.matches("\r\n\r\ndone$", stream:read())
      end,
    }
    assert.equal(total, taken)
    stream:close()
  end)

  it("fails where the body does", function()
    for wanted, sent in pairs {
      [400] = "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\nzz",
      [413] = "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n30\r\n",
      [408] = "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n",
    } do
      local got = ""
      local stream = connect(function(app)
        app:post("/", function(request)
          for piece in request:chunks() do
            got = got .. piece
          end
        end, { body_bytes_max = 50 })
      end)
      stream:write(sent)
      assert.matches("^HTTP/1.1 " .. wanted, read_all(stream))
      assert.equal("abc", got)
      stream:close()
      t.close()
    end
  end)

  it("ends with its client", function()
    local reason
    local stream = connect(function(app)
      app:post("/", function(request)
        local ok, err = pcall(function()
          for _ in request:chunks() do end -- luacheck: ignore
        end)
        reason = not ok and err.reason
        error(err, 0)
      end)
    end)
    stream:write(post("/", 10) .. "abc")
    settle()
    stream:close()
    settle()
    assert.equal("the client is gone", reason)
  end)

  it("ends in a shield, too", function()
    local ok, err
    local stream = connect(function(app)
      app:post("/", function(request)
        tg.shield(function()
          ok, err = pcall(function()
            for _ in request:chunks() do end -- luacheck: ignore
          end)
        end)
      end)
    end)
    stream:write(post("/", 10) .. "abc")
    settle()
    stream:close()
    settle()
    assert.is_false(ok)
    assert.matches("the client is gone", tostring(err), 1, true)
  end)
end)

describe("a route's body_bytes_max", function()
  local function app_with(limit)
    return t.app(function(app)
      app:post("/", function(request)
        return { bytes = #request:body() }
      end, { body_bytes_max = limit })
      app:post("/usual", function(request)
        return { bytes = #request:body() }
      end)
      app:post("/unread", function()
        return "unread"
      end)
    end, { body_bytes_max = 100 })
  end

  it("may be larger than the setting, which holds for the others", function()
    local client = app_with(1000)
    assert.equal(1000, client:post("/", { body = ("x"):rep(1000) }):json().bytes)
    assert.equal(413, client:post("/", { body = ("x"):rep(1001) }).status)
    assert.equal(413, client:post("/usual", { body = ("x"):rep(101) }).status)
    assert.equal(100, client:post("/usual", { body = ("x"):rep(100) }):json().bytes)
    assert.equal(200, client:post("/unread", { body = ("x"):rep(500) }).status)
  end)

  it("may be smaller", function()
    local client = app_with(10)
    assert.equal(413, client:post("/", { body = ("x"):rep(11) }).status)
    assert.equal(10, client:post("/", { body = ("x"):rep(10) }):json().bytes)
  end)

  it("is a number of bytes", function()
    for _, wrong in ipairs { -1, "1", 0 / 0, true } do
      assert.has_error(function() app_with(wrong) end)
    end
  end)
end)

local function app_writing(body, headers)
  return connect(function(app)
    app:get("/", function()
      return tg.response { headers = headers, body = body }
    end)
  end)
end

local GET = "GET / HTTP/1.1\r\nHost: h\r\n\r\n"

describe("an answer in pieces", function()
  it("goes out as it is written", function()
    local stream = app_writing(function(write)
      write "one"
      tg.sleep(1)
      write ""
      write "two"
    end)
    stream:write(GET)
    assert.matches("Transfer%-Encoding: chunked\r\n\r\n$", stream:read_until "\r\n\r\n")
    assert.equal("3\r\none\r\n", stream:read())
    local started = tg.now()
    assert.equal("3\r\ntwo\r\n0\r\n\r\n", stream:read_until "0\r\n\r\n")
    assert.equal(1, tg.now() - started)
    stream:write(GET) -- the connection goes on
    assert.matches("^HTTP/1.1 200 OK", stream:read_until "\r\n\r\n")
    stream:close()
  end)

  it("has the length that its headers say", function()
    local stream = app_writing(function(write)
      write "one"
      write "two"
    end, { ["content-length"] = 6 })
    stream:write(GET)
    local head = stream:read_until "\r\n\r\n"
    assert.matches("Content-Length: 6\r\n", head, 1, true)
    assert.is_nil(head:find("chunked", 1, true))
    assert.equal("onetwo", stream:read(6))
    stream:close()
  end)

  it("is cut where it does not have that length", function()
    for _, wrong in ipairs { 5, 7 } do
      local stream = app_writing(function(write)
        write "one"
        write "two"
      end, { ["Content-Length"] = wrong })
      stream:write(GET)
      assert.is_true(#read_all(stream):match "\r\n\r\n(.*)$" < wrong)
      stream:close()
      t.close()
    end
  end)

  it("ends with the connection for HTTP/1.0, and by a failure where it is not whole", function()
    local fails = false
    local stream = connect(function(app)
      app:get("/", function()
        return tg.response { body = function(write)
          write "some"
          return fails and error("on purpose")
        end }
      end)
    end)
    stream:write "GET / HTTP/1.0\r\n\r\n"
    local answer = read_all(stream)
    assert.matches("Connection: close\r\n", answer, 1, true)
    assert.matches("\r\n\r\nsome$", answer)
    stream:close()
    fails = true
    stream = tg.tcp.connect("app.test", 80)
    stream:write "GET / HTTP/1.0\r\n\r\n"
    local ok, err = pcall(read_all, stream)
    assert.is_false(ok)
    assert.equal("closed", err.kind)
    stream:close()
  end)

  it("never looks whole for HTTP/1.0 where its reader was too slow for its end", function()
    local cut = 0
    for pieces = 1, 24 do
      local done = false
      local stream = connect(function(app)
        app:get("/", function()
          return tg.response { body = function(write)
            for _ = 1, pieces do
              write(PIECE)
            end
            done = true
          end }
        end)
      end)
      stream:write "GET / HTTP/1.0\r\n\r\n"
      stream:read_until "\r\n\r\n"
      tg.sleep(200)
      local ok, body = pcall(read_all, stream)
      if ok then
        assert.equal(pieces * #PIECE, #body)
      else
        assert.equal("closed", body.kind)
        cut = cut + (done and 1 or 0)
      end
      stream:close()
      t.close()
    end
    assert.is_true(cut > 0, "some were written to their end, and not sent")
  end)

  it("has no last chunk where it fails", function()
    local stream = app_writing(function(write)
      write "some"
      error("on purpose")
    end)
    stream:write(GET)
    assert.matches("4\r\nsome\r\n$", read_all(stream))
    stream:close()
  end)

  it("is not written for HEAD", function()
    local called = false
    local client = t.app(function(app)
      local function body()
        called = true
      end
      app:get("/", function() return tg.response { body = body, headers = { ["X-Tag"] = "a" } } end)
    end)
    local answer = client:head "/"
    assert.equal(200, answer.status)
    assert.equal("a", answer.headers["x-tag"])
    assert.is_false(called)
  end)

  it("waits for a reader that is slow", function()
    local written = 0
    local stream = app_writing(function(write)
      for _ = 1, 200 do
        write(PIECE)
        written = written + #PIECE
      end
    end, { ["Content-Length"] = 200 * #PIECE })
    stream:write(GET)
    stream:read_until "\r\n\r\n"
    local read = 0
    while read < 200 * #PIECE do
      read = read + #stream:read(#PIECE)
      tg.sleep(1)
      assert.is_true(written - read <= 5 * 64 * 1024, "what lies between is bounded")
    end
    assert.equal(200 * #PIECE, written)
    stream:close()
  end)

  -- A long string is sent from where it is; nobody but the answer may hold it meanwhile.
  it("comes whole and in order where the wait for a long write has ended", function()
    local function numbered(from)
      local lines = {}
      for number = from, from + 99999 do
        lines[#lines + 1] = ("%09d\n"):format(number)
      end
      return table.concat(lines)
    end
    for _, headers in ipairs { {}, { ["Content-Length"] = 3000004 } } do
      local in_time = true
      local stream = app_writing(function(write)
        in_time = tg.move_on_after(1, function()
          write(numbered(0))
          return true
        end)
        collectgarbage()
        write "and "
        write(numbered(100000))
        tg.move_on_after(1, function() write(numbered(200000)) end)
      end, headers)
      stream:write(GET)
      tg.sleep(5)
      local body = read_all(stream):match "\r\n\r\n(.*)"
      assert.is_nil(in_time)
      assert.is_true(numbered(0) .. "and " .. numbered(100000) .. numbered(200000)
        == (headers["Content-Length"] and body or chunked.decode(body)))
      stream:close()
      t.close()
    end
  end)

  it("is given up when its reader leaves, or reads nothing", function()
    local err
    local function endless(write)
      local ok
      ok, err = pcall(function()
        while true do
          write(PIECE)
        end
      end)
      assert(not ok)
      error(err, 0)
    end
    local stream = app_writing(endless)
    stream:write(GET)
    stream:read()
    stream:close()
    settle()
    assert.equal("the client is gone", err.reason)
    t.close()

    err = nil
    stream = app_writing(endless)
    stream:write(GET)
    local started = tg.now()
    while not err do
      tg.sleep(1)
    end
    assert.equal("the client is gone", err.reason)
    assert.is_true(tg.now() - started <= 62)
    stream:close()
  end)

  it("lets others run, however fast its reader", function()
    local turns, done = 0, false
    local client = t.app(function(app)
      app:get("/", function()
        return tg.response { body = function(write)
          for _ = 1, 100 do
            write(PIECE)
          end
          done = true
        end }
      end)
    end)
    tg.gather {
      function()
        assert.equal(100 * #PIECE, #client:get("/"):body())
      end,
      function()
        while not done do
          turns = turns + 1
          tg.sleep(0)
        end
      end,
    }
    assert.is_true(turns > 3)
  end)

  it("raises where it cannot be", function()
    local kept, messages = nil, {}
    local stream = app_writing(function(write)
      kept = write
      messages[1] = select(2, pcall(write, 7))
      messages[2] = select(2, pcall(write))
      write "fine"
    end)
    stream:write(GET)
    stream:read_until "0\r\n\r\n"
    messages[3] = select(2, pcall(kept, "late"))
    assert.matches("write takes a string, not 7", messages[1], 1, true)
    assert.matches("write takes a string, not nil", messages[2], 1, true)
    assert.matches("the function that was given this write has returned", messages[3], 1, true)
    stream:close()
  end)

  it("raises the cancellation in a shield, once its client is gone", function()
    local err
    local stream = app_writing(function(write)
      tg.shield(function()
        local ok
        ok, err = pcall(function()
          while true do
            write(PIECE)
          end
        end)
        assert(not ok)
      end)
    end)
    stream:write(GET)
    stream:read()
    stream:close()
    settle()
    assert.equal("cancelled", err.kind)
  end)

  it("ends by its deadline with a cut", function()
    local stream = connect(function(app)
      app:get("/", function()
        return tg.response { body = function(write)
          write "some"
          tg.fail_after(1, tg.sleep, 60)
        end }
      end)
    end)
    stream:write(GET)
    assert.matches("4\r\nsome\r\n$", read_all(stream))
    stream:close()
  end)

  it("goes both ways at once", function()
    local stream = connect(function(app)
      app:post("/", function(request)
        return tg.response { body = function(write)
          for piece in request:chunks() do
            write(piece:upper())
          end
        end }
      end)
    end)
    stream:write(post("/", 6) .. "abc")
    stream:read_until "\r\n\r\n"
    assert.equal("3\r\nABC\r\n", stream:read())
    stream:write "def"
    assert.equal("3\r\nDEF\r\n0\r\n\r\n", stream:read_until "0\r\n\r\n")
    stream:write(post("/", 1) .. "x")
    assert.matches("^HTTP/1.1 200 OK", stream:read_until "\r\n\r\n")
    stream:close()
  end)
end)

describe("a body that nobody reads", function()
  local function early(length, sent)
    local stream = connect(function(app)
      app:post("/", function() return "early" end)
    end)
    stream:write(post("/", length) .. sent)
    local head = stream:read_until "\r\n\r\n"
    assert.equal("early", stream:read(5))
    return stream, head
  end

  it("is thrown away where it is short, and the connection goes on", function()
    local stream, head = early(1000, ("x"):rep(10))
    assert.is_nil(head:find("Connection", 1, true))
    stream:write(("x"):rep(990) .. post("/", 0))
    assert.matches("^HTTP/1.1 200", stream:read_until "\r\n\r\n")
    stream:close()
  end)

  it("closes the connection where it is long", function()
    local stream, head = early(100000, ("x"):rep(10))
    assert.matches("Connection: close\r\n", head, 1, true)
    assert.is_nil(stream:read())
    stream:close()
  end)

  it("closes the connection where it never comes", function()
    local stream = early(1000, "x")
    local started = tg.now()
    assert.is_nil(stream:read())
    assert.is_true(tg.now() - started <= 61)
    stream:close()
  end)
end)
