-- RFC 9110 and 9112 as one table: method × status × who made the answer × version → fields, content and framing, as
-- bytes. A second request behind each one shows that both sides agree where the answer ends.
local chunked = require "tests.support.chunked"
local compress = require "tidegate.compress"
local core = require "tidegate.core"
local t = require "tidegate.testing"
local tg = require "tidegate"

local LONG = ("Hello World! "):rep(200)
local JSON, TEXT = "application/json", "text/plain; charset=utf-8"

-- What a route returns behind a status; `content` and `type` are what GET gets. Pieces have no length beforehand.
local MAKERS = {
  { name = "text", body = "hello", content = "hello", type = TEXT },
  { name = "empty text", body = "", content = "" },
  { name = "table", body = { a = 1 }, content = '{"a":1}', type = JSON },
  { name = "number", body = 5, content = "5", type = TEXT },
  { name = "raw", body = tg.json.raw "[1]", content = "[1]", type = JSON },
  { name = "nothing", body = nil, content = "" },
  { name = "pieces", body = function(write) write "he" write "llo" end, content = "hello", is_pieces = true },
  { name = "no pieces", body = function() end, content = "", is_pieces = true },
  { name = "counted pieces", body = function(write) write "hello" end, content = "hello", length = 5 },
  { name = "typed nothing", body = nil, content = "", own_type = "text/html" },
  { name = "typed text", body = "x", content = "x", own_type = "text/html" },
  { name = "compressed", body = LONG, content = LONG, type = TEXT, coding = "gzip" },
  { name = "compressed pieces", body = function(write) write(LONG) end, content = LONG, coding = "gzip",
    own_type = "text/plain", is_pieces = true },
}

local STATUSES = { 100, 101, 199, 200, 201, 204, 205, 206, 301, 304, 400, 404, 412, 500, 503, 599, 600, 200.5 }
local METHODS = { "GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS" }
local VERSIONS = {
  { name = "HTTP/1.1", version = "1.1", stays = true },
  { name = "HTTP/1.1 that closes", version = "1.1", field = "Connection: close\r\n" },
  { name = "HTTP/1.0", version = "1.0" },
  { name = "HTTP/1.0 that stays", version = "1.0", field = "Connection: keep-alive\r\n", stays = true },
}
local NO_CONTENT = { [204] = true, [205] = true, [304] = true }
local FIELDS = { [206] = { ["Content-Range"] = "bytes 0-4/9" }, [301] = { Location = "/" } }

local function fields_of(maker, status)
  local fields = { ["X-Own"] = "1", ["Content-Type"] = maker.own_type, ["Content-Length"] = maker.length }
  for name, value in pairs(FIELDS[status] or {}) do
    fields[name] = value
  end
  return fields
end

-- Two ways to say the same.
local function as_values(maker, status)
  return function() return status, maker.body, fields_of(maker, status) end
end

local function as_response(maker, status)
  return function()
    return tg.response { status = status, body = maker.body, headers = fields_of(maker, status) }
  end
end

local function is_refused(maker, status)
  return status < 200 or status > 599 or status % 1 ~= 0
    or NO_CONTENT[status] and (maker.content ~= "" or maker.is_pieces or maker.length ~= nil)
end

local function is_coded(maker, status)
  return maker.coding ~= nil and status ~= 206
end

