-- The time of a route covers its answer up to the last byte that is handed over: whoever makes the answer, and whoever
-- has set the time.
local t = require "tidegate.testing"
local tg = require "tidegate"
local compressed = require "tests.support.compressed"
local folder = require "tests.support.folder"
local server = require "tests.support.server"

local FIELD = "X-Request-Timeout-Ms"
local CONTENT = compressed.noise(4 * 1024 * 1024) -- more than a stream in memory takes at once

-- Answers that are never read to their end, and such as never end.
local function pieces_without_end()
  return tg.response { body = function(write)
    while true do
      write "tick\n"
      tg.sleep(0.3)
    end
  end }
end

local producers = {
  ["pieces without end"] = pieces_without_end,
  ["pieces of a length"] = function()
    return tg.response { headers = { ["Content-Length"] = 1000 }, body = function(write)
      write "tick\n"
      tg.sleep(60)
    end }
  end,
  ["pieces of children"] = function()
    return tg.response { body = function(write)
      tg.gather { function()
        tg.sleep(60)
      end, function()
        write "tick\n"
        tg.sleep(60)
      end }
    end }
  end,
  ["pieces that nobody reads"] = function()
    return tg.response { body = function(write)
      for at = 1, #CONTENT, 1000 do
        write(CONTENT:sub(at, at + 999))
      end
    end }
  end,
  ["one long piece that nobody reads"] = function()
    return tg.response { body = function(write)
      write(CONTENT)
    end }
  end,
  ["a long string"] = function()
    return CONTENT
  end,
  ["a long string, after a pause"] = function()
    tg.sleep(0.7)
    return CONTENT
  end,
  ["compressed pieces"] = function()
    return tg.response { headers = { ["Content-Type"] = "text/plain" }, body = function(write)
      while true do
        write "tick\n"
        tg.sleep(0.3)
      end
    end }
  end,
}

