-- Uploads: the files of a form go to disk piece by piece, so that none is ever held in memory.
--
-- They go to the folder TIDEGATE_UPLOADS, or to a fresh one where that is not set. What the client calls its files is
-- only repeated in the answer: their names on disk are made here.
local tg = require "tidegate"

local UPLOAD_BYTES_MAX = 4 * 1024 ^ 3

local function store(...)
  return tg.blocking("lib.store", ...)
end

local lock, fresh_folder = tg.lock(), nil

local function upload_folder()
  return tg.env "TIDEGATE_UPLOADS" or lock:run(function()
    fresh_folder = fresh_folder or tg.shield(store, "new_folder")
    return fresh_folder
  end)
end

-- Not made of request.id: behind a trusted proxy that is a text of the proxy's, or of its client's, with any slashes.
local function new_name()
  return ("%08x%08x"):format(math.random(0, 0xffffffff), math.random(0, 0xffffffff))
end

local function save(part, path)
  local bytes_stored = 0
  tg.shield(store, "create", path) -- to its end: a file that comes behind our back would never be removed
  for bytes in part:chunks() do
    store("append", path, bytes)
    bytes_stored = bytes_stored + #bytes
  end
  return bytes_stored
end

-- `paths` has every file of which something may be there, also when this raises.
local function save_all(request, paths)
  local folder, files = upload_folder(), {}
  for part in request:parts() do
    if part.filename and part.filename ~= "" then
      local stored_as = new_name()
      paths[#paths + 1] = folder .. "/" .. stored_as
      files[#files + 1] = {
        field = part.name,
        filename = part.filename,
        type = part.type,
        bytes = save(part, paths[#paths]),
        stored_as = stored_as,
      }
    end
  end
  return files
end

-- The clean-up comes to its end also while threads have too much to do to take it on.
local function remove(paths)
  while not pcall(store, "remove", paths) do
    tg.sleep(0.1)
  end
end

return function(app)
  -- Stores the files of a multipart form. Where that fails, or the client leaves, none of them stays.
  app:post("/uploads/", function(request)
    local paths = {}
    local ok, result = pcall(save_all, request, paths)
    if not ok then
      tg.shield(remove, paths)
      error(result, 0)
    end
    return 201, { files = tg.json.array(result) }
  end, { body_bytes_max = UPLOAD_BYTES_MAX })
end
