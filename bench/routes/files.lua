-- The folder of files that the benchmark makes; see bench/harness/peers.py.
local tg = require "tidegate"

return function(app)
  local folder = tg.env "BENCH_FILES"
  if folder then
    app:static("/files", folder)
  end
end
