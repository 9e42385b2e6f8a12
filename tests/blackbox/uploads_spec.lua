-- The example route that stores uploads, over real sockets: large ones at once, clients that leave, hostile names.
local tg = require "tidegate"
local folder = require "tests.support.folder"
local gateway = require "tests.support.gateway"
local lfs = require "lfs"
local pattern = require "tests.support.pattern"
local socket = require "tests.support.socket"
local wait = require "tests.support.wait"

local MB = 1024 * 1024
local UPLOADS, UPLOAD_BYTES = 4, 64 * MB
local HELD_BYTES_MAX = 32 * MB -- of all of them together: above all pieces that Lua has not collected, in five states

local function read_source(path)
  local file = assert(io.open(path))
  local text = file:read "*a"
  file:close()
  return text
end

local function part_head(filename)
  return ('--b\r\nContent-Disposition: form-data; name="f"; filename="%s"\r\n\r\n'):format(filename)
end

local FORM_END = "\r\n--b--\r\n"

local function request_head(length)
  return ("POST /uploads/ HTTP/1.1\r\nHost: test\r\nContent-Type: multipart/form-data; boundary=b\r\n"
    .. "Content-Length: %d\r\n\r\n"):format(length)
end

-- The file of an upload that begins its bytes at another place of the pattern than others do.
local function send_file(connection, first, bytes)
  local sent = 0
  while sent < bytes do
    local size = math.min(256 * 1024, bytes - sent)
    local count = assert(connection:write_nowait(pattern.at(first + sent), size), "the gateway takes nothing any more")
    sent = sent + count
    if count == 0 then
      tg.sleep(0.001)
    end
  end
end

local function check_file(path, first, size)
  local file, at = assert(io.open(path)), 0
  for bytes in function() return file:read(65536) end do
    assert(pattern.fits(first + at, bytes, #bytes), "the file is not what was sent")
    at = at + #bytes
  end
  file:close()
  assert.equal(size, at)
end

describe("uploads", function()
  local serving, outer, path

  local function stored()
    local names = {}
    for name in lfs.dir(path) do
      if name ~= "." and name ~= ".." then
        names[#names + 1] = name
      end
    end
    return names
  end

  local function wait_until_none_is_stored()
    wait.until_true("the files are gone", function()
      return #stored() == 0
    end)
  end

  local function start(unsanitized)
    return gateway.start {
      routes = {
        ["uploads.lua"] = read_source "routes/uploads.lua", ["lib/store.lua"] = read_source "routes/lib/store.lua",
      },
      environment = { TIDEGATE_UPLOADS = path },
      unsanitized = unsanitized,
    }
  end

  setup(function()
    outer = folder.new { ["in/uploads/x"] = "", canary = "canary" }
    path = outer.path .. "/in/uploads"
    os.remove(path .. "/x")
    serving = start()
  end)

  after_each(function()
    for _, name in ipairs(stored()) do
      os.remove(path .. "/" .. name)
    end
  end)

  teardown(function()
    local log = serving:stop()
    outer:remove()
    assert.not_matches(" error ", log, 1, true)
  end)

  -- Uploads a file; the answer's list of files.
  local function upload(to, first, bytes)
    local connection, head = socket.connect(to.port), part_head "f"
    connection:write(request_head(#head + bytes + #FORM_END) .. head)
    send_file(connection, first, bytes)
    connection:write(FORM_END)
    assert.matches("^HTTP/1.1 201 ", wait.within(function() return connection:read_head() end))
    local list = tg.json.decode(connection:read_until "]}").files
    connection:close()
    return list
  end

  it("of 64 MiB each, several at once, are stored as they are and not held", function()
    local measured, results = start(true), nil
    upload(measured, 0, MB)
    local growth = measured:memory_growth(function()
      results = tg.map(tg.range(1, UPLOADS), function(number)
        return upload(measured, number * 1000, UPLOAD_BYTES)
      end)
    end)
    measured:stop()
    assert.is_true(growth < HELD_BYTES_MAX, growth .. " bytes are held")
    for number, list in ipairs(results) do
      assert.equal(UPLOAD_BYTES, list[1].bytes)
      check_file(path .. "/" .. list[1].stored_as, number * 1000, UPLOAD_BYTES)
    end
    assert.equal(UPLOADS + 1, #stored())
  end)

  it("leave nothing behind where their client leaves at any moment", function()
    local head = part_head "f"
    tg.map(tg.range(1, 60), function(number)
      local connection = socket.connect(serving.port)
      connection:write(request_head(#head + 4 * MB + #FORM_END) .. head)
      send_file(connection, 0, number * 50000)
      if number % 3 == 0 then
        wait.until_true("a file is there", function() return #stored() > 0 end)
      end
      (number % 2 == 0 and connection.close or connection.reset)(connection)
    end, { max = 8 })
    serving:wait_until_idle()
    wait_until_none_is_stored()
  end)

  it("leave nothing behind where the form is broken at its end", function()
    local connection, head = socket.connect(serving.port), part_head "f"
    local body = head .. pattern.piece(0, MB) .. "\r\n" .. part_head("g") .. "torn"
    connection:write(request_head(#body) .. body)
    assert.matches("^HTTP/1.1 400 ", connection:read_head())
    connection:close()
    wait_until_none_is_stored()
  end)

  it("stay in their folder, whatever their names", function()
    local names = {
      "../../canary", "/etc/passwd", "..", ".", "/", "", "..%2f..%2fcanary", "..\\\\..\\\\canary", "%00",
      "a/../../../x", ("x"):rep(4000), ("../"):rep(500) .. "tmp/tidegate-canary", "-rf",
      "$(touch canary)", "|id", "~root", "CON", "\xe2\x80\xae.exe", "file:///etc/passwd", "a\tb", "%0d%0aX: y",
    }
    local kept = 0
    for _, name in ipairs(names) do
      local connection, head = socket.connect(serving.port), part_head(name)
      local body = head .. "text" .. FORM_END
      connection:write(request_head(#body) .. body)
      local status = connection:read_head():match "^HTTP/1.1 (%d+) "
      assert.is_true(status == "201" or status == "400", name)
      kept = kept + (status == "201" and name ~= "" and 1 or 0)
      connection:close()
    end
    local list = stored()
    assert.equal(kept, #list)
    assert.is_true(kept > 10)
    for _, name in ipairs(list) do
      assert.matches("^%x+$", name)
      assert.equal("text", read_source(path .. "/" .. name))
    end
    assert.equal("canary", outer:read "canary")
    local around = {}
    for name in lfs.dir(outer.path .. "/in") do
      around[#around + 1] = name
    end
    assert.equal(3, #around)
  end)
end)
