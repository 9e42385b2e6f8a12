-- Work that would hold up everybody else, done in threads: a file is read, a slow hash computed.
local tg = require "tidegate"

local ROUNDS = 50000000 -- about a tenth of a second
local TEXT_BYTES_MAX = 100

return function(app)
  -- The text of the module that runs in the thread.
  app:get("/blocking/file/", function()
    return tg.blocking("lib.slow", "read", app.folder .. "/lib/slow.lua")
  end)

  -- A slow hash of the query's text.
  app:get("/blocking/hash/", function(request)
    local text = request.query.text or "tidegate"
    if text == "" or #text > TEXT_BYTES_MAX then
      tg.abort(400, ("text must have 1 to %d bytes"):format(TEXT_BYTES_MAX))
    end
    return { text = text, hash = tg.blocking("lib.slow", "hash", text, ROUNDS) }
  end)
end
