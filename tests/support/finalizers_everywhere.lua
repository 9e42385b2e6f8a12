-- A helper for `tidegate test --helper=…`: in every test finalizers run in the middle of everything, and call each
-- public function. What would wait raises there, on the objects too that the interrupted code holds; the rest is done
-- with objects of their own. So every test must pass as it does without them.
local busted = require "busted"
local finalizers = require "tests.support.finalizers"
local tg = require "tidegate"

local PER_ROUND, RUNS_MAX = 100, 700 -- of each test

-- Without compiled code they come between any two instructions. With it they may never end, by a fault that LuaJIT had
-- until August 2023, and has in Debian 12 (Debian 13 is without it): where the code of a `pairs` loop was compiled for
-- values of one type and is left where it begins, the interpreter enters it again, and only a trace for the way out,
-- which is not made while a finalizer runs, ends that. This never prints:
--
--   local function each(t) for _, value in pairs(t) do local _ = #value end end
--   for _ = 1, 200 do each { a = "text", b = "text" } end
--   getmetatable(newproxy(true)).__gc = function() each { a = {}, b = {} } end
--   collectgarbage()
--   print "done"
jit.off()
jit.flush() -- what was compiled so far

-- Tests in which none run: file, name, and why.
local WITHOUT = {
  { "serve", "may run out of stack", "one that finds no stack raises into what it interrupts, in place of that" },
  { "canonical", "takes less than 50 ms of the machine's time", "they take their time, too" },
}
local without = {}
for _, each in ipairs(WITHOUT) do
  local file, name = unpack(each)
  local spec = assert(io.open("tests/spec/" .. file .. "_spec.lua"))
  assert(spec:read("*a"):find(('it("%s"'):format(name), 1, true), name .. ": there is no such test any more")
  spec:close()
  without[name] = true
end

local nothing = function() end

-- Functions that need nothing of the test's.
local calls = {
  function() tg.sleep(0) end,
  function() tg.http.get("http://finalizer.test/other", { headers = { Secret = ("s"):rep(300) } }) end,
  function() tg.http.post("http://finalizer.test/", { json = { 1, { a = "b" } }, query = { a = "b c", d = "\1" } }) end,
  function() tg.http.client { base_url = "http://finalizer.test", headers = { A = "b" } }:get "/" end,
  function() tg.tcp.connect("finalizer.test", 80) end,
  function() tg.unix.connect "/finalizer.test" end,
  function() tg.gather { nothing, nothing } end,
  function() tg.map({ 1, 2 }, nothing) end,
  function() tg.race { nothing, nothing } end,
  function() tg.scope(function(scope) scope:spawn(nothing) end) end,
  function() tg.fail_after(1, nothing) end,
  function() tg.move_on_after(0, nothing) end,
  function() tg.shield(nothing) end,
  function() tg.remaining() end,
  function() tg.blocking("string", "rep", "x", 2) end,
  function() tg.abort(400, "not of a request") end,
  function() tg.response { status = 201, headers = { ["X-A"] = "b" }, body = { 1, 2 } } end,
  function() tg.json.decode(tg.json.encode { list = { 1, 2, { "three" } }, text = "é\n", null = tg.null }) end,
  function() tg.json.decode '{"a":[1,2,{"b":null}],"c":' end,
  function() tg.json.encode { [1] = nothing } end,
  function() tg.url.decode(tg.url.encode "a b/\1é") end,
  function() tg.url.parse "http://user@finalizer.test:80/a/../b?c=d#e" end,
  function() tg.log.debug("a finalizer %d", 1) end,
  function() tg.env("PATH", "x") end,
  function() tg.range(1, 10) end,
  function() tg.now() end,
  function() tg.constant_time_equal("abc", "abd") end,
  function()
    local event = tg.event()
    event:set()
    event:wait()
  end,
  function()
    local channel = tg.channel(2)
    channel:send_nowait(1)
    channel:receive_nowait()
    channel:send(2)
  end,
  function()
    local semaphore = tg.semaphore(1)
    semaphore:acquire_nowait()
    semaphore:release()
    semaphore:acquire()
  end,
  function() tg.lock():acquire_nowait() end,
  function() tg.lock():run(nothing) end,
  function() coroutine.resume(coroutine.create(tg.sleep), 0) end,
  function() coroutine.wrap(function() coroutine.yield(1) end)() end,
}

-- Methods that wait, or only look.
local methods = {
  "read", "read_until", "write", "wait", "receive", "send", "acquire", "run", "body", "json", "form", "chunks", "parts",
  "statistics", "is_set", "get",
}
local fields = { "id", "query", "headers", "cookies", "host", "target", "remote_address", "version", "status", "url" }

local function call_method(object, name)
  local result = object[name](object, "x")
  if type(result) == "function" then -- an iterator
    result()
  end
end

local function try(object)
  for _, name in ipairs(methods) do
    pcall(call_method, object, name)
  end
  for _, name in ipairs(fields) do
    pcall(function() return object[name] end)
  end
end

-- Objects of Tidegate's classes that the interrupted code has in its variables; no script ever has a nursery.
local function is_ours(value)
  local meta = (type(value) == "table" or type(value) == "userdata") and debug.getmetatable(value)
  local name = meta and rawget(meta, "__name")
  return type(name) == "string" and name:find("tidegate.", 1, true) == 1 and name ~= "tidegate.Nursery"
end

local LEVELS = 12

calls[#calls + 1] = function()
  for level = 4, LEVELS do
    if not debug.getinfo(level, "l") then
      return
    end
    for index = 1, 30 do
      local name, value = debug.getlocal(level, index)
      if not name then
        break
      elseif is_ours(value) then
        try(value)
      end
    end
  end
end

busted.subscribe({ "test", "start" }, function(test)
  if not without[test.name] then
    finalizers.start(calls, PER_ROUND, RUNS_MAX)
  end
  return nil, true
end)

busted.subscribe({ "test", "end" }, function()
  finalizers.stop()
  return nil, true
end)

busted.subscribe({ "suite", "end" }, function()
  print(("finalizers have run %d times"):format(finalizers.stop()))
  return nil, true
end)
