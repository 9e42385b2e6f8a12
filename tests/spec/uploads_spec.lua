-- The example route that stores uploads, over bodies whose chunks come as each test says. Files are written in threads,
-- so the clock is the real one; nothing here measures time. #realtime
local directory = require "pl.dir"
local core = require "tidegate.core"
local t = require "tidegate.testing"
local tg = require "tidegate"
local folder = require "tests.support.folder"
local wait = require "tests.support.wait"

local FORM = { ["Content-Type"] = "multipart/form-data; boundary=b" }

local function names_in(path)
  local names = {}
  for _, name in ipairs(core.list_folder(path)) do
    if name ~= "." and name ~= ".." then
      names[#names + 1] = name
    end
  end
  return names
end

local function part(name, filename, body)
  local names = filename and ('%s"; filename="%s'):format(name, filename) or name
  return ('--b\r\nContent-Disposition: form-data; name="%s"\r\nContent-Type: text/x\r\n\r\n%s\r\n'):format(names, body)
end

local function pieces(body, size)
  local at = 1 - size
  return function()
    at = at + size
    return at <= #body and body:sub(at, at + size - 1) or nil
  end
end

describe("uploads #realtime", function()
  local files, env, path

  before_each(function()
    files, env, path = folder.new(), tg.env, package.path
    package.path = "routes/?.lua;" .. path
    tg.env = function(name, ...)
      return name == "TIDEGATE_UPLOADS" and files.path or env(name, ...)
    end
  end)

  after_each(function()
    tg.env, package.path = env, path
    files:remove()
  end)

  -- The route, for requests whose chunks come from a function of their whole body.
  local function serve(chunks_of)
    return t.app(function(app)
      app:use(function(request, next)
        rawset(request, "id", "../of/a/proxy") -- no name of a file is made of it
        rawset(request, "chunks", function(self)
          return chunks_of(self:body())
        end)
        return next(request)
      end)
      dofile "routes/uploads.lua"(app)
    end)
  end

  local function post(client, body)
    return client:post("/uploads/", { headers = FORM, body = body })
  end

  local function stored()
    return names_in(files.path)
  end

  local function in_pieces(size)
    return function(body)
      return pieces(body, size)
    end
  end

  it("store each file under a name of their own", function()
    local client = serve(in_pieces(100))
    local large = ("0123456789\r\n"):rep(5000)
    local answer = post(client, part("title", nil, "Summer") .. part("photo", "../../etc/a.jpg", large)
      .. part("none", "", "") .. part("photo", "../../etc/a.jpg", "") .. "--b--")
    assert.equal(201, answer.status)
    local list = answer:json().files
    assert.equal(2, #list)
    for index, expected in ipairs { large, "" } do
      local file = list[index]
      assert.same({ "photo", "../../etc/a.jpg", "text/x", #expected },
        { file.field, file.filename, file.type, file.bytes })
      assert.matches("^[%x-]+$", file.stored_as)
      assert.equal(expected, files:read(file.stored_as))
    end
    assert.equal(2, #stored())
  end)

  it("answer with an empty list where the form has no file", function()
    assert.equal('{"files":[]}', post(serve(in_pieces(10)), part("a", nil, "1") .. "--b--"):body())
    assert.same({}, stored())
  end)

  it("go on several at once", function()
    local begun, all_begun = 0, tg.event()
    local client = serve(function(body)
      local next_piece, count = pieces(body, 50), 0
      return function()
        count = count + 1
        if count == 3 then -- in the middle of the file: none goes on before all have come so far
          begun = begun + 1
          if begun == 5 then
            all_begun:set()
          end
          all_begun:wait()
        end
        return next_piece()
      end
    end)
    local answers = wait.within(function()
      return tg.map(tg.range(1, 5), function(number)
        return post(client, part("f", "f", tostring(number):rep(1000)) .. "--b--"):json().files[1]
      end)
    end)
    for number, file in ipairs(answers) do
      assert.equal(tostring(number):rep(1000), files:read(file.stored_as))
    end
    assert.equal(5, #stored())
  end)

  it("leave nothing behind where the form is broken", function()
    local answer = post(serve(in_pieces(7)), part("f", "f", "whole") .. part("g", "g", "torn"))
    assert.equal(400, answer.status)
    assert.same({}, stored())
  end)

  -- The client leaves when `is_time` says so; the handler waits for bytes that never come.
  local function leave_when(what, is_time)
    local waits = false
    local client = serve(function(body)
      local next_piece = pieces(body, 100)
      return function()
        local bytes = next_piece()
        if not bytes then
          waits = true
          tg.sleep(3600)
        end
        return bytes
      end
    end)
    tg.race {
      function()
        post(client, part("f", "f", "whole") .. part("g", "g", ("x"):rep(1000)))
      end,
      function()
        wait.until_true(what, function()
          return is_time(waits)
        end)
      end,
    }
    wait.until_true("the files are gone", function()
      return #stored() == 0
    end)
  end

  it("leave nothing behind where the client leaves while more is waited for", function()
    leave_when("the handler waits", function(waits)
      return waits and #stored() == 2
    end)
  end)

  it("leave nothing behind where the client leaves while threads are at work", function()
    leave_when("a file is there", function()
      return #stored() > 0
    end)
  end)

  it("have a folder of their own where none is set", function()
    local blocking, fresh = tg.blocking, {}
    tg.env = function(name, ...)
      return name ~= "TIDEGATE_UPLOADS" and env(name, ...) or nil
    end
    tg.blocking = function(module, name, ...)
      local result = blocking(module, name, ...)
      if name == "new_folder" then
        fresh[#fresh + 1] = result
      end
      return result
    end
    local client = serve(in_pieces(1000))
    local bodies = tg.map({ "one", "two" }, function(body)
      return post(client, part("f", "f", body) .. "--b--"):json().files
    end)
    tg.blocking = blocking
    assert.equal(1, #fresh)
    for index, body in ipairs { "one", "two" } do
      local file = assert(io.open(fresh[1] .. "/" .. bodies[index][1].stored_as))
      assert.equal(body, file:read "*a")
      file:close()
    end
    directory.rmtree(fresh[1])
    assert.same({}, stored())
  end)
end)

describe("the store of uploads", function()
  local store = dofile "routes/lib/store.lua"
  local files

  before_each(function()
    files = folder.new { there = "text" }
  end)

  after_each(function()
    files:remove()
  end)

  it("makes no file twice", function()
    store.create(files:file "new")
    assert.is_false(pcall(store.create, files:file "new"))
    assert.is_false(pcall(store.create, files:file "there"))
    assert.equal("text", files:read "there")
  end)

  it("adds to files that are there, and brings none back", function()
    store.append(files:file "there", " and more")
    assert.equal("text and more", files:read "there")
    store.remove { files:file "there", files:file "nowhere" }
    assert.is_false(pcall(store.append, files:file "there", "late"))
    assert.same({}, names_in(files.path))
  end)

  it("says when the disk is full", function()
    assert.is_false(pcall(store.append, "/dev/full", "text"))
  end)
end)
