-- Clients that end their side behind their request, as `nc -N` and health checks do, and still read.
local compress = require "tidegate.compress"
local answers = require "tests.support.answers"
local folder = require "tests.support.folder"
local t = require "tidegate.testing"
local tg = require "tidegate"

local LONG = ("long text "):rep(200000)
local GET = "GET %s HTTP/1.1\r\nHost: h\r\n%s\r\n"

local function in_pieces(write)
  for number = 1, 3 do
    write("piece " .. number .. "\n")
    tg.sleep(10)
  end
end

local PIECES = "piece 1\npiece 2\npiece 3\n"

-- Answers that have begun before anything waits, and those that wait first.
local function routes(app, files)
  local text = { ["Content-Type"] = "text/plain" }
  app:get("/whole", function() return "whole\n" end)
  app:get("/long", function() return LONG end)
  app:get("/pieces", function() return tg.response { body = in_pieces } end)
  app:get("/counted", function()
    return tg.response { headers = { ["Content-Length"] = #PIECES }, body = in_pieces }
  end)
  app:get("/compressed", function() return tg.response { headers = text, body = in_pieces } end, { compress = true })
  app:get("/encoded", function() return LONG end, { compress = true })
  app:get("/waits", function()
    tg.sleep(10)
    return "waited\n"
  end)
  app:get("/waits-long", function()
    tg.sleep(10)
    return LONG
  end)
  app:post("/echo", function(request)
    return tg.response { body = function(write)
      for piece in request:chunks() do
        write(piece)
        tg.sleep(1)
      end
    end }
  end, { body_bytes_max = 1e9 })
  app:post("/body", function(request) return request:body() end)
  app:static("/files", files.path)
end

local BEGUN = {
  ["/whole"] = "whole\n", ["/long"] = LONG, ["/pieces"] = PIECES, ["/counted"] = PIECES, ["/compressed"] = PIECES,
  ["/files/large.txt"] = LONG,
}
local WAITING = { ["/waits"] = "waited\n", ["/waits-long"] = LONG }

describe("a client that ends its side", function()
  local files

  setup(function()
    files = folder.new { ["large.txt"] = LONG }
  end)

  teardown(function()
    files:remove()
  end)

  local function app(options)
    return t.app(function(on) routes(on, files) end, options)
  end

  -- What comes for some requests, where the client ends its side `after` so many seconds, or bytes ("head").
  local function all_of(requests, after)
    local stream = tg.tcp.connect("app.test", 80)
    stream:write(requests)
    local parts = {}
    if after == "head" then
      parts[1] = stream:read_until "\r\n\r\n"
    else
      tg.sleep(after)
    end
    stream:finish()
    for bytes in function() return stream:read(65536) end do
      parts[#parts + 1] = bytes
    end
    stream:close()
    return table.concat(parts)
  end

  local function bodies_of(text)
    local list = {}
    for index, answer in ipairs(answers.parse(text)) do
      assert.equal(200, answer.status)
      assert.is_true(answer.whole)
      list[index] = answer.body
    end
    return list
  end

  for _, mode in ipairs { "cancel", "serve" } do
    for path, body in pairs(BEGUN) do
      for _, after in ipairs { 0.001, "head", 5, 15 } do
        it(("gets an answer that has begun: %s, after %s, with half_closed = %s"):format(path, after, mode), function()
          app { half_closed = mode }
          assert.same({ body }, bodies_of(all_of(GET:format(path, ""), after)))
        end)
      end
    end

    for _, path in ipairs { "/pieces", "/counted" } do
      it("gets what it has pipelined: " .. path .. " " .. mode, function()
        app { half_closed = mode }
        local requests = GET:format("/whole", "") .. GET:format(path, "") .. GET:format("/waits", "")
        requests = requests .. GET:format(path, "")
        assert.same({ "whole\n", PIECES, "waited\n", PIECES }, bodies_of(all_of(requests, 0.001)))
      end)
    end

    for path, body in pairs { ["/compressed"] = PIECES, ["/encoded"] = LONG } do
      for _, after in ipairs { 0.001, "head" } do
        it(("gets a compressed answer: %s, after %s, %s"):format(path, after, mode), function()
          app { half_closed = mode }
          local text = all_of(GET:format(path, "Accept-Encoding: gzip\r\n"), after)
          assert.matches("Content-Encoding: gzip", text, 1, true)
          local answer = answers.parse(text)[1]
          assert.is_true(answer.whole)
          assert.equal(body, compress.decode("gzip", answer.body, { ratio_max = 0, bytes_max = #LONG }))
        end)
      end
    end

    it("gets what its whole body is answered with, though much of it was not read yet: " .. mode, function()
      app { half_closed = mode }
      local head = ("POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: %d\r\n\r\n"):format(#LONG)
      assert.same({ LONG }, bodies_of(all_of(head .. LONG, "head")))
    end)

    it("within its body gets nothing more: " .. mode, function()
      app { half_closed = mode }
      local head = "POST /body HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\n"
      assert.equal("", all_of(head .. "bod", 1))
    end)
  end

  for path in pairs(WAITING) do
    it("has left, where " .. path .. " waits before it answers", function()
      app {}
      for _, after in ipairs { 0.001, 5 } do
        assert.equal("", all_of(GET:format(path, ""), after))
      end
    end)
  end

  for path, body in pairs(WAITING) do
    it("is served, where the setting says so: " .. path, function()
      app { half_closed = "serve" }
      for _, after in ipairs { 0.001, 5, 10 } do
        local text = all_of(GET:format(path, ""), after)
        assert.same({ body }, bodies_of(text))
        assert.is_true(after == 10 or answers.parse(text)[1].closes)
      end
    end)
  end

  it("is served, or not, where the route says so", function()
    for _, case in ipairs { { "cancel", "serve", "late" }, { "serve", "cancel", nil } } do
      t.app(function(on)
        on:get("/", function()
          tg.sleep(1)
          return "late"
        end, { half_closed = case[2] })
      end, { half_closed = case[1] })
      assert.same({ case[3] }, bodies_of(all_of(GET:format("/", ""), 0.001)))
      t.close()
    end
  end)

  it("and then goes is heard, and what still waits for it is cancelled", function()
    for _, path in ipairs { "/waits", "/pieces" } do
      local reason
      t.app(function(on)
        local function wait()
          local _, err = pcall(tg.sleep, 1000)
          reason = err.reason
          error(err, 0)
        end
        on:get("/waits", wait)
        on:get("/pieces", function()
          return tg.response { body = function(write)
            write "begun"
            wait()
          end }
        end)
      end, { half_closed = "serve" })
      local stream = tg.tcp.connect("app.test", 80)
      stream:write(GET:format(path, ""))
      tg.sleep(1)
      stream:finish()
      tg.sleep(1)
      assert.is_nil(reason)
      stream:close()
      tg.sleep(1)
      assert.equal("the client is gone", reason)
      t.close()
    end
  end)
end)

describe("half_closed", function()
  it("is cancel or serve", function()
    local ok, message = pcall(t.app, function(on) on:get("/", print, { half_closed = true }) end)
    assert.is_false(ok)
    assert.matches('half_closed must be "cancel" or "serve"', message, 1, true)
  end)
end)
