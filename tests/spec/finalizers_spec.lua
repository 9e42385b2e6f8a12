-- A script's finalizer may run wherever memory is asked for, in the middle of whatever the gateway is doing. It is a
-- call from where nothing can wait: it gets an error or does what it says, and what it came upon goes on untouched.
local copies = require "tidegate.copies"
local core = require "tidegate.core"
local ffi = require "ffi"
local finalizers = require "tests.support.finalizers"
local t = require "tidegate.testing"
local tg = require "tidegate"

-- What fn raises or returns in a finalizer, once.
local function in_finalizer(fn)
  local results
  finalizers.around(function()
    results = results or { pcall(fn) }
  end, function()
    return { tostring({}) }
  end, 2)
  return unpack(results)
end

describe("In a finalizer", function()
  local waits = {
    ["tg.sleep"] = function() tg.sleep(0) end,
    ["tg.http"] = function() tg.http.get "http://127.0.0.1:1/" end,
    ["tg.tcp.connect"] = function() tg.tcp.connect("127.0.0.1", 1) end,
    ["tg.gather"] = function() tg.gather { function() end } end,
    ["tg.map"] = function() tg.map({ 1 }, function() end) end,
    ["tg.race"] = function() tg.race { function() end } end,
    ["tg.scope"] = function() tg.scope(function() end) end,
    ["tg.blocking"] = function() tg.blocking("string", "rep", "x", 1) end,
    ["event:wait"] = function()
      local event = tg.event()
      event:set()
      event:wait()
    end,
    ["semaphore:acquire"] = function() tg.semaphore(1):acquire() end,
    ["lock:acquire"] = function() tg.lock():acquire() end,
    ["channel:send"] = function() tg.channel(1):send(1) end,
    ["channel:receive"] = function() tg.channel(1):receive() end,
  }
  for name, fn in pairs(waits) do
    it("nothing waits: " .. name, function()
      local ok, message = in_finalizer(fn)
      assert.is_false(ok)
      assert.matches(name .. " waits, and nothing can wait in a finalizer", message, 1, true)
      local inside_coroutine = { in_finalizer(function()
        return coroutine.resume(coroutine.create(fn))
      end) }
      assert.is_false(inside_coroutine[2])
      assert.matches(name .. " waits, and nothing can wait", inside_coroutine[3], 1, true)
    end)
  end

  it("is no task: what belongs to the one that it comes upon is not touched", function()
    tg.fail_after(100, function()
      assert.same({ true, nil }, { in_finalizer(tg.remaining) })
      for _, name in ipairs { "fail_after", "move_on_after" } do
        local ok, message = in_finalizer(function() tg[name](1, function() end) end)
        assert.is_false(ok)
        assert.matches("tg." .. name .. " works in a task", message, 1, true)
      end
      local ok, message = in_finalizer(function() tg.shield(function() end) end)
      assert.is_false(ok)
      assert.matches("tg.shield works in a task", message, 1, true)
      assert.equal(100, tg.remaining())
    end)
    local lock = tg.lock()
    local ok, message = in_finalizer(function() lock:acquire_nowait() end)
    assert.is_false(ok)
    assert.matches("a lock belongs to a task", message, 1, true)
    lock:acquire()
    assert.is_false((in_finalizer(function() lock:release() end)))
    assert.is_true(lock:statistics().locked)
    lock:release()
  end)

  it("starts background tasks, which are nobody's children", function()
    local ran = false
    in_finalizer(function()
      tg.background(function()
        tg.sleep(1)
        ran = true
      end)
    end)
    tg.sleep(2)
    assert.is_true(ran)
  end)

  it("a line of the log with fields is written, whatever such lines were compiled for", function()
    local written
    local write = core.log
    finally(function() core.log = write end)
    core.log = type
    for _ = 1, 2000 do
      tg.log.error("of a task", { a = "text", b = "text" })
    end
    core.log = function(_, ...)
      written = table.concat { ... }
    end
    in_finalizer(function() tg.log.error("of a finalizer", { a = 1, b = true }) end)
    assert.matches("of a finalizer a=1 b=true", written, 1, true)
  end)

  it("of ffi.gc alike", function()
    local message
    ffi.gc(ffi.new "char[1]", function()
      message = select(2, pcall(tg.sleep, 1))
    end)
    for _ = 1, 2 do
      collectgarbage()
    end
    assert.matches("tg.sleep waits, and nothing can wait in a finalizer", message, 1, true)
  end)
end)

-- --- what is in the middle of something

-- Calls that use what C functions have in common.
local other = ("%01"):rep(100)
local function disturb()
  core.percent_encode(("\1\2"):rep(300))
  core.parse_pairs(other, 10)
  core.range(nil, nil, 100, "bytes=0-1", nil)
  pcall(core.call, "127.0.0.1", 1, "GET", "other", "/other", { Secret = ("s"):rep(500) })
end

