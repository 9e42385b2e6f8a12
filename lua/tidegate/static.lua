-- Files of a folder, served: types, validators (RFC 9110 section 13), ranges (14), variants that were compressed
-- before. The core finds them beneath their folder only, and sends them without holding them in memory.
local answer_coding = require "tidegate.answer_coding"
local check = require "tidegate.check"
local core = require "tidegate.core"
local errors = require "tidegate.errors"
local media_types = require "tidegate.media_types"
local response = require "tidegate.response"
local task = require "tidegate.task"

local static = {}

local known = check.options_of("app:static", {
  { "cache_control", "string", "the value of the field Cache-Control" },
  { "compress", "boolean", "true or false" },
  { "dotfiles", "boolean", "true or false" },
  { "index", "string", "the name of a file" },
  { "types", "table", "a table of name endings and media types" },
}, { max_age = "cache_control", index_file = "index", hidden = "dotfiles", mime_types = "types" })

-- What stands behind the last slash.
local function last_segment(path)
  return path:match "^.*/(.*)$" or path
end

local function type_of(path, types)
  local ending = (last_segment(path):match "^.*%.(.*)$" or ""):lower()
  return types[ending] or media_types[ending] or "application/octet-stream"
end

-- Names that begin with a dot are, but for the folder whose files are there to be found (RFC 8615).
local function is_hidden(path)
  if path == ".well-known" then
    return false
  elseif path:sub(1, 12) == ".well-known/" then
    path = path:sub(13)
  end
  return path:sub(1, 1) == "." or path:find("/.", 1, true) ~= nil
end

local function not_found()
  errors.abort(404, "there is no such file")
end

-- Where the same path stands with a slash behind it. It is relative to its last segment: a path that begins with two
-- slashes would name another host.
local function with_slash(request)
  local query = request.target:match "%?.*" or ""
  return "./" .. last_segment(request.path) .. "/" .. query
end

--- Sends whoever asks for a folder without its slash there.
function static.add_slash(request)
  return 301, nil, { Location = with_slash(request) }
end

-- A file by its path; or nil and why there is none: "missing", "forbidden", "folder" or a sentence. Last-Modified is
-- what its time says, where that says anything; conditions are about `since`, when it came to be what it is.
local function look_up(folder, path)
  local file, size, modified, etag, last_modified, since = task.results(core.folder_find(folder, path))
  if not file then
    return nil, size
  end
  return {
    file = file, size = size, path = path, etag = etag,
    modified = modified, last_modified = last_modified, since = since,
  }
end

-- Lets a file go that is not sent; the collector would do so some day.
local function let_go(found)
  core.file_close(found.file)
end

-- The file that is asked for; nothing where there is none; true where it is a folder.
local function find(folder, path)
  local found, why = look_up(folder, path)
  if found or why == "missing" then
    return found
  elseif why == "folder" then
    return true
  elseif why == "forbidden" then
    errors.abort(403, "this file may not be read")
  end
  error(("the file %s cannot be read: %s"):format(path, why), 0)
end

local CODINGS = { br = ".br", gzip = ".gz", zstd = ".zst" }

-- The variants that may stand for a file: none that is older, or cannot be read.
local function variants_of(folder, found)
  local variants, offered = {}, {}
  for coding, ending in pairs(CODINGS) do
    local variant = look_up(folder, found.path .. ending)
    if variant and variant.modified >= found.modified then
      variants[coding] = variant
      offered[#offered + 1] = coding
    elseif variant then
      let_go(variant)
    end
  end
  return variants, offered
end

-- The variant that the client likes best; the file itself where there is no other.
local function choose(folder, found, request)
  if core.folder_lacks(folder, found.path, ".br", ".gz", ".zst") then
    return found
  end
  local variants, offered = variants_of(folder, found)
  if #offered == 0 then
    return found
  end
  local coding = core.accept_coding(request.headers["accept-encoding"], unpack(offered))
  local chosen = variants[coding] or found
  chosen.coding, chosen.varies = variants[coding] and coding, true
  variants[""] = found
  for _, each in pairs(variants) do
    if each ~= chosen then
      let_go(each)
    end
  end
  return chosen
end

local function headers_of(chosen, media_type, options)
  return {
    ["Content-Type"] = media_type,
    ["Content-Encoding"] = chosen.coding or nil,
    ETag = chosen.etag,
    ["Last-Modified"] = chosen.last_modified and core.http_date(chosen.last_modified),
    ["Accept-Ranges"] = "bytes",
    ["Cache-Control"] = options.cache_control,
    Vary = chosen.varies and "Accept-Encoding" or nil,
    ["X-Content-Type-Options"] = "nosniff",
  }
end

-- The whole, or the part of it that is asked for: of GET, for ranges of other methods mean nothing (section 14.2).
local function body_of(request, chosen, coding, headers)
  local wanted = request.headers
  if coding then
    return 200, response.file(chosen.file, 0, chosen.size, coding, chosen.etag)
  end
  local range = request.method == "GET" and wanted.range or nil
  local first, bytes, content_range = core.range(chosen.etag, chosen.since, chosen.size, range, wanted["if-range"])
  if first == nil then
    return 200, response.file(chosen.file, 0, chosen.size)
  elseif first == false then
    let_go(chosen)
    errors.abort(416, "the file does not have these bytes", { ["Content-Range"] = bytes })
  end
  headers["Content-Range"] = content_range
  return 206, response.file(chosen.file, first, bytes)
end

local function answer(request, chosen, media_type, options, compression)
  local headers, wanted = headers_of(chosen, media_type, options), request.headers
  local coding
  if compression then
    coding, headers = answer_coding.of_file(compression, request, headers, chosen.size)
  end
  local status = core.conditional_status(chosen.etag, chosen.since, wanted["if-match"], wanted["if-none-match"],
    wanted["if-modified-since"], wanted["if-unmodified-since"])
  if status == 304 then
    let_go(chosen)
    headers["Content-Type"], headers["Content-Encoding"] = nil, nil
    return 304, nil, headers
  elseif status == 412 then
    let_go(chosen)
    errors.abort(412, "the file has changed")
  end
  local code, body = body_of(request, chosen, coding, headers)
  return code, body, headers
end

static.options = known

--- A handler that serves the files of a folder; the path is its parameter `path`.
---@param path string
---@param options table see App:static
---@param shared {compression: tidegate.Compression?} of its app; the compression is there once it is mounted
function static.handler(path, options, shared)
  local folder, why = core.folder(path)
  if not folder then
    core.raise(("app:static: the folder %s cannot be opened: %s"):format(path, why))
  end
  local index, types = options.index or "index.html", options.types or {}

  return function(request)
    local wanted = request.params.path
    if not options.dotfiles and is_hidden(wanted) then
      not_found()
    end
    local ends_in_slash = wanted == "" or wanted:sub(-1) == "/"
    local found = find(folder, ends_in_slash and wanted .. index or wanted)
    if found == true and not ends_in_slash then
      return static.add_slash(request)
    elseif not found or found == true then
      not_found()
    end
    local media_type = type_of(found.path, types)
    return answer(request, choose(folder, found, request), media_type, options, shared.compression)
  end
end

return static
