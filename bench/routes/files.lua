-- The folder of the large file; see bench/harness/download.py.
local tg = require "tidegate"

return function(app)
  local folder = tg.env "BENCH_FILES"
  if folder then
    app:static("/files", folder)
  end
end
