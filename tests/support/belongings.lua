-- What specs have outside of the test process: processes and folders. Whatever becomes of a spec, what belongs to it
-- ends at the latest with the block (`describe`, or the file) that made it.
local busted = require "busted"
local core = require "tidegate.core"

local function start()
  local blocks = { {} } -- those of the file, and of each block under way in it; what was made last is last
  local belongings = {}

  --- Keeps a thing, which has a method `dispose`.
  function belongings.add(thing)
    table.insert(blocks[#blocks], thing)
  end

  --- Forgets a thing that has ended.
  function belongings.remove(thing)
    for _, block in ipairs(blocks) do
      for index = #block, 1, -1 do
        if block[index] == thing then
          return table.remove(block, index)
        end
      end
    end
  end

  -- Ends what the innermost block has, what was made last first, and that block. One that was under way when this was
  -- loaded has none of its own.
  local function dispose_block()
    local block, fault = blocks[#blocks], nil
    while #block > 0 do
      local thing = table.remove(block)
      local ok, err = pcall(thing.dispose, thing)
      fault = fault or not ok and err
    end
    if #blocks > 1 then
      table.remove(blocks)
    end
    if fault then
      error(fault, 0)
    end
    return nil, true -- the event goes on to others
  end

  busted.subscribe({ "describe", "start" }, function()
    table.insert(blocks, {})
    return nil, true
  end)
  busted.subscribe({ "describe", "end" }, dispose_block)
  busted.subscribe({ "file", "end" }, dispose_block)
  return belongings
end

-- busted forgets modules between files, but not who has subscribed: so it is kept with the core.
core.belongings_of_tests = core.belongings_of_tests or start()

return core.belongings_of_tests
