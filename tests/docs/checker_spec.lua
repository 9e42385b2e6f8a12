-- The checker of the examples itself: a wrong example must be found, a right one not.
local page = require "tests.docs.support.page"
local site = require "tests.docs.support.site"

local ROUTE = [[
```lua
-- routes/hello.lua
return function(app)
  app:get("/hello", function(request)
    return 200, { hello = request.query.name or "world", list = { 1, 2, 3 } }, { ["X-Kind"] = "greeting" }
  end)
  app:post("/echo", function(request)
    return request:body()
  end)
end
```
]]

-- Runs a page, in which ~~~ stands for three backticks.
local function run(text)
  local blocks = page.blocks("page", (text:gsub("~~~", "```")))
  local here = site.new(blocks)
  local ok, err = pcall(function()
    for _, block in ipairs(blocks) do
      here:run(block)
    end
  end)
  here:close()
  if not ok then
    error(err, 0)
  end
end

local function fails(text, why)
  local ok, err = pcall(run, text)
  assert.is_false(ok)
  assert.matches(why, tostring(err), 1, true)
end

describe("a right example #realtime", function()
  local right = {
    ["JSON with other blanks"] = '$ curl http://h/hello\n{ "hello": "world",\n  "list": [1, 2, 3] }',
    ["JSON with something left out"] = '$ curl http://h/hello\n{"hello":"w…","list":[1,…]}',
    ["a status and some of the fields"] =
      '$ curl -i http://h/hello\nHTTP/1.1 200 OK\nx-kind: greeting\n…\n\n{"hello":"world","list":…}',
    ["all of the fields"] = "$ curl -I http://h/hello\nHTTP/1.1 200 OK\nDate: …\n"
      .. "Content-Type: application/json\nX-Kind: greeting\nContent-Length: 32",
    ["a head alone"] = "$ curl -I http://h/hello\nHTTP/1.1 200 OK\nX-Kind: gree…\n…",
    ["a body that is sent"] = "$ curl -d 'a b' http://h/echo\na b",
    ["a form"] = "$ curl -F 'a=x y' -F 'b=@routes/hello.lua' http://h/echo\n"
      .. '…; name="a"…x y…; name="b"; filename="hello.lua"…/octet-stream…return function(app)…',
    ["a command on two lines"] = "$ curl -X POST -H 'A: b' \\\n    -d \"it's\" http://h/echo\nit's",
    ["several commands"] = "$ curl -d 1 http://h/echo\n1\n$ curl -d 2 http://h/echo\n2",
    ["an exit status"] = "$ tidegate --nonsense\ntidegate: there is no option --nonsense…\n$ echo $?\n2",
    ["a variable"] = "$ TIDEGATE_ROUTES=nowhere tidegate check\n…folder nowhere cannot be read…\n$ echo $?\n1",
  }
  for name, text in pairs(right) do
    it("passes: " .. name, function()
      run(ROUTE .. "~~~console\n" .. text .. "\n~~~")
    end)
  end

  it("passes: a snippet", function()
    run(ROUTE .. [[
~~~lua
local answer = tg.http.get(upstream .. "/hello"):json()
print(answer.hello, #answer.list) --> world 3
for number = 1, 2 do
  print(number)
end
--> 1
--> 2
~~~
]])
  end)
end)

describe("a wrong example #realtime", function()
  local wrong = {
    ["another value"] = { '$ curl http://h/hello\n{"hello":"you","list":[1,2,3]}', 'shows\n{"hello":"you"' },
    ["a key too many"] = { '$ curl http://h/hello\n{"hello":"world","list":[1,2,3],"x":null}', "the answer is" },
    ["a key too few"] = { '$ curl http://h/hello\n{"hello":"world"}', "the answer is" },
    ["keys in another order"] = { '$ curl http://h/hello\n{"list":[1,2,3],"hello":"world"}', "the answer is" },
    ["an item too few"] = { '$ curl http://h/hello\n{"hello":"world","list":[1,2]}', "the answer is" },
    ["an object for a list"] = { '$ curl -d "[]" http://h/echo\n{}', "the answer is" },
    ["another text"] = { "$ curl -d a http://h/echo\nb", "the answer is\na" },
    ["another status"] = { "$ curl -i http://h/hello\nHTTP/1.1 201 Created\n\n…", "201 Created" },
    ["another field"] = { "$ curl -i http://h/hello\nHTTP/1.1 200 OK\nX-Kind: other\n…\n\n…", "X-Kind: other" },
    ["a field too few"] = {
      "$ curl -I http://h/hello\nHTTP/1.1 200 OK\nDate: …\nX-Kind: greeting\nContent-Length: 32",
      "does not show Content-Type: application/json",
    },
    ["a field too many"] = { "$ curl -I http://h/hello\nHTTP/1.1 200 OK\nX-Kind: greeting\n…\nAge: 1", "shows Age: 1" },
    ["a route that is not there"] = { "$ curl http://h/hallo\nhello", "no route has this path" },
    ["no answer"] = { "$ curl http://h/hello", "the answer is" },
    ["another exit status"] = { "$ tidegate --nonsense\n…\n$ echo $?\n0", "the answer is\n2" },
    ["an unknown command"] = { "$ ls", "ls is no command of a console block" },
    ["a file that is not there"] = { "$ curl -F a=@x http://h/", "there is no file x" },
    ["an unknown option"] = { "$ curl -k http://h/", "curl with -k is not known here" },
    ["an answer without a command"] = { "hello", "a console block begins with a command" },
  }
  for name, case in pairs(wrong) do
    it("is found: " .. name, function()
      fails(ROUTE .. "~~~console\n" .. case[1] .. "\n~~~", case[2])
    end)
  end

  local pages = {
    ["a snippet that raises"] = { "~~~lua\nerror 'boom'\n~~~", "page:1:1: boom" },
    ["a snippet that is no Lua"] = { "~~~lua\nprint(\n~~~", "unexpected symbol" },
    ["a snippet that prints something else"] = { "~~~lua\nprint(1) --> 2\n~~~", "the answer is\n1" },
    ["a snippet that prints nothing"] = { "~~~lua\nlocal x --> 2\n~~~", "shows\n2" },
    ["a snippet that prints unasked"] = { "~~~lua\nprint(1)\n~~~", "the answer is\n1" },
    ["a route file that is no Lua"] = {
      "~~~lua\n-- routes/x.lua\nreturn function(\n~~~\n~~~console\n$ curl http://h/\n1\n~~~", "routes/x.lua:3",
    },
    ["a route file that cannot be loaded"] = {
      "~~~lua\n-- routes/x.lua\nreturn 1\n~~~\n~~~console\n$ curl http://h/\n1\n~~~", "must return a function(app)",
    },
    ["a route file without a name"] = { "~~~lua\nreturn function(app) end\n~~~", "needs a first line with its name" },
    ["two files of one name"] = { ROUTE .. ROUTE, "routes/hello.lua is there twice" },
    ["a copy of a file that has changed"] = {
      "~~~lua\n-- routes/delayed.lua\nreturn function() end\n~~~", "is not this project's routes/delayed.lua",
    },
    ["a language that nobody runs"] = { "~~~Lua\n~~~", 'a block of "Lua"' },
    ["a block without an end"] = { "~~~lua\n", "a block has no end" },
  }
  for name, case in pairs(pages) do
    it("is found: " .. name, function()
      fails(case[1], case[2])
    end)
  end
end)