-- Asks once, with a second request behind it, and reads until nothing more comes.
local function bytes_of(method, path, version, stays)
  local stream = tg.tcp.connect("app.test", 80)
  local head = "%s %s HTTP/%s\r\nHost: h\r\nAccept-Encoding: gzip\r\n%s%s\r\n"
  local length = (method == "POST" or method == "PUT" or method == "PATCH") and "Content-Length: 0\r\n" or ""
  stream:write(head:format(method, path, version.version, version.field or "", length)
    .. (stays and "GET /last HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n" or ""))
  local parts = {}
  for bytes in function() return stream:read(65536) end do
    parts[#parts + 1] = bytes
  end
  stream:close()
  return table.concat(parts)
end

local LAST = "the last one\n"

local function parse_head(text)
  local head, rest = text:match "^(.-\r\n\r\n)(.*)$"
  local fields = {}
  for name, value in head:gmatch "\r\n([^:\r\n]+): ([^\r\n]*)" do
    assert(not fields[name:lower()], "twice: " .. name)
    fields[name:lower()] = value
  end
  return tonumber(head:match "^HTTP/1%.1 (%d%d%d) [^\r\n]*\r\n"), fields, rest
end

-- The content that is there, and what comes behind it, by the framing that the head says.
local function take_content(method, status, fields, rest)
  if method == "HEAD" or status == 204 or status == 304 then
    return "", rest
  elseif fields["transfer-encoding"] then
    local content, is_whole, at = chunked.decode(rest)
    assert(is_whole, "not whole")
    return content, rest:sub(at)
  elseif fields["content-length"] then
    local length = tonumber(fields["content-length"])
    return rest:sub(1, length), rest:sub(length + 1)
  end
  return rest, ""
end

-- What is wrong with an answer; nil where nothing is.
local function fault_of(maker, status, method, version, text)
  local got, fields, rest = parse_head(text)
  local content, behind = take_content(method, got, fields, rest)
  local refused, coded = is_refused(maker, status), is_coded(maker, status)
  local wanted = { status = refused and 500 or status, date = true, content = maker.content }
  local is_pieces = not refused and maker.is_pieces == true
  local has_length = refused or not is_pieces and status ~= 204 and status ~= 304
  local closes = not version.stays or is_pieces and version.version == "1.0" and method ~= "HEAD"
  wanted.type = refused and "application/problem+json" or maker.own_type or maker.type
  wanted.coding = not refused and coded and "gzip" or nil
  wanted.chunks = is_pieces and version.version == "1.1" and method ~= "HEAD" and "chunked" or nil
  wanted.connection = closes and "close" or version.version == "1.0" and "keep-alive" or nil
  if method == "HEAD" or NO_CONTENT[got] then
    wanted.content = ""
  end
  if content ~= "" and fields["content-encoding"] then
    content = compress.decode("gzip", content)
  end
  local function check(name, expected, actual)
    if expected ~= actual then
      return ("%s: expected %s, got %s"):format(name, tostring(expected), tostring(actual))
    end
  end
  local length = tonumber(fields["content-length"])
  return check("status", wanted.status, got)
    or check("a date", true, fields.date ~= nil)
    or check("type", wanted.type, fields["content-type"])
    or check("coding", wanted.coding, fields["content-encoding"])
    or check("chunks", wanted.chunks, fields["transfer-encoding"])
    or check("connection", wanted.connection, fields.connection)
    or check("a length", has_length, length ~= nil)
    or not refused and has_length and not coded and check("length", #maker.content, length)
    or not refused and check("its own field", "1", fields["x-own"])
    or not refused and check("content", wanted.content, content)
    or check("the last one", not closes and LAST or "", behind:sub(-#LAST))
    or check("what stands between", closes and "" or "HTTP/1.1 200", behind:sub(1, 12))
    or nil
end

describe("an answer by the book,", function()
  local write

  setup(function()
    write = core.log
    core.log = function() end -- the refused ones
  end)

  teardown(function()
    core.log = write
  end)

  for _, maker in ipairs(MAKERS) do
    it("made of " .. maker.name, function()
      t.app(function(app)
        for _, status in ipairs(STATUSES) do
          for _, method in ipairs(METHODS) do
            if method ~= "HEAD" then
              app[method:lower()](app, "/" .. status, as_values(maker, status), { compress = true })
              app[method:lower()](app, "/object/" .. status, as_response(maker, status), { compress = true })
            end
          end
        end
        app:get("/last", function() return LAST end)
      end)
      local faults = {}
      for _, status in ipairs(STATUSES) do
        for _, method in ipairs(METHODS) do
          for _, version in ipairs(VERSIONS) do
            for _, path in ipairs { "/", "/object/" } do
              local text = bytes_of(method, path .. status, version, version.stays)
              local fault = fault_of(maker, status, method, version, text)
              faults[#faults + 1] = fault and ("%s %s%s %s: %s"):format(method, path, status, version.name, fault)
            end
          end
        end
      end
      assert.same({}, faults)
    end)
  end
end)
