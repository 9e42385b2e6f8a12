-- `tidegate test` as a child process, on specs that a test writes.
local folder = require "tests.support.folder"
local gateway = require "tests.support.gateway"

local runner = {}

--- Runs specs, given by name, in a folder of their own.
---@async
---@param files table<string, string> text by name
---@param ... string options
---@return {status: integer, out: string, err: string}
function runner.run(files, ...)
  local place = folder.new(files)
  local result = gateway.command({ "test", "--output=plainTerminal", ... }, { folder = place.path })
  place:remove()
  return result
end

--- How many have passed, failed, and raised.
function runner.counts(result)
  local passed, failed, errors = result.out:match "(%d+) success[es]* / (%d+) failures? / (%d+) errors?"
  assert(passed, result.out .. result.err)
  return tonumber(passed), tonumber(failed), tonumber(errors)
end

return runner
