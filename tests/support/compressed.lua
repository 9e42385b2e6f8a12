-- Apps whose answers are compressed, for the specs of that, and what they are asked.
local assert = require "luassert"
local busted = require "busted"
local answer_coding = require "tidegate.answer_coding"
local compress = require "tidegate.compress"
local core = require "tidegate.core"
local t = require "tidegate.testing"
local tg = require "tidegate"

local compressed = {
  TEXT = ("compressible text, "):rep(200),
  ALL = "gzip, deflate, br, zstd",
  PLAIN_TEXT = { ["Content-Type"] = "text/plain" },
}

--- Bytes that do not become smaller.
function compressed.noise(size)
  local pieces = {}
  for index = 1, math.ceil(size / 256) do
    pieces[index] = core.random_bytes(256)
  end
  return table.concat(pieces):sub(1, size)
end

--- Calls `fn` while a function of the core is another one.
function compressed.with_core(name, other, fn)
  local own = core[name]
  core[name] = other
  local ok, err = pcall(fn)
  core[name] = own
  assert(ok, err)
end

--- Keeps count of what the core has made with `make` ("encoder") and has not closed with `close`, until the function
--- that is returned is called; that returns the count.
function compressed.count_open(make, close)
  local own_make, own_close, open = core[make], core[close], {}
  core[make] = function(...)
    local coder = own_make(...)
    if coder then
      open[coder] = true
    end
    return coder
  end
  core[close] = function(coder)
    open[coder] = nil
    own_close(coder)
  end
  return function()
    core[make], core[close] = own_make, own_close
    local count = 0
    for _ in pairs(open) do
      count = count + 1
    end
    return count
  end
end

--- An app of one route that gives what `handler` does; it compresses where the options do not say otherwise.
function compressed.app_of(handler, options, route_options)
  options = options or {}
  if options.compress == nil then
    options.compress = true
  end
  return t.app(function(app)
    app:get("/", handler, route_options)
  end, options)
end

--- Asks an app for a path, "/" where there is none, with that Accept-Encoding.
function compressed.get(client, accepted, path)
  return client:get(path or "/", { headers = { ["Accept-Encoding"] = accepted } })
end

--- The body of an answer, decoded.
function compressed.decoded(answer)
  return compress.decode(answer.headers["content-encoding"], answer:body())
end

--- Lets everything run that can.
function compressed.settle()
  for _ = 1, 20 do
    tg.sleep(0)
  end
end

--- Checks behind each test of the block around that no encoder is left, and closes what it has opened.
function compressed.check_encoders()
  local left
  busted.before_each(function()
    left = compressed.count_open("encoder", "close_encoder")
  end)
  busted.after_each(function()
    compressed.settle()
    assert.equal(0, answer_coding.count())
    assert.equal(0, left())
    t.close()
  end)
end

return compressed
