-- What `tidegate new` makes: the files of a small gateway, each as its path and its text.
local README = [[
# A gateway

Made by `tidegate new`. What is in it:

- `routes/hello.lua`: a route. Every `.lua` file of the folder is loaded.
- `tests/hello_spec.lua`: its test. `tidegate test` runs them all, in no time: the clock is virtual.
- `tidegate.conf.lua`: the settings. `tidegate run --help` lists them.

`tidegate run` serves it on http://127.0.0.1:8000, `tidegate run --dev` with readable error pages; try
`curl http://127.0.0.1:8000/hello/Ada`. `tidegate check` loads everything and says what is wrong.
]]

local ROUTE = [[
-- A route: each request runs in a task of its own, and whatever waits in it lets everything else go on.
local tg = require "tidegate"

return function(app)
  app:get("/hello/{name}", function(request)
    if #request.params.name > 20 then
      tg.abort(400, "that is a long name")
    end
    tg.sleep(0.1)
    return { hello = request.params.name }
  end)
end
]]

local TEST = [[
-- The test of a route: it is served in this process, without sockets, and its sleep takes no time.
local t = require "tidegate.testing"

describe("the greeting", function()
  it("greets by name", function()
    local answer = t.app("routes"):get("/hello/Ada")
    assert.equal(200, answer.status)
    assert.equal("Ada", answer:json().hello)
  end)

  it("refuses long names", function()
    assert.equal(400, t.app("routes"):get("/hello/" .. ("x"):rep(21)).status)
  end)
end)
]]

local SETTINGS = [[
-- The settings; those that are left out have their defaults. Options of the command line stand above them.
return {
  listen = "127.0.0.1:8000",
  log_level = "info",
  request_timeout_ms = 30000, -- of a route, in milliseconds
}
]]

return {
  { "README.md", README },
  { "routes/hello.lua", ROUTE },
  { "tests/hello_spec.lua", TEST },
  { "tidegate.conf.lua", SETTINGS },
}
