-- What outside texts leave behind: nothing that grows with them. Whatever is remembered by a text that a client, an
-- upstream or a script's data has chosen is bounded in bytes.
local memo = require "tidegate.memo"
local query = require "tidegate.query"
local call_url = require "tidegate.call_url"
local t = require "tidegate.testing"
local tg = require "tidegate"

local LONG = 15 * 1024
local GROWTH_MAX = 1.5 * 1024 * 1024

local function bytes_in_use()
  collectgarbage()
  collectgarbage()
  return collectgarbage "count" * 1024
end

-- How many bytes are left when `fn` has been called so often with a text of that length which never came before.
local function left_behind(fn, times, length)
  fn(("w"):rep(length), 0)
  local before = bytes_in_use()
  for index = 1, times do
    fn(("%d-"):format(index) .. ("x"):rep(length), index)
  end
  return bytes_in_use() - before
end

describe("memo", function()
  it("remembers, but nothing long, and never more than its room", function()
    local made = 0
    local double = memo.new(function(key)
      made = made + 1
      return key .. key
    end, 10, 1000, 3)
    assert.equal("abab", double "ab")
    assert.equal("abab", double "ab")
    assert.equal(1, made)
    double(("l"):rep(11))
    double(("l"):rep(11))
    assert.equal(3, made)
    for index = 1, 100 do
      assert.equal(index .. index .. "", double(tostring(index)))
    end
    assert.equal("abab", double "ab")
    assert.equal(104, made)
  end)
end)

describe("memory", function()
  local users = {
    { "names of queries", function(text) query.text({ [text] = 1 }, "query") end },
    { "names and values of queries", function(text) query.text({ [text] = text, b = text }, "query") end },
    { "URLs", function(text) call_url.parse("http://a/" .. text) end },
    { "URLs with names", function(text)
      local url = "http://a/{id}/" .. text
      call_url.fill(call_url.parse(url), url, { id = text })
    end },
    { "hosts of URLs", function(text) pcall(call_url.parse, "http://" .. text .. "/") end },
    { "tg.url", function(text) tg.url.decode(tg.url.encode(text)) end },
    { "cookies", function(text) tg.response { cookies = { [text] = "x", a = text } } end },
    { "headers of responses", function(text) tg.response { headers = { [text] = text } } end },
  }
  for _, user in ipairs(users) do
    it("is not kept by " .. user[1], function()
      for _, size in ipairs { { 300, LONG }, { 10000, 200 }, { 20000, 20 } } do
        local left = left_behind(user[2], size[1], size[2])
        assert(left < GROWTH_MAX, ("%d texts of %d bytes left %d bytes"):format(size[1], size[2], left))
      end
    end)
  end

  -- Whole exchanges, through everything that looks at one.
  local function routes(app)
    app:get("/{rest...}", function(request)
      local seen = { request.params.rest, request.query.a or "", request.host, request.cookies.a or "" }
      for name, value in pairs(request.headers) do
        seen[#seen + 1] = name .. value
      end
      for name in pairs(request.query) do
        seen[#seen + 1] = name
      end
      return tostring(#table.concat(seen))
    end)
    app:post("/form", function(request)
      return tostring(next(request:form()))
    end)
    app:post("/parts", function(request)
      for part in request:parts() do
        part:body()
      end
    end)
    app:get("/hand-on", function(request)
      local answer = tg.http.get(app:url() .. "/x", { query = request.query, headers = request.headers })
      return answer.status, answer:body(), answer.headers
    end)
  end

  local requests = {
    { "paths", function(client, text) client:get("/" .. text) end },
    { "queries", function(client, text) client:get("/?" .. text .. "=1&a=" .. text) end },
    { "names of fields", function(client, text)
      client:get("/", { headers = { [text] = "1", Cookie = text .. "=1" } })
    end },
    { "fields", function(client, text)
      client:get("/", { headers = {
        Accept = text, ["Accept-Encoding"] = text, ["User-Agent"] = text, ["X-Forwarded-For"] = text,
        ["If-None-Match"] = text, Host = "a.test",
      } })
    end },
    { "hosts", function(client, text) client:get("/", { headers = { Host = text } }) end },
    { "forms", function(client, text) client:post("/form", { form = { [text] = text } }) end },
    { "parts", function(client, text)
      client:post("/parts", {
        body = ('--b\r\nContent-Disposition: form-data; name="%s"\r\n%s: x\r\n\r\nx\r\n--b--\r\n'):format(text, text),
        headers = { ["Content-Type"] = "multipart/form-data; boundary=b" },
      })
    end },
    { "messages handed on", function(client, text)
      client:get("/hand-on", { query = { [text] = text }, headers = { [text] = text } })
    end },
    { "methods", function(client, text) client:request(text, "/") end },
  }
  for _, user in ipairs(requests) do
    it("is not kept by " .. user[1] .. " of requests", function()
      local client = t.app(routes, { head_bytes_max = 1e6, body_bytes_max = 1e6 })
      for _, size in ipairs { { 150, LONG / 4 }, { 1000, 150 } } do
        local left = left_behind(function(text)
          pcall(user[2], client, text)
        end, size[1], size[2])
        assert(left < GROWTH_MAX / 4, ("%d texts of %d bytes left %d bytes"):format(size[1], size[2], left))
      end
    end)
  end
end)