describe("A finalizer in the middle of", function()
  it("a query or a form leaves them as they were", function()
    local text, expected = {}, {}
    for number = 1, 40 do
      text[number] = ("key%%20%d=value%%20%d"):format(number, number)
      expected[2 * number - 1], expected[2 * number] = "key " .. number, "value " .. number
    end
    local query = table.concat(text, "&")
    finalizers.around(disturb, function()
      assert.same(expected, core.parse_pairs(query, 100))
    end)
  end)

  it("an encoding or a decoding leaves it as it was", function()
    local plain = ("a text of many words; "):rep(2000)
    finalizers.around(disturb, function()
      local coded = assert(core.encode(core.encoder("gzip", 1), plain, 1, "finish"))
      assert.equal(plain, (core.decode(core.decoder "gzip", coded, 1, true)))
    end, 300)
  end)

  it("a percent-encoding, a range, a path leaves them as they were", function()
    finalizers.around(disturb, function()
      assert.equal("%09%0A", core.percent_encode "\t\n")
      assert.same({ 0, 10, "bytes 0-9/50" }, { core.range(nil, nil, 50, "bytes=0-9", nil) })
      assert.equal("/b", (core.normalize_path "/a/../b"))
    end)
  end)

  it("a call or an answer sends nothing of another one", function()
    local client = t.app(function(app)
      app:get("/", function(request)
        local fields = {}
        for name, value in pairs(request.headers) do
          fields[name:lower()] = value
        end
        return 200, fields, { ["X-Answer"] = request.query.number, ["X-Long"] = ("x"):rep(400) }
      end)
    end)
    local number = 0
    finalizers.around(disturb, function()
      number = number + 1
      local answer = client:get("/", { query = { number = number }, headers = { ["X-Own"] = "own " .. number } })
      assert.equal(200, answer.status)
      assert.equal(tostring(number), answer.headers["x-answer"])
      local fields = answer:json()
      assert.equal("own " .. number, fields["x-own"])
      assert.is_nil(fields.secret)
    end, 2000)
  end)

  it("an answer in pieces may write to it, and gets an error; encoded or not", function()
    local messages = {}
    local client = t.app(function(app)
      app:get("/", function()
        return tg.response { headers = { ["Content-Type"] = "text/plain" }, body = function(write)
          finalizers.start { function() messages[#messages + 1] = select(2, pcall(write, "lost")) end }
          for number = 1, 300 do
            write(("line %d\n"):format(number))
            if number % 100 == 0 then
              collectgarbage() -- in a large heap it would not come by itself
            end
          end
          finalizers.stop()
        end }
      end)
    end, { compress = true })
    local lines = {}
    for number = 1, 300 do
      lines[number] = ("line %d\n"):format(number)
    end
    for _, coding in ipairs { "gzip", "identity" } do
      messages = {}
      local answer = client:get("/", { headers = { ["Accept-Encoding"] = coding } })
      assert.equal(coding == "gzip" and "gzip" or nil, answer.headers["content-encoding"])
      assert.equal(table.concat(lines), answer:body { decode = true })
      assert.is_true(#messages > 0)
      for _, message in ipairs(messages) do
        assert.matches("write waits, and nothing can wait in a finalizer", tostring(message), 1, true)
      end
    end
  end)

  it("the first look at a request's headers may look at them too, and both are forgotten with the request", function()
    local was_on, moment = jit.status(), nil
    finally(function() return was_on and jit.on() end)
    jit.off() -- a compiled loop may never end in a finalizer: finalizers_everywhere.lua says why
    jit.flush()
    local client = t.app(function(app)
      app:get("/", function(request)
        local left = math.huge
        local runs = 0
        local function until_true(fn)
          repeat
            local _ = { tostring {} }
          until fn()
        end
        finalizers.start { function()
          runs, left = runs + 1, left - 1
          return left == 0 and request.headers["x-own"]
        end }
        until_true(function() return runs > 0 end)
        left = moment
        local own = request.headers["x-own"]
        until_true(function() return left <= 0 end)
        finalizers.stop()
        return own
      end)
    end)
    for number = 1, 120 do
      moment = number % 5 + 1
      assert.equal("own", client:get("/", { headers = { ["X-Own"] = "own" } }):body())
      tg.sleep(0.01)
      assert.equal(0, copies.live.count)
    end
  end)

  it("a body read whole or in pieces may read it too, and gets an error", function()
    local client = t.app(function(app)
      app:post("/whole", function(request)
        local messages = {}
        finalizers.around(function()
          messages[1] = messages[1] or select(2, pcall(request.body, request))
        end, function()
          return { tostring {} }
        end, 3)
        return { #request:body(), messages[1] }
      end)
      app:post("/pieces", function(request)
        local next_piece, size = request:chunks(), 0
        finalizers.start { function() next_piece() end }
        for bytes in next_piece do
          size = size + #bytes
        end
        finalizers.stop()
        return { size }
      end)
    end)
    local whole = client:post("/whole", { body = ("x"):rep(100000) }):json()
    assert.equal(100000, whole[1])
    assert.matches("request:body waits, and nothing can wait in a finalizer", whole[2], 1, true)
    assert.equal(300000, client:post("/pieces", { body = ("x"):rep(300000) }):json()[1])
  end)

  it("the parts of a form may ask for the next one, and gets an error", function()
    local body = {}
    for number = 1, 1000 do
      body[number] = ("--b\r\nContent-Disposition: form-data; name=\"n%d\"\r\nX-%d: y\r\n\r\nvalue %d\r\n")
        :format(number, number, number)
    end
    local client = t.app(function(app)
      app:post("/", function(request)
        local next_part = request:parts()
        local values, message = {}, nil
        finalizers.start { function()
          local ok, err = pcall(next_part)
          message = not ok and err or message
        end }
        for part in next_part do
          values[#values + 1] = part.name .. "=" .. part:body()
        end
        finalizers.stop()
        return { values = values, message = message }
      end)
    end)
    local answer = client:post("/", {
      headers = { ["Content-Type"] = "multipart/form-data; boundary=b" },
      body = table.concat(body) .. "--b--\r\n",
    }):json()
    assert.equal(1000, #answer.values)
    for number = 1, 1000 do
      assert.equal(("n%d=value %d"):format(number, number), answer.values[number])
    end
    assert.matches("request:parts waits, and nothing can wait in a finalizer", answer.message, 1, true)
  end)
end)

-- Two ends of a stream in this process.
local function with_streams(fn)
  local ended = tg.event()
  local listener = core.listen_stream_in_memory("peer.test", 80, function(stream)
    fn.peer(stream)
    stream:close()
    ended:set()
  end)
  local stream = tg.tcp.connect("peer.test", 80)
  fn.own(stream)
  stream:close()
  ended:wait()
  core.close_stream_listener(listener)
end

describe("A finalizer in the middle of a stream", function()
  it("that closes it ends the read with an error or what had come, and no memory is touched", function()
    for round = 1, 60 do
      with_streams {
        peer = function(stream)
          pcall(stream.write, stream, ("x"):rep(50000))
        end,
        own = function(stream)
          local to_come = round
          finalizers.around(function()
            to_come = to_come - 1
            if to_come == 0 then
              stream:close()
            end
          end, function()
            local ok, result = pcall(stream.read, stream, 1000)
            assert(not ok and result.kind == "closed" or result == nil or #result > 0)
          end, round)
        end,
      }
    end
  end)

  it("that reads gets an error, and no byte is lost", function()
    local message
    with_streams {
      peer = function(stream)
        for number = 1, 2000 do
          stream:write(("line %d\n"):format(number))
        end
      end,
      own = function(stream)
        finalizers.start { function()
          message = select(2, pcall(stream.read, stream, 10))
        end }
        for number = 1, 2000 do
          assert.equal(("line %d\n"):format(number), stream:read_until "\n")
        end
        finalizers.stop()
      end,
    }
    assert.matches("stream:read waits, and nothing can wait in a finalizer", message, 1, true)
  end)
end)

describe("A finalizer that brings what a task is about to wait for", function()
  -- Runs `wait` while a finalizer, at its nth run, does what it waits for: for every n, so that it also comes between
  -- the look and the wait. A wake-up that is lost shows as a deadline that passes.
  local function brought_at_every_moment(make)
    for moment = 1, 60 do
      local bring, wait = make()
      local left = moment
      finalizers.start { function()
        left = left - 1
        if left == 0 then
          bring()
        end
      end }
      local ok, err = pcall(tg.fail_after, 1000, function()
        wait()
        repeat
          local _ = { tostring {} }
        until left <= 0
      end)
      finalizers.stop()
      assert(ok or left > 0, tostring(err) .. " at moment " .. moment)
    end
  end

  it("wakes it: an event", function()
    brought_at_every_moment(function()
      local event = tg.event()
      return function() event:set() end, function()
        tg.gather {
          function() event:wait() end,
          function()
            repeat
              local _ = { tostring {} }
              tg.sleep(0)
            until event:is_set()
          end,
        }
      end
    end)
  end)
end)

describe("A finalizer that cancels", function()
  it("a task whose results are being pushed ends that task, and no memory is touched", function()
    local client = t.app(function(app)
      app:get("/", function()
        return 200, ("x"):rep(3000), { ["X-Long"] = ("y"):rep(500) }
      end)
    end)
    for moment = 1, 100 do
      tg.scope(function(scope)
        local left = moment
        local handle = scope:spawn(function()
          while true do
            client:get "/"
          end
        end)
        finalizers.start { function()
          left = left - 1
          if left == 0 then
            handle:cancel()
          end
        end }
        repeat
          tg.sleep(0)
        until left <= 0
        finalizers.stop()
        assert.is_false((pcall(handle.wait, handle)))
      end)
    end
  end)
end)
