-- Every kind of wait, each in a form that nothing ends by itself, for specs of what becomes of it when it is cancelled.
--
-- A kind has a name, the name under which its task waits, and open(), which makes what the wait needs and gives
--   wait()      waits, and returns what came
--   complete()  ends the wait with "value", at once or by way of the loop; nil where the kind cannot
--   whole(got)  checks that what was waited for is as it should be: got is what wait() returned, nil where it raised
--   ready()     waits until the wait has got as far as the kind says, once its task waits; nil where that is enough
--   close()     takes everything down; nil where there is nothing
--   immediate   true where complete() has handed over what is waited for when it returns
-- Those with realtime = true need threads or sockets of the system.
local kinds = {}

for _, noun in ipairs { "tasks", "sync", "streams", "calls", "process" } do
  require("tests.support.waits." .. noun)(function(name, waits_on, open, realtime)
    kinds[#kinds + 1] = { name = name, waits_on = waits_on, open = open, realtime = realtime or false }
  end)
end

return kinds
