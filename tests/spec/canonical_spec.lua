-- The canonical example, as a user would test it: the project's own routes, on the virtual clock.
local t = require "tidegate.testing"
local tg = require "tidegate"

local PROCESSOR_SECONDS_MAX = 0.05

describe("The aggregator on the virtual clock", function()
  it("takes exactly a second, and has all ten answers in order", function()
    local client = t.app "routes"
    local started = t.clock.now()
    local answer = client:get "/async/api_aggregated/"
    assert.equal(1, t.clock.now() - started)
    assert.equal(200, answer.status)
    local expected = {}
    for number = 1, 10 do
      expected[number] = { message = "Hello World!", task_id = tostring(number - 1) }
    end
    assert.same({ responses = expected, debug_message = "fetch executed in 1.00 seconds." }, answer:json())
  end)

  it("takes less than 50 ms of the machine's time", function()
    local started = os.clock()
    t.app("routes"):get "/async/api_aggregated/"
    local spent = os.clock() - started
    assert.is_true(spent < PROCESSOR_SECONDS_MAX, ("%.3f s"):format(spent))
  end)
end)

describe("The delayed API on the virtual clock", function()
  it("answers after exactly a second", function()
    local started = t.clock.now()
    local answer = t.app("routes"):get "/sync/api/?task_id=1"
    assert.equal(1, t.clock.now() - started)
    assert.equal("application/json", answer.headers["Content-Type"])
    assert.same({ message = "Hello World!", task_id = "1" }, answer:json())
  end)

  it("has null for a task_id that is not there", function()
    assert.equal(tg.null, t.app("routes"):get("/sync/api/"):json().task_id)
  end)
end)
