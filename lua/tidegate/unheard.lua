-- Failures that nobody but the log hears of: of background tasks, of clean-ups, of what was deferred. `tidegate test`
-- listens to them, so that none passes in silence.
local unheard = { is_on = false }

local listener

--- For `tidegate test`: who hears of them.
---@param fn fun(what: string, err: any, trace: string?, may_fail: boolean?)?
function unheard.listen(fn)
  listener, unheard.is_on = fn, fn ~= nil
end

--- Tells of a failure, each time it comes; the log may count it.
---@param what string what has failed: "the background task of routes/a.lua:5"
---@param err any no cancellation
---@param trace string? its traceback
---@param may_fail boolean? it is no fault by itself, as one of a race's functions may fail; a failed assertion is one
function unheard.tell(what, err, trace, may_fail)
  if listener then
    listener(what, err, trace, may_fail)
  end
end

return unheard
