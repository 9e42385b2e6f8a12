-- What the mix has beside hello: a body that is read in pieces, and an answer in pieces.

local tg = require "tidegate"

local piece = ("x"):rep(1000)

return function(app)
  app:post("/swallow", function(request)
    local bytes = 0
    for chunk in request:chunks() do
      bytes = bytes + #chunk
    end
    return { bytes = bytes }
  end)

  app:get("/pieces", function()
    return tg.response {
      body = function(write)
        for _ = 1, 4 do
          write(piece)
        end
      end,
    }
  end)
end
