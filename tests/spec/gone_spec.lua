-- A client that leaves within its upload or its answer: whoever reads or writes hears the cancellation, in every task
-- and in a shield, and the log has one line of level info.
local t = require "tidegate.testing"
local tg = require "tidegate"
local compressed = require "tests.support.compressed"
local folder = require "tests.support.folder"
local server = require "tests.support.server"

local FORM = "Content-Type: application/x-www-form-urlencoded\r\n"
local PARTS = "Content-Type: multipart/form-data; boundary=b\r\n"
local CONTENT = compressed.noise(4 * 1024 * 1024)

local readers = {
  body = { function(request) request:body() end },
  ["decoded body"] = { function(request) request:body { decode = true } end, "Content-Encoding: gzip\r\n" },
  chunks = { function(request) for _ in request:chunks() do end end },
  ["decoded chunks"] = { function(request)
    for _ in request:chunks { decode = true } do end
  end, "Content-Encoding: gzip\r\n" },
  json = { function(request) request:json() end },
  form = { function(request) request:form() end, FORM },
  parts = { function(request)
    for part in request:parts() do
      for _ in part:chunks() do end
    end
  end, PARTS, "--b\r\nContent-Disposition: form-data; name=a\r\n\r\nhello" },
}

local wrappers = {
  ["the request's own task"] = function(fn) fn() end,
  ["a child"] = function(fn) tg.gather { fn } end,
  ["a child of a child"] = function(fn) tg.gather { function() tg.map({ 1 }, fn) end } end,
  ["a task of a scope"] = function(fn) tg.scope(function(scope) scope:spawn(fn):wait() end) end,
  ["a shield"] = function(fn) tg.shield(fn) end,
  ["a deadline"] = function(fn) tg.fail_after(100, fn) end,
  ["a race"] = function(fn) tg.race { fn } end,
}

-- Calls the handler, whose errors are noted, and lets its client leave; the reasons that were caught, and the log.
local function run(request_bytes, handler)
  local caught = {}
  t.app(function(app)
    app:post("/x", function(request)
      return handler(request, function(fn, ...)
        local ok, err = pcall(fn, ...)
        if not ok then
          caught[#caught + 1] = type(err) == "table" and err.kind == "cancelled" and err.reason or tostring(err)
          error(err, 0)
        end
      end)
    end)
  end)
  local stream = tg.tcp.connect("app.test", 80)
  stream:write(request_bytes)
  tg.sleep(1)
  local lines = server.logged(function()
    stream:close()
    tg.sleep(5)
  end)
  return caught, lines
end

local function check(caught, lines)
  assert.is_true(#caught > 0)
  for _, reason in ipairs(caught) do
    assert.is_true(reason == "the client is gone" or reason == "a sibling failed", reason)
  end
  assert.equal(1, #lines, lines[2] and lines[2].message)
  assert.equal("info", lines[1].level)
  assert.matches("^POST /x cancelled %(request [%x-]+%): the client is gone → %d+ child", lines[1].message)
end

local function upload(fields, bytes)
  return ("POST /x HTTP/1.1\r\nHost: h\r\nContent-Length: 1000000\r\n%s\r\n%s"):format(fields or "", bytes or "")
end

describe("a client that leaves within its upload", function()
  for name, reader in pairs(readers) do
    for where, wrap in pairs(wrappers) do
      it(("cancels %s in %s"):format(name, where), function()
        check(run(upload(reader[2], reader[3]), function(request, note)
          wrap(function()
            note(reader[1], request)
          end)
        end))
      end)
    end

    it(("cancels %s that begins when it has left"):format(name), function()
      check(run(upload(reader[2], reader[3]), function(request, note)
        tg.shield(function()
          tg.sleep(2)
          note(reader[1], request)
        end)
      end))
    end)

    it(("cancels %s of a child that begins when it has left"):format(name), function()
      check(run(upload(reader[2], reader[3]), function(request, note)
        pcall(tg.sleep, 100)
        tg.gather { function()
          note(reader[1], request)
        end, function()
          note(tg.sleep, 1)
        end }
      end))
    end)
  end
end)

local ANSWERED = "POST /x HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\nAccept-Encoding: gzip\r\n\r\n"

describe("a client that leaves within its answer", function()
  local function answer(write_all, kind)
    return function(_, note)
      return tg.response { headers = { ["Content-Type"] = kind }, body = function(write)
        note(write_all, write)
      end }
    end
  end

  local function write_on(write)
    for _ = 1, 1000 do
      write(CONTENT:sub(1, 100000))
      tg.sleep(0.1)
    end
  end

  for where, wrap in pairs(wrappers) do
    for _, kind in ipairs { "text/plain", "image/png" } do
      it(("cancels a write of %s in %s"):format(kind, where), function()
        check(run(ANSWERED, answer(function(write)
          wrap(function()
            write_on(write)
          end)
        end, kind)))
      end)
    end
  end

  it("cancels writes that a shield goes on with", function()
    check(run(ANSWERED, answer(function(write)
      write "x"
      tg.shield(function()
        tg.sleep(2)
        write "y"
      end)
    end)))
  end)

  it("cancels a file", function()
    local files = folder.new { ["file.bin"] = CONTENT }
    t.app(function(app)
      app:static("/", files.path)
    end)
    local stream = tg.tcp.connect("app.test", 80)
    stream:write "GET /file.bin HTTP/1.1\r\nHost: h\r\n\r\n"
    tg.sleep(1)
    local lines = server.logged(function()
      stream:close()
      tg.sleep(5)
    end)
    files:remove()
    assert.equal(1, #lines)
    assert.matches("^GET /file.bin cancelled %(request [%x-]+%): the client is gone", lines[1].message)
  end)
end)
