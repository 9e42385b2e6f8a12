local error_page = require "tidegate.error_page"
local folder = require "tests.support.folder"

describe("error_page.render", function()
  local request = { method = "GET", path = "/a<b", id = "id-1" }

  it("shows what failed, and escapes all of it", function()
    local page = error_page.render(request, 500, "no <b>file</b> & no 'line'", "\nstack traceback:\n\tx.lua:1: in <y>")
    assert.matches("^<!doctype html>", page)
    assert.matches("GET /a&lt;b failed with 500", page, 1, true)
    assert.matches("no &lt;b&gt;file&lt;/b&gt; &amp; no &#39;line&#39;", page, 1, true)
    assert.matches("x.lua:1: in &lt;y&gt;", page, 1, true)
    assert.matches("id-1", page, 1, true)
    assert.not_matches("<mark>", page, 1, true)
  end)

  it("shows the lines around the first place that can be read, and marks the one", function()
    local place = folder.new { ["a.lua"] = "one\ntwo\nthree <3\nfour\nfive\nsix\nseven\neight\nnine" }
    local page = error_page.render(request, 500, "gone.lua:1: x", "\n\t" .. place:file "a.lua" .. ":3: in function")
    assert.matches("<mark>    3  three &lt;3</mark>", page, 1, true)
    assert.matches("    1  one", page, 1, true)
    assert.matches("    7  seven", page, 1, true)
    assert.not_matches("eight", page, 1, true)
    assert.matches(place:file "a.lua" .. ", line 3", page, 1, true)
    place:remove()
  end)

  it("takes errors of any kind, with and without a traceback", function()
    for _, err in ipairs { 5, false, {} } do
      assert.matches(tostring(err), error_page.render(request, 502, err, nil), 1, true)
    end
    assert.matches("nil", error_page.render(request, 500, nil, ""), 1, true)
  end)
end)
