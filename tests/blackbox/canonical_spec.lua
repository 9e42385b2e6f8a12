-- The canonical example, with the project's own routes.
local tg = require "tidegate"
local gateway = require "tests.support.gateway"
local socket = require "tests.support.socket"

local function get(path, host)
  return ("GET %s HTTP/1.1\r\nHost: %s\r\n\r\n"):format(path, host or "test")
end

describe("the delayed API", function()
  local serving = gateway.of_block { routes = "routes" }

  it("answers after its second, byte for byte, thirty at once", function()
    local started = tg.now()
    local answers = tg.map(tg.range(1, 30), function(number)
      return serving:ask(get("/sync/api/?task_id=" .. number))
    end)
    local seconds = tg.now() - started
    for number, answer in ipairs(answers) do
      assert.equal(200, answer.status)
      assert.equal("application/json", answer.headers["content-type"])
      local text = ('{"message":"Hello World!","task_id":"%d"}'):format(number)
      assert.same(tg.json.decode(text), tg.json.decode(answer.body))
      assert.equal(#text, #answer.body)
    end
    assert.is_true(seconds >= 1 and seconds < 15, "at once means not one after the other")
  end)

  it("has no task_id without a query", function()
    assert.same({ message = "Hello World!", task_id = tg.null }, tg.json.decode(serving:ask(get "/sync/api/").body))
  end)
end)

-- The number of a request that the aggregator sent.
local function task_id_of(head)
  return tonumber(head:match "^GET /sync/api/%?task_id=(%d+) HTTP/1.1\r\n")
end

local function answer_call(connection, task_id)
  local body = ('{"message":"Hello World!","task_id":"%d"}'):format(task_id)
  connection:write(("HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s"):format(#body, body))
  connection:close()
end

describe("the aggregator", function()
  it("fetches ten answers from the gateway itself, at once and in order", function()
    local serving = gateway.start { routes = "routes" }
    local answer = tg.json.decode(serving:ask(get "/async/api_aggregated/").body)
    for number = 1, 10 do
      assert.same({ message = "Hello World!", task_id = tostring(number - 1) }, answer.responses[number])
    end
    assert.equal(10, #answer.responses)
    local seconds = tonumber(answer.debug_message:match "^fetch executed in (%d+%.%d%d) seconds%.$")
    assert.is_true(seconds >= 1 and seconds < 5, answer.debug_message)
    serving:stop()
  end)

  it("sends all ten calls to TIDEGATE_UPSTREAM before the first is answered, and keeps their order", function()
    local upstream = socket.listen()
    local serving = gateway.start { routes = "routes", environment = { TIDEGATE_UPSTREAM = upstream.url } }
    local results = tg.gather {
      upstream = function()
        local calls = {}
        for index = 1, 10 do
          local connection = upstream:accept()
          calls[index] = { connection = connection, task_id = task_id_of(connection:read_head()) }
        end
        for index = 10, 1, -1 do
          answer_call(calls[index].connection, calls[index].task_id)
        end
      end,
      answer = function()
        return serving:ask(get "/async/api_aggregated/")
      end,
    }
    local responses = tg.json.decode(results.answer.body).responses
    for number = 1, 10 do
      assert.equal(tostring(number - 1), responses[number].task_id)
    end
    upstream:close()
    serving:stop()
  end)

  it("fails with the first call that does, and gives up the other nine", function()
    local upstream = socket.listen()
    local serving = gateway.start { routes = "routes", environment = { TIDEGATE_UPSTREAM = upstream.url } }
    local results = tg.gather {
      upstream = function()
        local connections = {}
        for index = 1, 10 do
          connections[index] = upstream:accept()
          connections[index]:read_head()
        end
        connections[4]:write "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nnope"
        for index = 1, 10 do
          if index ~= 4 then
            assert.equal("", connections[index]:read_rest())
          end
          connections[index]:close()
        end
      end,
      answer = function()
        return serving:ask(get "/async/api_aggregated/")
      end,
    }
    assert.equal(502, results.answer.status)
    assert.equal("an upstream's answer is not JSON", tg.json.decode(results.answer.body).detail)
    upstream:close()
    serving:stop()
  end)
end)

describe("the page at /", function()
  it("is one HTML page that needs nothing else", function()
    local serving = gateway.start { routes = "routes" }
    local answer = serving:ask(get "/")
    assert.equal(200, answer.status)
    assert.matches("^text/html", answer.headers["content-type"])
    assert.matches("^<!doctype html>", answer.body:lower())
    assert.not_matches("src=[\"']?https?:", answer.body)
    assert.not_matches("<link[^>]*stylesheet", answer.body)
    serving:stop()
  end)
end)
