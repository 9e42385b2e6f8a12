-- 22,582 ways to climb out of a folder, collected by others, and a canary in every place that they might reach.
local core = require "tidegate.core"
local t = require "tidegate.testing"
local tg = require "tidegate"
local folder = require "tests.support.folder"

local LIST = "../shared/data/traversal/traversal.txt.gz"
local DEPTH = 4
local WANTED = { "etc/passwd", "etc/issue", "boot.ini", "windows/system32/drivers/etc/hosts", "FILE" }

local function read_list()
  local file = io.open(LIST, "rb")
  if not file then
    print("no ../shared/data/traversal here: its paths were not tried against a static route")
    return ""
  end
  local bytes = file:read "*a"
  file:close()
  local decoder, pieces, at = core.decoder("gzip", 1e8, 1e4), {}, 1
  repeat
    local piece
    piece, at = core.decode(decoder, bytes, at, true)
    pieces[#pieces + 1] = piece
  until not at
  return table.concat(pieces)
end

-- A folder far below, and what is wanted in every folder above it.
local function plant()
  local files = folder.new()
  local path = ""
  for depth = 0, DEPTH do
    for _, name in ipairs(WANTED) do
      files:write(path .. name, "canary")
    end
    path = path .. "below" .. depth .. "/"
  end
  files:write(path .. "inside.txt", "inside")
  return files, files.path .. "/" .. path
end

-- A request may be refused so that its connection ends.
local function ask(stream, target)
  stream:write("GET " .. target .. " HTTP/1.1\r\nHost: h\r\n\r\n")
  local head = stream:read_until "\r\n\r\n"
  local length = tonumber(head:match "Content%-Length: (%d+)" or 0)
  local body = ""
  while #body < length do
    body = body .. stream:read(length - #body)
  end
  return tonumber(head:match "^HTTP/1.1 (%d+)"), body, head:find("Connection: close", 1, true) ~= nil
end

describe("class 7: a static route", function()
  it("lets none of them out", function()
    local files, path = plant()
    t.app(function(app)
      app:static("/files", path, { dotfiles = true })
      app:static("/", path, { dotfiles = true })
    end)
    local stream, tried = tg.tcp.connect("app.test", 80), 0
    for line in read_list():gmatch "[^\n]+" do
      for _, prefix in ipairs { "/files/", "/" } do
        local target = prefix .. line:gsub("{FILE}", "etc/passwd"):gsub("[ %c]", "%%20")
        local status, body, closed = ask(stream, target)
        assert.is_true(status >= 300 and status < 500, target)
        assert.is_nil(body:find("canary", 1, true), target)
        assert.is_nil(body:find("root:", 1, true), target)
        tried = tried + 1
        if closed then
          stream:close()
          stream = tg.tcp.connect("app.test", 80)
        end
      end
    end
    stream:close()
    files:remove()
    assert.is_true(tried == 0 or tried == 2 * 22582)
  end)
end)
