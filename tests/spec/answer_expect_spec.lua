-- Expect: 100-continue (RFC 9110 section 10.1.1), in every order of reading the body and of answering.
local answers = require "tests.support.answers"
local t = require "tidegate.testing"
local tg = require "tidegate"

local BODY = ("body "):rep(40)

-- What is done with a request, in the order in which it is done.
local ORDERS = {
  {
    name = "the body is read, then answered",
    handler = function(request) return request:body() end,
    asks = true, body = BODY,
  },
  {
    name = "the body is taken in pieces, then answered",
    handler = function(request)
      local parts = {}
      for piece in request:chunks() do
        parts[#parts + 1] = piece
      end
      return table.concat(parts)
    end,
    asks = true, body = BODY,
  },
  {
    name = "the answer begins, then the body is read",
    handler = function(request)
      return tg.response { body = function(write)
        write "so: "
        write(request:body())
      end }
    end,
    body = "so: " .. BODY,
  },
  {
    name = "the answer has a length and begins, then the body is taken in pieces",
    handler = function(request)
      return tg.response { headers = { ["Content-Length"] = 4 + #BODY }, body = function(write)
        write "so: "
        for piece in request:chunks() do
          write(piece)
        end
      end }
    end,
    body = "so: " .. BODY,
  },
  {
    name = "the body is read while the answer is written",
    handler = function(request)
      return tg.response { body = function(write)
        local body = request:body()
        write "so: "
        write(body)
      end }
    end,
    body = "so: " .. BODY,
  },
  { name = "answered without reading", handler = function() return "no" end, body = "no" },
  {
    name = "answered in pieces without reading",
    handler = function()
      return tg.response { body = function(write) write "no" end }
    end,
    body = "no",
  },
  { name = "refused", handler = function() tg.abort(403) end, status = 403 },
}

local FRAMINGS = {
  ["by its length"] = { ("Content-Length: %d"):format(#BODY), BODY },
  ["in chunks"] = { "Transfer-Encoding: chunked", ("%x\r\n%s\r\n0\r\n\r\n"):format(#BODY, BODY) },
}

-- Everything that comes on a connection, and what had come before the body was sent.
local function exchange(head, body)
  local stream = tg.tcp.connect("app.test", 80)
  local parts, early = {}, nil
  tg.move_on_after(9, tg.gather, {
    function()
      for bytes in function() return stream:read(65536) end do
        parts[#parts + 1] = bytes
      end
    end,
    function()
      stream:write(head)
      tg.sleep(3) -- by now whoever would say 100 has said it
      early = table.concat(parts)
      pcall(stream.write, stream, body)
    end,
  })
  stream:close()
  return table.concat(parts), early
end

local CONTINUE = "HTTP/1.1 100 Continue\r\n\r\n"

local function head_of(version, framing)
  return ("POST / HTTP/%s\r\nHost: h\r\nExpect: 100-continue\r\n%s\r\n\r\n"):format(version, framing)
end

describe("a client that expects 100, where", function()
  for _, order in ipairs(ORDERS) do
    for framing, at in pairs(FRAMINGS) do
      it(("%s, and the body comes %s, gets 100 before the answer or never"):format(order.name, framing), function()
        t.app(function(app) app:post("/", order.handler) end)
        local all, early = exchange(head_of("1.1", at[1]), at[2])
        assert.equal(order.asks and CONTINUE or "", early:match "^HTTP/1.1 100.-\r\n\r\n" or "")
        assert.is_nil(all:sub(2):find("HTTP/1.1 100", 1, true))
        local list = answers.parse(order.asks and all:sub(#CONTINUE + 1) or all)
        assert.equal(1, #list)
        assert.equal(order.status or 200, list[1].status)
        assert.is_true(list[1].whole)
        if order.body then
          assert.equal(order.body, list[1].body)
        end
        -- what follows the head could be the body or the next request: so nothing is read there as a request
        assert.equal(not order.asks, list[1].closes)
      end)
    end
  end

  it("the client does not wait, gets none, and its connection stays", function()
    t.app(function(app) app:post("/", ORDERS[1].handler) end)
    local request = head_of("1.1", FRAMINGS["by its length"][1]) .. BODY
    local all = exchange(request .. request, "")
    local list = answers.parse(all)
    assert.equal(2, #list)
    assert.equal(BODY, list[1].body)
    assert.equal(BODY, list[2].body)
    assert.is_false(list[1].closes)
  end)

  it("the version is HTTP/1.0, gets none", function()
    t.app(function(app) app:post("/", ORDERS[1].handler) end)
    local all, early = exchange(head_of("1.0", FRAMINGS["by its length"][1]), BODY)
    assert.equal("", early)
    assert.equal(BODY, answers.parse(all)[1].body)
  end)
end)
