-- Fields that are handed on, as a table: what the client sent × what a script does with it × how it writes the name ×
-- how it hands the fields on; and the very lines that an upstream receives.
local listen_in_memory = require "tests.support.listen_in_memory"
local t = require "tidegate.testing"
local tg = require "tidegate"

local URL = "http://up.test/x"

local handler

before_each(function() -- a test has one app
  t.app(function(app)
    app:post("/x", function(request) return handler(request) end)
  end)
end)

-- Calls `handle` for a request with these lines; the lines of the head that the upstream got, and the status of the
-- answer. `fields` are of the upstream's answer. Where it `waits`, the call is one that the request does not wait for.
local function upstream_gets(lines, handle, fields, waits)
  local streams, close = listen_in_memory "up.test"
  handler = handle
  local got, answer = nil, {}
  tg.race {
    function()
      repeat tg.sleep(0.01) until streams[1]
      got = streams[1]:read_until "\r\n\r\n"
      streams[1]:write(("HTTP/1.1 200 OK\r\n%sContent-Length: 2\r\n\r\nhi"):format(fields or ""))
      tg.sleep(10)
    end,
    function()
      local stream = tg.tcp.connect("app.test", 80)
      stream:write(("POST /x HTTP/1.1\r\nHost: client.test\r\nConnection: close\r\n%s\r\nab"):format(
        table.concat(lines, "\r\n") .. "\r\nContent-Length: 2\r\n"))
      answer.head = stream:read_until "\r\n\r\n"
      answer.status = tonumber(answer.head:match "^HTTP/1.1 (%d+)")
      stream:close()
      while waits and not got do tg.sleep(0.01) end
      return true
    end,
  }
  close()
  local received = {}
  for line in (got or ""):gmatch "([^\r\n]+)\r\n" do
    received[#received + 1] = line
  end
  return received, answer
end

-- The lines of a field, and of those whose names a server might take for its own: in lower case, in their order.
local function lines_of(received, name)
  local found = {}
  for _, line in ipairs(received) do
    local plain = line:match "^[^:]+":lower():gsub("[^%w]", "-")
    if plain == name then
      found[#found + 1] = line:match "^[^:]+":lower() .. line:match "^[^:]+(.*)$"
    end
  end
  return found
end

-- --- the table

local CLIENTS = {
  ["nothing"] = { lines = { "X-Other: 1" }, sends = {} },
  ["it once"] = { lines = { "X-User: evil" }, sends = { "x-user: evil" } },
  ["it twice"] = { lines = { "X-User: evil", "X-User: root" }, sends = { "x-user: evil", "x-user: root" } },
  ["it in capitals"] = { lines = { "X-USER: evil" }, sends = { "x-user: evil" } },
  ["it in several spellings"] = { lines = { "x-user: evil", "X-USER: root", "X-User: a" },
    sends = { "x-user: evil", "x-user: root", "x-user: a" } },
  ["it with an underscore"] = { lines = { "X_User: evil" }, sends = { "x_user: evil" }, is_odd = true },
  ["it with a point, and as it is"] = { lines = { "X.User: root", "X-User: evil" }, sends = { "x-user: evil" } },
  ["it with an underscore, and twice as it is"] = { lines = { "X_User: root", "X-User: evil", "X-USER: a" },
    sends = { "x-user: evil", "x-user: a" } },
  ["it, and names it in Connection"] = { lines = { "X-User: evil", "Connection: x-USER" }, sends = {} },
  ["its name in Connection alone"] = { lines = { "Connection: x-user" }, sends = {} },
  ["what the script sets"] = { lines = { "X-User: alice" }, sends = { "x-user: alice" } },
  ["what the script sets, and another"] = { lines = { "X-User: alice", "X-User: root" },
    sends = { "x-user: alice", "x-user: root" } },
  ["what the script sets, named in Connection"] = { lines = { "X-User: alice", "Connection: x-user" }, sends = {},
    equal = true },
}

local OPERATIONS = {
  ["leaves it"] = {},
  ["sets it"] = { value = "alice", sends = { "x-user: alice" } },
  ["sets it to a number"] = { value = 9007199254740992, sends = { "x-user: 9007199254740992" } },
  ["sets it to a list"] = { value = { "alice", "bob" }, sends = { "x-user: alice", "x-user: bob" } },
  ["removes it"] = { value = false, sends = {} },
}

local SPELLINGS = { "x-user", "X-User", "X-USER" }

local function copy_of(map)
  local copy = {}
  for name, value in pairs(map) do
    copy[name] = value
  end
  return copy
end

local function assign(headers, name, value)
  if value ~= nil then
    headers[name] = value or nil
  end
  return headers
end

local WAYS = {
  ["in the map itself"] = function(headers, name, value)
    return tg.http.get(URL, { headers = assign(headers, name, value) })
  end,
  ["with tg.with"] = function(headers, name, value)
    return tg.http.get(URL, { headers = tg.with(headers, { [name] = value }) })
  end,
  ["with tg.with twice"] = function(headers, name, value)
    return tg.http.get(URL, { headers = tg.with(tg.with(headers, { [name] = value }), { ["X-Second"] = "1" }) })
  end,
  ["in a copy of the changed map"] = function(headers, name, value)
    return tg.http.get(URL, { headers = tg.with(assign(headers, name, value), {}) })
  end,
  ["in a copy by pairs"] = function(headers, name, value)
    local copy = copy_of(headers)
    if value == false then
      copy["x-user"] = nil -- the one spelling in which it stands there
    else
      assign(copy, name, value)
    end
    return tg.http.get(URL, { headers = copy })
  end,
  ["in a client"] = function(headers, name, value)
    return tg.http.client({ base_url = URL, headers = assign(headers, name, value) }):get ""
  end,
  ["in a client with tg.with"] = function(headers, name, value)
    return tg.http.client({ base_url = URL, headers = tg.with(headers, { [name] = value }) }):get("", {
      headers = { ["X-Second"] = "1" } })
  end,
  ["above a client's"] = function(headers, name, value)
    local client = tg.http.client { base_url = URL, headers = { ["X-USER"] = "client" } }
    return client:get("", { headers = assign(headers, name, value) })
  end,
  ["above the map of a client"] = function(headers, name, value)
    return tg.http.client({ base_url = URL, headers = headers }):get("", { headers = value and { [name] = value } })
  end,
  ["from a child's child"] = function(headers, name, value)
    return tg.gather({ function()
      return tg.gather({ function() return tg.http.get(URL, { headers = assign(headers, name, value) }) end })[1]
    end })[1]
  end,
}

-- What an upstream is to get.
local function expected(way, client, operation)
  if way == "above a client's" and #client.sends == 0 and not operation.sends then
    return { "x-user: client" } -- the gateway's own, whatever the client says
  elseif way == "above a client's" and operation.value == false then
    return { "x-user: client" }
  elseif way == "above a client's" and client.is_odd and not operation.sends then
    return { "x-user: client" }
  elseif way == "in a copy by pairs" and client.is_odd and operation.value == false then
    return client.sends -- nobody can see in a copy that what was not there was removed
  end
  return operation.sends or client.sends
end

-- Cases that a way cannot tell: in a copy, what was set to the very value that came; a client's map, removed above it.
local function is_out(way, client, operation)
  return way == "in a copy by pairs" and client.equal and operation.value == "alice"
    or way == "above the map of a client" and operation.value == false
end

describe("a field that is handed on", function()
  for way, call in pairs(WAYS) do
    for what, client in pairs(CLIENTS) do
      it(("%s, where a client sends %s, is what the script made of it"):format(way, what), function()
        for does, operation in pairs(OPERATIONS) do
          for _, spelling in ipairs(is_out(way, client, operation) and {} or SPELLINGS) do
            local received, answer = upstream_gets(client.lines, function(request)
              return call(request.headers, spelling, operation.value).status, "fine"
            end)
            assert.equal(200, answer.status)
            assert.same(expected(way, client, operation), lines_of(received, "x-user"),
              ("%s as %s: %s"):format(does, spelling, table.concat(received, "\n")))
            assert.same({}, lines_of(received, "connection"))
          end
        end
      end)
    end
  end
end)

-- --- who the client is

local CLAIMS = {
  "X-Forwarded-For: 6.6.6.6", "X-Forwarded-For: 7.7.7.7", "X-Forwarded-Host: evil", "X-Forwarded-Proto: https",
  "X-Forwarded-Prefix: /evil", "Forwarded: for=6.6.6.6", "X-Real-IP: 6.6.6.6", "Proxy-Authorization: evil",
  "Expect: 100-continue", "TE: trailers", "Keep-Alive: 5", "Proxy-Connection: close", "Trailer: X-Evil",
  "X_Forwarded_For: 6.6.6.6", "X-Forwarded_For: 6.6.6.6", "X.Real.IP: 6.6.6.6", "Content_Length: 666",
  "Transfer_Encoding: chunked", "Cookie: a=b", "Authorization: mine",
}

describe("what a client says of itself and of the connection", function()
  for way, call in pairs(WAYS) do
    it("ends at the gateway, handed on " .. way, function()
      local received = upstream_gets(CLAIMS, function(request)
        return call(request.headers, "X-User", "alice").status, "fine"
      end)
      local text = table.concat(received, "\n"):lower()
      for _, wrong in ipairs { "6.6.6.6", "7.7.7.7", "evil", "https", "666", "\nexpect", "\nte:", "\nkeep", "\ntrailer",
        "proxy", "chunked", "_" } do
        assert.is_nil(text:find(wrong, 1, true), wrong .. " in " .. text)
      end
      assert.same({ "x-user: alice" }, lines_of(received, "x-user"))
      assert.same({ "cookie: a=b" }, lines_of(received, "cookie"))
      assert.same({ "authorization: mine" }, lines_of(received, "authorization"))
    end)
  end

  it("goes out as a script sets it", function()
    local received = upstream_gets(CLAIMS, function(request)
      return tg.http.get(URL, {
        headers = tg.with(request.headers, { ["X-Forwarded-For"] = "1.2.3.4", Forwarded = "for=1.2.3.4",
          ["Proxy-Authorization"] = "own", ["X-Real-IP"] = "1.2.3.4", ["X-Forwarded-Host"] = false }),
      }).status, "fine"
    end)
    assert.same({ "x-forwarded-for: 1.2.3.4" }, lines_of(received, "x-forwarded-for"))
    assert.same({ "forwarded: for=1.2.3.4" }, lines_of(received, "forwarded"))
    assert.same({ "proxy-authorization: own" }, lines_of(received, "proxy-authorization"))
    assert.same({ "x-real-ip: 1.2.3.4" }, lines_of(received, "x-real-ip"))
    assert.same({}, lines_of(received, "x-forwarded-host"))
    local plain = upstream_gets(CLAIMS, function()
      return tg.http.get(URL, { headers = { ["X-Forwarded-For"] = "1.2.3.4", ["X_Own"] = "1" } }).status, "fine"
    end)
    assert.same({ "x-forwarded-for: 1.2.3.4" }, lines_of(plain, "x-forwarded-for"))
    assert.same({ "x_own: 1" }, lines_of(plain, "x-own"))
  end)

  it("does not go on in a table that has some of its fields", function()
    local received = upstream_gets(CLAIMS, function(request)
      local headers = { ["X-User"] = "alice" }
      for _, name in ipairs { "X-Forwarded-For", "Forwarded", "X-Real-IP", "Authorization" } do
        headers[name] = request.headers[name]
      end
      return tg.http.get(URL, { headers = headers }).status, "fine"
    end)
    assert.is_nil(table.concat(received, "\n"):find("6.6.6.6", 1, true))
    assert.same({ "authorization: mine" }, lines_of(received, "authorization"))
  end)
end)

-- --- when its request is over

describe("a request's headers", function()
  local IDENTITY = { "X-Forwarded-For: 6.6.6.6", "Cookie: a=first", "Authorization: first", "X-Kept: 1" }

  it("lend nobody else a client's identity, kept in a client or handed to another task", function()
    local client, headers
    local keep = upstream_gets(IDENTITY, function(request)
      headers = request.headers
      client = tg.http.client { base_url = URL, headers = headers }
      return client:get("").status, "fine"
    end)
    assert.same({ "authorization: first" }, lines_of(keep, "authorization"))
    for _, call in ipairs {
      function() return client:get "" end,
      function() return client:get("", { headers = { ["X-Own"] = "1" } }) end,
      function() return tg.http.get(URL, { headers = tg.with(headers, { ["X-Own"] = "1" }) }) end,
      function() return tg.gather({ function() return client:get "" end })[1] end,
    } do
      local received, answer = upstream_gets({ "Authorization: second" }, function()
        return call().status, "fine"
      end)
      assert.equal(200, answer.status)
      local text = table.concat(received, "\n"):lower()
      assert.is_nil(text:find("first", 1, true))
      assert.is_nil(text:find("x-forwarded-", 1, true))
      assert.same({ "x-kept: 1" }, lines_of(received, "x-kept"))
    end
    headers.authorization = "gateway"
    local received = upstream_gets({}, function() return client:get("").status, "fine" end)
    assert.same({ "authorization: gateway" }, lines_of(received, "authorization"))
  end)

  it("say nothing of a client that is gone, in a background task, and all else", function()
    local is_over = false
    local received = upstream_gets(IDENTITY, function(request)
      local headers = request.headers
      tg.background(function()
        tg.sleep(1)
        is_over = not pcall(function() return request.scheme end)
        tg.http.get(URL, { headers = headers })
      end)
      return "fine"
    end, nil, true)
    assert.is_true(is_over)
    assert.same({}, lines_of(received, "x-forwarded-for"))
    assert.same({ "x-kept: 1" }, lines_of(received, "x-kept"))
    assert.same({ "cookie: a=first" }, lines_of(received, "cookie"))
  end)
end)

-- --- the gateway's own fields

describe("what the gateway adds", function()
  it("is taken out by no Connection of a client", function()
    local received = upstream_gets({ "Connection: x-api-key, x-own, authorization, user-agent", "X-Api-Key: evil" },
      function(request)
        local client = tg.http.client { base_url = URL, headers = { ["X-Api-Key"] = "secret" } }
        return client:post("", { headers = tg.with(request.headers, { ["X-Own"] = "1" }), body = "x" }).status, "fine"
      end)
    assert.same({ "x-api-key: secret" }, lines_of(received, "x-api-key"))
    assert.same({ "x-own: 1" }, lines_of(received, "x-own"))
    assert.equal(1, #lines_of(received, "user-agent"))
  end)

  it("is taken out by no Connection of an upstream", function()
    local FIELDS = "Connection: content-security-policy, set-cookie, x-hop\r\nX-Hop: 1\r\nSet-Cookie: evil=1\r\n"
    for _, answer_with in ipairs {
      function(answer)
        return tg.response { headers = tg.with(answer.headers, { ["Content-Security-Policy"] = "own" }),
          cookies = { own = "1" } }
      end,
      function(answer)
        local response = tg.response { headers = answer.headers, cookies = { own = "1" } }
        response.headers["content-security-policy"] = "own"
        return response
      end,
      function(answer)
        answer.headers["Content-Security-Policy"], answer.headers["set-cookie"] = "own", "own=1"
        return 200, "x", answer.headers
      end,
      function(answer)
        local copy = copy_of(answer.headers)
        copy["Content-Security-Policy"], copy["Set-Cookie"] = "own", "own=1"
        return 200, "x", copy
      end,
    } do
      local _, answer = upstream_gets({}, function() return answer_with(tg.http.get(URL)) end, FIELDS)
      local head = answer.head:lower()
      assert.equal(200, answer.status)
      assert.matches("\r\ncontent%-security%-policy: own\r\n", head)
      assert.matches("\r\nset%-cookie: own=1", head)
      assert.is_nil(head:find("x-hop", 1, true))
      assert.is_nil(head:find("evil", 1, true))
    end
  end)
end)

describe("what is kept to know copies by", function()
  it("is forgotten when its request is over, however that ends", function()
    local copies = require "tidegate.copies"
    for _, finish in ipairs {
      function() return "fine" end,
      function() tg.abort(400) end,
      function() error "on purpose" end,
    } do
      assert.equal(0, copies.live.count)
      upstream_gets({ "X-A: 1" }, function(request)
        local answer = tg.http.get(URL, { headers = request.headers })
        assert.equal(1, copies.live.count)
        return answer.headers["x-a"] or finish()
      end)
      tg.sleep(0.01)
      assert.equal(0, copies.live.count)
    end
  end)
end)
