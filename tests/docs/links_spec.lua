-- Links and the names of files in the documentation lead to something that is there.
local lfs = require "lfs"
local page = require "tests.docs.support.page"

-- What a command writes, and a fresh copy of the project does not have.
local WRITTEN = { ["bench/results.md"] = true }

local function is_there(path)
  return WRITTEN[path] or path:match("^build/") or lfs.attributes(path, "mode") ~= nil
end

-- "docs/http.md" and "../bench/results.md" make "bench/results.md".
local function resolve(from, target)
  local path = (from:match("^(.*/)") or "") .. target
  repeat
    local changed
    path, changed = path:gsub("[^/]+/%.%./", "", 1)
  until changed == 0
  return path
end

-- The names by which a page's headings can be linked to.
local function anchors(text)
  local names = {}
  for heading in ("\n" .. text):gmatch("\n#+ ([^\n]*)") do
    names[heading:lower():gsub("[^%w%s_-]", ""):gsub("%s", "-")] = true
  end
  return names
end

local function check_link(from, target)
  local path, anchor = target:match("^([^#]*)#?(.*)$")
  path = path == "" and from or resolve(from, path)
  if not is_there(path) then
    return path .. " is not there"
  elseif anchor ~= "" and not anchors(page.read(path))[anchor] then
    return path .. " has no heading #" .. anchor
  end
end

local FOLDERS = { routes = true, lua = true, core = true, tests = true, bench = true, docs = true, build = true }

-- The files that a page's blocks make, and those that were there before.
local function own_files(path, text)
  local files = page.files_before(text)
  for _, block in ipairs(page.blocks(path, text)) do
    if block.path then
      files[block.path] = true
    end
  end
  return files
end

for _, path in ipairs(page.paths) do
  describe(path, function()
    local text = assert(page.read(path), path .. " is not there")

    it("links to what is there", function()
      local wrong = {}
      for target in text:gmatch("%]%(([^)%s]+)%)") do
        wrong[#wrong + 1] = not target:match("^%a+:") and check_link(path, target) or nil
      end
      assert.same({}, wrong)
    end)

    it("names files that are there", function()
      local wrong, own = {}, own_files(path, text)
      for name in text:gmatch("`([%w_.-]+/[%w_./-]*)`") do
        local is_ours = FOLDERS[name:match("^[^/]+")] and not name:find("NAME")
        if is_ours and not is_there(name) and not own[name] then
          wrong[#wrong + 1] = name
        end
      end
      assert.same({}, wrong)
    end)

    it("is no longer than 300 lines, of 120 columns where they are prose", function()
      local count, fenced = 0, false
      for line in text:gmatch("([^\n]*)\n") do
        count = count + 1
        if line:sub(1, 3) == "```" then
          fenced = not fenced
        end
        local is_prose = not fenced and line:sub(1, 1) ~= "|"
        local columns = select(2, line:gsub("[^\128-\191]", ""))
        assert.is_true(not is_prose or columns <= 120, ("%s:%d is %d columns wide"):format(path, count, columns))
      end
      assert.is_true(count <= 300, count .. " lines")
    end)
  end)
end
