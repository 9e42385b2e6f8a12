-- What callers give, checked: options by a table of what there is, arguments one by one, methods called with a colon.
-- Each message says what was expected, shows what came, and stands at the user's line (core.raise).
local cjson = require "cjson"
local core = require "tidegate.core"
local nearest = require "tidegate.nearest"
local text = require "tidegate.text"

local getmetatable, next, pairs, rawget, type = debug.getmetatable, next, pairs, rawget, type
local metatable_of = _G.getmetatable -- faster; ours do not hide themselves

local check = {}

local SHOWN_BYTES_MAX = 80

-- What our objects are called in messages.
local NAMES = {
  ["tidegate.Request"] = "a request",
  ["tidegate.Response"] = "a response object",
  ["tidegate.ClientResponse"] = "an upstream's answer",
  ["tidegate.Client"] = "a client",
  ["tidegate.App"] = "the app",
  ["tidegate.Stream"] = "a stream",
  ["tidegate.Scope"] = "a scope",
  ["tidegate.Handle"] = "a task's handle",
  ["tidegate.Error"] = "an error",
}

local function shown_object(value)
  local metatable = getmetatable(value)
  local name = type(metatable) == "table" and rawget(metatable, "__name")
  return NAMES[name] or "a " .. type(value)
end

--- A value as a message shows it: short, its control characters escaped, with its type where that is in question.
---@param value any
---@return string # 'the string "5"', '5', 'true', 'nil', 'tg.null', 'a table', 'a request'
function check.shown(value)
  local kind = type(value)
  if kind == "string" then
    return ('the string "%s"'):format(core.printable(value, SHOWN_BYTES_MAX))
  elseif kind == "nil" or kind == "boolean" or kind == "number" then
    return text.shown(value)
  elseif value == cjson.null then
    return "tg.null"
  end
  return shown_object(value)
end

local shown = check.shown

--- Raises that something else was expected.
---@param wanted string "tg.sleep takes a number of seconds"
---@param value any what came
function check.refuse(wanted, value)
  core.raise(("%s, not %s"):format(wanted, shown(value)))
end

--- "a, b and c"
---@param names string[]
---@param last? string "or"
function check.list(names, last)
  local count = #names
  if count < 2 then
    return names[1] or "none"
  end
  return ("%s %s %s"):format(table.concat(names, ", ", 1, count - 1), last or "and", names[count])
end

---@class tidegate.Options
---@field what string "an HTTP call"
---@field noun string "option"
---@field names string[] in the order in which messages list them
---@field by_name table<string, {is: string|fun(value: any): any, wanted: string}>
---@field also table<string, string> what others call them

--- Raises that a function does not take what it was given: a number of seconds, and a function.
---@param takes string "tg.fail_after takes a number of seconds, and a function"
---@param is_time boolean is it the function that is wrong?
function check.refuse_time(takes, is_time, seconds, fn)
  if type(seconds) == "function" and type(fn) ~= "function" then
    core.raise(takes .. ", in this order, and here they are swapped")
  end
  check.refuse(takes, not is_time and seconds or fn)
end

--- What options there are: {name, type or predicate, what it must be} each, in the order of the message.
---@param what string whose options they are, as the subject of a sentence
---@param entries table[] the type may be "any"; what it must be may be left out for a type
---@param also? table<string, string> [what others call one] = its name
---@param noun? string "option"
---@return tidegate.Options
function check.options_of(what, entries, also, noun)
  local names, by_name = {}, {}
  for index, entry in ipairs(entries) do
    names[index] = entry[1]
    by_name[entry[1]] = { is = entry[2], wanted = entry[3] or "a " .. tostring(entry[2]) }
  end
  return { what = what, noun = noun or "option", names = names, by_name = by_name, also = also or {} }
end

local function refuse_name(options, what, name)
  local near = type(name) == "string" and (options.also[name] or nearest.of(name, options.names))
  core.raise(("%s has no %s %s; it has %s%s"):format(what, options.noun,
    type(name) == "string" and ('"%s"'):format(core.printable(name, SHOWN_BYTES_MAX)) or shown(name),
    check.list(options.names), near and (". Did you mean %s?"):format(near) or ""))
end

local function check_one(options, what, name, value)
  local known = options.by_name[name]
  if not known then
    return refuse_name(options, what or options.what, name)
  end
  local is = known.is
  if is == type(value) or is == "any" then
    return
  elseif type(is) == "string" or not is(value) then
    core.raise(("%s: %s must be %s, not %s"):format(what or options.what, name, known.wanted, shown(value)))
  end
end

--- Raises where a table has something that is no option, or an option is not what it must be.
---@param options tidegate.Options
---@param given table?
---@param what? string in place of options.what
function check.options(options, given, what)
  if given == nil then
    return
  elseif type(given) ~= "table" then
    check.refuse(("%s: the %ss must be a table"):format(what or options.what, options.noun), given)
  end
  local first, value = next(given)
  if first ~= nil then
    check_one(options, what, first, value)
    local name = next(given, first)
    while name ~= nil do -- entering a loop would end the compiled code of callers; most have one option
      check_one(options, what, name, given[name])
      name = next(given, name)
    end
  end
end

-- A method that says so where it is called with a dot. Most take few arguments: any number of them would cost more than
-- many a method does.
local function with_colon(class, object, name, method)
  local info = debug.getinfo(method, "u")
  local function refuse()
    core.raise(("%s.%s is called with a colon: %s:%s(…)"):format(object, name, object, name))
  end
  if info.isvararg or info.nparams > 3 then
    return function(self, ...)
      if metatable_of(self) ~= class then
        refuse()
      end
      return method(self, ...)
    end
  end
  return function(self, first, second)
    if metatable_of(self) ~= class then
      refuse()
    end
    return method(self, first, second)
  end
end

--- Makes methods say so where they are called with a dot.
---@param class table the metatable of the objects
---@param object string what they are called with: "request"
---@param methods? table<string, function> the class itself where it is left out
function check.methods(class, object, methods)
  methods = methods or class
  for name, method in pairs(methods) do
    if type(method) == "function" and name:sub(1, 1) ~= "_" then
      methods[name] = with_colon(class, object, name, method)
    end
  end
end

--- A number that is neither NaN nor infinite, from `least` to `most`.
---@return fun(value: any): boolean
function check.number(least, most)
  return function(value)
    return type(value) == "number" and value >= least and value <= (most or 2 ^ 53)
  end
end

return check
