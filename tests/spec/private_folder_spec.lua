-- Folders that are one user's alone, where the admin socket is.
local core = require "tidegate.core"
local lfs = require "lfs"
local folder = require "tests.support.folder"

describe("a private folder", function()
  local place, path

  before_each(function()
    place = folder.new()
    path = place:file "own"
  end)

  after_each(function()
    place:remove()
  end)

  local function run(format)
    assert(os.execute(format:format(path)) == 0)
  end

  it("is made where there is none, once, for its user alone", function()
    assert.equal("No such file or directory", core.private_folder(path, false))
    for _ = 1, 2 do
      assert.is_nil(core.private_folder(path, true))
      assert.is_nil(core.private_folder(path, false))
    end
    assert.equal("rwx------", lfs.attributes(path, "permissions"))
    assert.equal("No such file or directory", core.private_folder(place:file "no/own", true))
  end)

  it("is none that others may enter", function()
    for _, mode in ipairs { "0755", "0701", "0770", "0710", "1777" } do
      run("mkdir '%s'")
      run("chmod " .. mode .. " '%s'")
      assert.equal(("its mode is %s, and must be 0700: others may enter it"):format(mode),
        core.private_folder(path, true))
      run("rmdir '%s'")
    end
  end)

  it("is no link to one, and no file", function()
    run("mkdir -m 700 '%s.other'")
    run("ln -s own.other '%s'")
    assert.equal("it is not a folder", core.private_folder(path, true))
    run("rm '%s'")
    run("touch '%s'")
    assert.equal("it is not a folder", core.private_folder(path, true))
  end)

  it("is in a folder whose entries others cannot replace", function()
    local modes = { ["1777"] = true, ["0777"] = false, ["0770"] = false, ["0755"] = true, ["1770"] = true }
    for mode, is_fine in pairs(modes) do
      assert(os.execute(("chmod %s '%s'"):format(mode, place.path)) == 0)
      local why = core.private_folder(path, true)
      assert.equal(is_fine, why == nil, mode)
      assert.is_truthy(is_fine or why:find("^others may replace it"))
    end
  end)

  it("is this user's", function()
    if core.user() ~= 0 then
      return pending "only root can make one of another user"
    end
    run("mkdir -m 700 '%s'")
    run("chown 65534 '%s'")
    assert.equal("it belongs to the user 65534, and this is the user 0", core.private_folder(path, true))
    run("rmdir '%s'")
    assert(os.execute(("chown 65534 '%s' && chmod 755 '%s'"):format(place.path, place.path)) == 0)
    assert.matches("^others may replace it", core.private_folder(path, true))
  end)
end)
