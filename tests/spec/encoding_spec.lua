local tg = require "tidegate"

local function fails(message, fn, ...)
  local ok, err = pcall(fn, ...)
  assert.is_false(ok)
  assert.equal(message, err.message or err)
  return err
end

describe("tg.base64 and tg.hex", function()
  local every = {}
  for byte = 0, 255 do
    every[byte + 1] = string.char(byte)
  end
  every = table.concat(every)

  it("give back what they are given", function()
    for size = 0, 40 do
      local bytes = every:sub(256 - size, 255)
      assert.equal(bytes, tg.base64.decode(tg.base64.encode(bytes)))
      assert.equal(bytes, tg.base64.decode_url(tg.base64.encode_url(bytes)))
      assert.equal(bytes, tg.hex.decode(tg.hex.encode(bytes)))
      assert.equal(bytes, tg.hex.decode(tg.hex.encode(bytes):upper()))
    end
    assert.equal("+/8=", tg.base64.encode "\251\255")
    assert.equal("-_8", tg.base64.encode_url "\251\255")
    assert.equal("fbff", tg.hex.encode "\251\255")
  end)

  it("say what is none, and where", function()
    assert.equal("encoding",
      fails("not base64: a byte is not in the alphabet, at byte 2", tg.base64.decode, "Z-==").kind)
    fails("not base64: its length is not a multiple of 4, at byte 3", tg.base64.decode, "Zg")
    fails("not base64url: a byte is not in the alphabet, at byte 3", tg.base64.decode_url, "Zg==")
    fails("not base64url: its last letter has bits that must be zero, at byte 2", tg.base64.decode_url, "Zh")
    fails("not hexadecimal: its number of digits is odd, at byte 4", tg.hex.decode, "0fa")
    assert.matches("encoding_spec.lua:%d+: tg.hex.encode takes a string, not nil",
      select(2, pcall(function() tg.hex.encode(nil) end)))
  end)
end)
