-- Files of a folder: types, validators, ranges, precompressed variants, and no way out of it.
local t = require "tidegate.testing"
local tg = require "tidegate"
local folder = require "tests.support.folder"
local lfs = require "lfs"

local BIG = ("0123456789abcdef"):rep(64 * 1024) -- 1 MiB

describe("app:static", function()
  local files, client

  setup(function()
    files = folder.new {
      ["public/hello.txt"] = "hello",
      ["public/index.html"] = "<h1>home</h1>",
      ["public/sub/index.html"] = "<h1>sub</h1>",
      ["public/sub/a b.css"] = "a{}",
      ["public/empty"] = "",
      ["public/.secret"] = "no",
      ["public/.git/config"] = "no",
      ["public/.well-known/acme-challenge/token"] = "yes",
      ["public/.well-known/index.html"] = "known",
      ["public/.well-known/.secret"] = "no",
      ["public/.well-known/a/.well-known/b"] = "no",
      ["public/.well-knowns/x"] = "no",
      ["public/sub/.well-known/x"] = "no",
      ["public/big.bin"] = BIG,
      ["public/app.js"] = "let x = 1",
      ["public/app.js.gz"] = "gzipped",
      ["public/app.js.br"] = "brotli'd",
      ["outside.txt"] = "canary",
    }
    files:link("public/link-out", files.path .. "/outside.txt")
    files:link("public/link-in", "hello.txt")
    files:link("public/up", "..")
    files:link("public/root", "/")
  end)

  teardown(function()
    files:remove()
  end)

  before_each(function()
    client = t.app(function(app)
      app:static("/assets", files.path .. "/public")
      app:static("/hidden", files.path .. "/public", { dotfiles = true, cache_control = "max-age=60",
        types = { txt = "text/x-own" } })
      app:get("/assets/generated", function() return "generated" end)
    end)
  end)

  it("serves a file with its type, its tag and its time", function()
    local answer = client:get "/assets/hello.txt"
    assert.equal(200, answer.status)
    assert.equal("hello", answer:body())
    assert.equal("text/plain; charset=utf-8", answer.headers["content-type"])
    assert.equal("5", answer.headers["content-length"])
    assert.equal("bytes", answer.headers["accept-ranges"])
    assert.matches('^"[%x.-]+"$', answer.headers.etag)
    assert.matches("^%a%a%a, %d%d %a%a%a %d%d%d%d %d%d:%d%d:%d%d GMT$", answer.headers["last-modified"])
    assert.is_nil(answer.headers["cache-control"])
  end)

  it("takes options", function()
    local answer = client:get "/hidden/hello.txt"
    assert.equal("text/x-own", answer.headers["content-type"])
    assert.equal("max-age=60", answer.headers["cache-control"])
    assert.equal("no", client:get("/hidden/.secret"):body())
  end)

  it("serves empty files, names that are encoded, and links inside", function()
    local answer = client:get "/assets/empty"
    assert.equal(200, answer.status)
    assert.equal("", answer:body())
    assert.equal("application/octet-stream", answer.headers["content-type"])
    assert.equal("a{}", client:get("/assets/sub/a%20b.css"):body())
    assert.equal("hello", client:get("/assets/link-in"):body())
  end)

  it("serves a folder's index, and sends whoever forgets the slash there", function()
    assert.equal("<h1>home</h1>", client:get("/assets/"):body())
    assert.equal("<h1>sub</h1>", client:get("/assets/sub/"):body())
    local answer = client:get("/assets/sub", { query = { a = 1 } })
    assert.equal(301, answer.status)
    assert.equal("./sub/?a=1", answer.headers.location)
    assert.equal("./assets/", client:get("/assets").headers.location)
  end)

  it("answers HEAD as GET, without the body", function()
    local answer = client:head "/assets/big.bin"
    assert.equal(200, answer.status)
    assert.equal(tostring(#BIG), answer.headers["content-length"])
    assert.equal("", answer:body())
  end)

  it("gives way to a route that is more specific", function()
    assert.equal("generated", client:get("/assets/generated"):body())
  end)

  it("says 404 for what is not there, is hidden, or no file, and 405 for other methods", function()
    for _, path in ipairs { "nothing", "sub/nothing", "hello.txt/", "hello.txt/x", ".secret", ".git/config", "up/x",
      ("x"):rep(300), ("x/"):rep(600) } do
      assert.equal(404, client:get("/assets/" .. path).status, path)
    end
    assert.equal(405, client:post("/assets/hello.txt").status)
  end)

  it("serves the .well-known of its folder, and no other name with a dot", function()
    assert.equal("yes", client:get("/assets/.well-known/acme-challenge/token"):body())
    assert.equal("known", client:get("/assets/.well-known/"):body())
    assert.equal("./.well-known/", client:get("/assets/.well-known").headers.location)
    for _, path in ipairs { ".well-known/.secret", ".well-known/a/.well-known/b", ".well-knowns/x", ".well-known/x",
      "sub/.well-known/x", ".Well-Known/index.html", ".well-known//.secret", ".well-known/acme-challenge/%2esecret" } do
      assert.equal(404, client:get("/assets/" .. path).status, path)
    end
    assert.equal("no", client:get("/hidden/sub/.well-known/x"):body())
  end)

  it("has no way out", function()
    for _, path in ipairs { "link-out", "root/etc/passwd", "root", "up/outside.txt", "up", "..%2foutside.txt",
      "%2e%2e%2foutside.txt", "sub/..%2f..%2foutside.txt", "%2fetc%2fpasswd", "..%5coutside.txt",
      "sub/%2e%2e%2f%2e%2e%2foutside.txt" } do
      local answer = client:get("/assets/" .. path)
      assert.equal(404, answer.status, path)
      assert.is_nil(answer:body():find("canary", 1, true))
    end
    assert.equal(404, client:get("/assets/../outside.txt").status)
    assert.equal(400, client:get("/assets/hello.txt%00").status)
    assert.equal(400, client:get("/assets/../../outside.txt").status)
  end)

  it("answers 304 to whoever has it, and 412 to whoever has another", function()
    local first = client:get "/assets/hello.txt"
    local etag, modified = first.headers.etag, first.headers["last-modified"]
    local function status(headers)
      local answer = client:get("/assets/hello.txt", { headers = headers })
      return answer.status, answer
    end
    local code, answer = status { ["If-None-Match"] = etag }
    assert.equal(304, code)
    assert.equal(etag, answer.headers.etag)
    assert.equal("", answer:body())
    assert.equal(304, (status { ["If-None-Match"] = '"x", W/' .. etag }))
    assert.equal(200, (status { ["If-None-Match"] = '"x"' }))
    assert.equal(304, (status { ["If-Modified-Since"] = modified }))
    assert.equal(200, (status { ["If-Modified-Since"] = "Sun, 06 Nov 1994 08:49:37 GMT" }))
    assert.equal(200, (status { ["If-None-Match"] = '"x"', ["If-Modified-Since"] = modified }))
    assert.equal(412, (status { ["If-Match"] = '"x"' }))
    assert.equal(412, (status { ["If-Unmodified-Since"] = "Sun, 06 Nov 1994 08:49:37 GMT" }))
  end)

  it("sends the part that is asked for", function()
    local function part(range, headers)
      headers = headers or {}
      headers.Range = range
      local answer = client:get("/assets/hello.txt", { headers = headers })
      return answer.status, answer:body(), answer.headers["content-range"], answer
    end
    local code, body, of = part "bytes=1-3"
    assert.same({ 206, "ell", "bytes 1-3/5" }, { code, body, of })

    assert.equal("lo", select(2, part "bytes=3-"))
    assert.equal("llo", select(2, part "bytes=-3"))
    assert.equal(200, (part "bytes=0-1,3-4"))
    assert.equal(200, (part "lines=1-2"))
    local status, _, content_range = part "bytes=9-"
    assert.equal(416, status)
    assert.equal("bytes */5", content_range)
    local etag = client:get("/assets/hello.txt").headers.etag
    assert.equal(206, (part("bytes=1-3", { ["If-Range"] = etag })))
    assert.equal(200, (part("bytes=1-3", { ["If-Range"] = '"other"' })))
  end)

  it("sends what is large, and parts of it", function()
    assert.equal(BIG, client:get("/assets/big.bin"):body())
    local answer = client:get("/assets/big.bin", { headers = { Range = "bytes=500000-900000" } })
    assert.equal(BIG:sub(500001, 900001), answer:body())
  end)

  it("sends a variant that is compressed already to whoever takes it", function()
    local function coding(accepted)
      local answer = client:get("/assets/app.js", { headers = { ["Accept-Encoding"] = accepted } })
      assert.equal("text/javascript; charset=utf-8", answer.headers["content-type"])
      assert.equal("Accept-Encoding", answer.headers.vary)
      return answer.headers["content-encoding"], answer:body()
    end
    assert.same({ "br", "brotli'd" }, { coding "gzip, br" })
    assert.same({ "gzip", "gzipped" }, { coding "gzip" })
    assert.same({ "gzip", "gzipped" }, { coding "br;q=0.5, gzip" })
    assert.equal("let x = 1", select(2, coding "identity"))
    local plain, gzip = client:get "/assets/app.js", client:get("/assets/app.js",
      { headers = { ["Accept-Encoding"] = "gzip" } })
    assert.are_not.equal(plain.headers.etag, gzip.headers.etag)
  end)

  it("holds nothing of a large file while the client is slow, and lets it go when that leaves", function()
    local stream = tg.tcp.connect("app.test", 80)
    stream:write "GET /assets/big.bin HTTP/1.1\r\nHost: h\r\n\r\n"
    stream:read_until "\r\n\r\n"
    local read = 0
    while read < #BIG do
      read = read + #stream:read(16 * 1024)
      tg.sleep(1)
    end
    assert.equal(#BIG, read)
    stream:write "GET /assets/big.bin HTTP/1.1\r\nHost: h\r\n\r\n"
    stream:read()
    stream:close()
  end)

  it("lets every file go at once, whatever it answers", function()
    local function count_descriptors()
      local count = 0
      for _ in lfs.dir "/proc/self/fd" do
        count = count + 1
      end
      return count
    end
    local function ask(path, headers)
      return client:get("/assets/" .. path, { headers = headers }).status
    end
    local old = files:file "public/old.js.gz"
    files:write("public/old.js", "new")
    files:write("public/old.js.gz", "stale")
    assert(lfs.touch(old, 0, 0))
    ask "app.js" -- opens what stays open
    collectgarbage "stop"
    local before = count_descriptors()
    for _ = 1, 5 do
      assert.equal(200, ask("app.js", { ["Accept-Encoding"] = "gzip" }))
      assert.equal(200, ask("app.js", { ["Accept-Encoding"] = "identity" }))
      assert.equal(200, ask "old.js")
      assert.equal(304, ask("hello.txt", { ["If-None-Match"] = "*" }))
      assert.equal(412, ask("hello.txt", { ["If-Match"] = '"x"' }))
      assert.equal(416, ask("hello.txt", { Range = "bytes=9-" }))
      assert.equal(404, ask "nothing")
    end
    local after = count_descriptors()
    collectgarbage "restart"
    assert.equal(before, after)
  end)

  it("refuses what it cannot serve, when routes are loaded", function()
    local function message(...)
      local arguments = { ... }
      local ok, err = pcall(t.app, function(app)
        app:static(unpack(arguments))
      end)
      assert.is_false(ok)
      return err
    end
    assert.matches("static_spec.lua:%d+: app:static: the folder .*/nowhere cannot be opened: no such file or directory",
      message("/a", files.path .. "/nowhere"))
    assert.matches("the folder .* cannot be opened: not a directory", message("/a", files.path .. "/outside.txt"))
    assert.matches('the prefix must be a path like "/assets", not the string "a"', message("a", files.path), 1, true)
    assert.matches("app:static has no option \"indx\"", message("/a", files.path, { indx = "x" }), 1, true)
    assert.matches("index must be the name of a file, not 1", message("/a", files.path, { index = 1 }), 1, true)
  end)
end)