describe("the time of a route", function()
  local files

  setup(function()
    files = folder.new { ["file.bin"] = CONTENT, ["file.txt"] = CONTENT }
  end)

  teardown(function()
    files:remove()
  end)

  local function register(options)
    return function(app)
      for name, handler in pairs(producers) do
        app:get("/" .. name:gsub("[ ,]", "-"), handler, options)
      end
      if not options then
        app:static("/files", files.path, { compress = true })
      end
    end
  end

  -- Asks and reads nothing for a long time; what came on the connection, and what was logged.
  local function watch(path, fields)
    local stream, text = tg.tcp.connect("app.test", 80), nil
    local lines = server.logged(function()
      stream:write(("GET %s HTTP/1.1\r\nHost: h\r\n%s\r\n"):format(path, fields or ""))
      tg.sleep(20)
      text = ""
      local ok, piece = pcall(stream.read, stream, 1e9)
      while ok and piece do
        text = text .. piece
        ok, piece = pcall(stream.read, stream, 1e9)
      end
    end)
    stream:close()
    return text, lines
  end

  local function is_whole(text)
    local head, body = text:match "^(.-\r\n\r\n)(.*)$"
    local length = tonumber(head:match "Content%-Length: (%d+)")
    if length then
      return #body >= length
    end
    return body:find "\r\n0\r\n\r\n$" ~= nil
  end

  local ways = {
    ["a setting"] = { settings = { request_timeout_ms = 1000 } },
    ["an option"] = { options = { request_timeout_ms = 1000 } },
    ["an option in place of a setting"] = {
      settings = { request_timeout_ms = 9 }, options = { request_timeout_ms = 1000 },
    },
    ["a field of the request"] = { fields = FIELD .. ": 1000\r\n" },
    ["a field that is shorter than the setting"] = {
      settings = { request_timeout_ms = 90000 }, fields = FIELD .. ": 1000\r\n",
    },
    ["a setting that is shorter than the field"] = {
      settings = { request_timeout_ms = 1000 }, fields = FIELD .. ": 90000\r\n",
    },
  }
  for way, case in pairs(ways) do
    for name in pairs(producers) do
      it(("by %s ends %s"):format(way, name), function()
        t.app(register(case.options), case.settings)
        local text, lines = watch("/" .. name:gsub("[ ,]", "-"),
          (case.fields or "") .. (name:find "compressed" and "Accept-Encoding: gzip\r\n" or ""))
        assert.matches("^HTTP/1.1 200 OK\r\n", text)
        assert.is_false(is_whole(text))
        assert.is_true(#lines <= 1)
        assert.is_not_true(lines[1] and lines[1].level == "error")
      end)
    end
    if not case.options then
      for _, file in ipairs { "/files/file.bin", "/files/file.txt" } do
        it(("by %s ends %s"):format(way, file), function()
          t.app(register(case.options), case.settings)
          local text = watch(file, (case.fields or "") .. "Accept-Encoding: gzip\r\n")
          assert.matches("^HTTP/1.1 200 OK\r\n", text)
          assert.is_false(is_whole(text))
        end)
      end
    end
  end

  it("ends the answer at that moment, and not later", function()
    local client = t.app(register { request_timeout_ms = 1000 })
    local started = tg.now()
    local lines = server.logged(function()
      assert.is_false((pcall(client.get, client, "/pieces-without-end")))
    end)
    assert.equal(1, tg.now() - started)
    assert.equal(1, #lines)
    assert.matches("^GET /pieces%-without%-end broke off its answer %(request .-%): the deadline of 1 s passed$",
      lines[1].message)
  end)

  it("ends what is left of an answer when its handler is done, at that moment", function()
    t.app(register { request_timeout_ms = 1000 })
    local stream = tg.tcp.connect("app.test", 80)
    stream:write "GET /a-long-string--after-a-pause HTTP/1.1\r\nHost: h\r\n\r\n"
    tg.sleep(0.999)
    local before = #stream:read(1e9)
    assert.is_true(before < #CONTENT)
    tg.sleep(0.0011)
    local ok, rest = pcall(function()
      local count = 0
      for piece in function() return stream:read(1e9) end do
        count = count + #piece
      end
      return count
    end)
    assert.is_true(not ok or before + rest < #CONTENT)
    stream:close()
  end)

  it("does not end an answer that is read in time, nor what follows on the connection", function()
    t.app(register { request_timeout_ms = 1000 })
    local stream = tg.tcp.connect("app.test", 80)
    for _ = 1, 3 do
      stream:write "GET /a-long-string HTTP/1.1\r\nHost: h\r\n\r\n"
      local head = stream:read_until "\r\n\r\n"
      assert.matches("Content%-Length: " .. #CONTENT, head)
      local count = 0
      while count < #CONTENT do
        count = count + #stream:read(#CONTENT - count)
      end
      tg.sleep(5)
    end
    stream:close()
  end)

  it("is nothing where the option of the route says 0", function()
    local client = t.app(function(app)
      app:get("/", function()
        return tg.response { body = function(write)
          tg.sleep(30)
          write(tostring(tg.remaining()))
        end }
      end, { request_timeout_ms = 0 })
    end, { request_timeout_ms = 1000 })
    assert.equal("nil", client:get("/"):body())
  end)

  it("is told by tg.remaining() in pieces and in what they start", function()
    local client = t.app(function(app)
      app:get("/", function()
        return tg.response { body = function(write)
          tg.sleep(0.25)
          local function note()
            return tostring(tg.remaining())
          end
          write(note() .. " " .. table.concat(tg.gather { note, function() return tg.map({ 1 }, note)[1] end }, " "))
          write(" " .. tg.shield(note) .. " " .. tg.fail_after(0.5, note) .. " " .. tg.shield(tg.fail_after, 9, note))
        end }
      end)
    end, { request_timeout_ms = 1000 })
    assert.equal("0.75 0.75 0.75 nil 0.5 9", client:get("/"):body())
    assert.equal("0.25 0.25 0.25 nil 0.25 9", client:get("/", { headers = { [FIELD] = 500 } }):body())
  end)

  it("waits for a shield, and ends the answer behind it", function()
    local order = {}
    local client = t.app(function(app)
      app:get("/", function()
        return tg.response { body = function(write)
          write "a"
          tg.shield(function()
            tg.sleep(2)
            order[#order + 1] = tg.now()
          end)
          write "b"
        end }
      end)
    end, { request_timeout_ms = 1000 })
    local started = tg.now()
    server.logged(function()
      assert.is_false((pcall(client.get, client, "/")))
    end)
    assert.equal(2, order[1] - started)
    assert.equal(2, tg.now() - started)
  end)

  it("that a client has set itself is no error of the route", function()
    local client = t.app(function(app)
      app:get("/", function()
        tg.sleep(5)
      end)
      app:get("/inner", function()
        tg.fail_after(1, tg.sleep, 5)
      end)
    end, { request_timeout_ms = 3000 })
    local levels = {}
    for _, line in ipairs(server.logged(function()
      client:get("/", { headers = { [FIELD] = 1 } })
      client:get("/", { headers = { [FIELD] = 5000 } })
      client:get("/inner", { headers = { [FIELD] = 2000 } })
    end)) do
      levels[#levels + 1] = line.level
    end
    assert.same({ "info", "error", "error" }, levels)
  end)
end)
