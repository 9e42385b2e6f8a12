-- Numbers that C functions are given: whatever a script computes arrives there, and a cast would make something of it.
-- With the sanitizer a cast of what does not fit ends the process.
local core = require "tidegate.core"
local t = require "tidegate.testing"

local ODD = {
  { "nan", 0 / 0 }, { "inf", math.huge }, { "-inf", -math.huge }, { "-1", -1 }, { "0.5", 0.5 }, { "1e300", 1e300 },
  { "-1e300", -1e300 }, { "2^31", 2 ^ 31 }, { "2^32 + 80", 2 ^ 32 + 80 }, { "2^53", 2 ^ 53 }, { "2^63", 2 ^ 63 },
  { "2^64", 2 ^ 64 }, { "a text", "x" }, { "nil", nil }, { "a table", {} }, { "true", true },
}

-- Functions that take numbers or texts, and leave nothing behind.
local PLAIN = {
  "accept_coding", "content_coding", "http_date", "is_etag", "is_in_network", "is_network", "is_token", "list_folder",
  "normal_address", "normalize_path", "number_text", "parse_pairs", "percent_decode", "percent_encode", "printable",
  "random_bytes", "range", "status_reason", "conditional_status", "connection_names", "constant_time_equal",
  "multipart", "utf8_repaired",
}

describe("A plain function of the core", function()
  for _, name in ipairs(PLAIN) do
    it("takes or refuses numbers of every kind: " .. name, function()
      local fn = assert(core[name])
      for _, odd in ipairs(ODD) do
        local value = odd[2]
        for _, arguments in ipairs { { value }, { "x", value }, { "x", value, value }, { value, value, value } } do
          pcall(fn, unpack(arguments, 1, 3))
        end
      end
    end)
  end
end)

-- name of the value in the message, a call with it, the least and the most that are good
local REFUSED = {
  { "the count of random bytes", function(value) return core.random_bytes(value) end, 0, 256 },
  { "a limit of blocking calls", function(value) core.set_blocking_limits(value, 1) end, 1, 2 ^ 31, "changes limits" },
  { "a limit of blocking calls", function(value) core.set_blocking_limits(1, value) end, 1, 2 ^ 31, "changes limits" },
  { "the port", function(value) core.stream_connect(core.stream(), "nobody.test", value) end, 0, 65535,
    "calls out" },
  { "the port", function(value)
    core.call("nobody.test", value, "GET", "nobody.test", "/", nil, nil, nil, 1)
  end, 0, 65535, "calls out" },
  { "the port", function(value)
    core.close_stream_listener(core.listen_stream_in_memory("whole.test", value, nil))
  end, 0, 65535 },
  { "the offset", function(value)
    return core.multipart_next(core.multipart "multipart/form-data; boundary=b", "bytes", value)
  end, 0, 5 },
}

-- What is refused as a whole number from `least` to `most`.
local function is_refused(value, least, most)
  return type(value) ~= "number" or value ~= value or value < least or value > most or value % 1 ~= 0
end

describe("A whole number", function()
  for index, case in ipairs(REFUSED) do
    local what, call, least, most, effect = unpack(case)
    for _, odd in ipairs(ODD) do
      local value = odd[2]
      if is_refused(value, least, most) then
        it(("is expected, and %s is refused: %d, %s"):format(odd[1], index, what), function()
          local ok, message = pcall(call, value)
          assert.is_false(ok)
          assert.matches(("%s must be a whole number from %d to "):format(what, least), tostring(message), 1, true)
        end)
      end
    end
    local good = effect and {} or { least, most } -- one with an effect is not tried
    it(("may be the least and the most: %d, %s"):format(index, what), function()
      for _, value in ipairs(good) do
        local _, message = pcall(call, value)
        assert.not_matches("must be a whole number", tostring(message), 1, true)
      end
    end)
  end

  it("is named with what came in its place", function()
    local function message_of(value)
      return select(2, pcall(core.random_bytes, value)):match "must be .*"
    end
    assert.equal("must be a whole number from 0 to 256, not 257", message_of(257))
    assert.equal("must be a whole number from 0 to 256, not 0.5", message_of(0.5))
    assert.equal("must be a whole number from 0 to 256, not nan", message_of(0 / 0))
    assert.equal('must be a whole number from 0 to 256, not the text "x"', message_of "x")
    assert.equal("must be a whole number from 0 to 256, not nil", message_of(nil))
    assert.equal("must be a whole number from 0 to 256, not boolean", message_of(true))
  end)
end)

describe("A number without a bound", function()
  local function text(value)
    return core.printable(("x"):rep(10), value)
  end

  it("is the nearest that there is: a length that is shown", function()
    assert.equal(("x"):rep(10), text(math.huge))
    assert.equal(("x"):rep(10), text(1e300))
    assert.equal(text(0), text(-1))
    assert.equal(text(0), text(0 / 0))
  end)

  it("is the nearest that there is: pairs of a query", function()
    assert.same({ "a", "b" }, core.parse_pairs("a=b", math.huge))
    for _, none in ipairs { 0, -1, 0 / 0, -math.huge } do
      assert.is_nil((core.parse_pairs("a=b", none)))
    end
  end)

  it("is the nearest that there is: bytes that are taken off a stream", function()
    for _, odd in ipairs(ODD) do
      if type(odd[2]) == "number" then assert.is_nil((core.stream_take(core.stream(), odd[2]))) end
    end
  end)

  it("is no level of a coding", function()
    for _, level in ipairs { 0 / 0, math.huge, -1, 0.5, 1.5, 1e300, 2 ^ 32 + 6 } do
      local ok, message = pcall(core.encoder, "gzip", level)
      assert.is_false(ok)
      assert.matches("gzip has levels from 1 to 9", message, 1, true)
    end
    core.close_encoder(core.encoder("gzip", 6, 0 / 0))
    core.close_encoder(core.encoder("gzip", 6, math.huge))
  end)

  it("is a time far ahead: a call's", function()
    t.upstream { address = "http://whole-time.test", routes = { ["GET /"] = "fine" } }
    for _, seconds in ipairs { 1e9, 1e11, 1e12, 1e300, math.huge } do
      local _, status = core.call("whole-time.test", 80, "GET", "whole-time.test", "/", nil, nil, nil, seconds)
      assert.equal(200, status)
    end
  end)

  it("is a status that has some reason or none", function()
    for _, odd in ipairs(ODD) do
      if type(odd[2]) == "number" then assert.is_string(core.status_reason(odd[2])) end
    end
  end)
end)
