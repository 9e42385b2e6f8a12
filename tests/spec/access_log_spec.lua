local access_log = require "tidegate.access_log"
local core = require "tidegate.core"
local lfs = require "lfs"
local settings = require "tidegate.cli.settings"
local folder = require "tests.support.folder"

describe("the access log", function()
  local place

  before_each(function()
    place = folder.new()
  end)

  after_each(function()
    core.access_log_close()
    place:remove()
  end)

  local function start(fields)
    access_log.start((settings.resolve(fields)))
  end

  it("is off by default", function()
    start {}
    assert.is_nil(core.access_log_statistics())
    access_log.reopen()
    assert.is_nil(core.access_log_statistics())
  end)

  it("is on where its path says so, in any format", function()
    for _, format in ipairs { "json", "combined" } do
      start { access_log = place:file "a.log", access_log_format = format, access_log_buffer_bytes_max = "131072" }
      assert.same({ lines = 0, dropped = 0, failures = 0, buffer_bytes = 0, is_in_trouble = false },
        core.access_log_statistics())
    end
    assert.equal("rw-r-----", lfs.attributes(place:file "a.log", "permissions"))
    core.access_log_close()
    assert.is_nil(core.access_log_statistics())
  end)

  it("says where it cannot be opened", function()
    local reasons = {
      [place.path] = "illegal operation on a directory",
      ["/nowhere/a"] = "no such file or directory",
    }
    for path, why in pairs(reasons) do
      local ok, message = pcall(start, { access_log = path })
      assert.is_false(ok)
      assert.equal(("cannot open the access log %s: %s"):format(path, why), message)
      assert.is_nil(core.access_log_statistics())
    end
  end)

  it("refuses options that are none", function()
    local fine = { path = place:file "a.log", format = "json", buffer_bytes_max = 131072 }
    for name, wrong in pairs { path = {}, format = "xml", buffer_bytes_max = 131071 } do
      local options = { path = fine.path, format = fine.format, buffer_bytes_max = fine.buffer_bytes_max }
      options[name] = wrong
      assert.is_false(pcall(core.access_log_open, options))
    end
    assert.is_true(core.access_log_open(fine))
  end)
end)
