-- Names that another server may take for others. CGI, WSGI and their like make HTTP_X_USER of X-User, of X_User and of
-- X.User alike, so that a client's X_User would stand in the place of the X-User that a gateway has set. A field that
-- came with such a name is not handed on where its plain twin is there, or is one that scripts or the gateway decide
-- about.
local odd_names = {}

local next, pairs, type = next, pairs, type
local find, gsub, lower = string.find, string.gsub, string.lower

-- What the gateway writes itself, or judges: nobody else may say it in other letters.
local OWN = {
  ["connection"] = true, ["content-encoding"] = true, ["content-length"] = true, ["content-type"] = true,
  ["expect"] = true, ["host"] = true, ["keep-alive"] = true, ["proxy-authenticate"] = true,
  ["proxy-authentication-info"] = true, ["proxy-authorization"] = true, ["proxy-connection"] = true, ["te"] = true,
  ["trailer"] = true, ["transfer-encoding"] = true, ["upgrade"] = true, ["user-agent"] = true,
  ["x-request-timeout-ms"] = true,
}

local ODD = "[^%w-]"

local function plain_of(name)
  return (gsub(lower(name), ODD, "-"))
end

-- The names without oddities of what is sent, but for the odd ones that are theirs.
local function plain_names(lines, theirs)
  local names = {}
  for name in pairs(lines) do
    if type(name) == "string" and not (theirs[name] and find(name, ODD)) then
      names[plain_of(name)] = name
    end
  end
  return names
end

--- Takes odd names out, and those that an odd one of the script's stands for.
---@param lines table<string, any>
---@param theirs table<string, true> the names, in lower case, that came with a message
---@param set table<string, true> names, in lower case, that a script has set or removed
---@param is_known fun(name: string): boolean does the gateway decide about it, beside those above?
function odd_names.drop(lines, theirs, set, is_known)
  local names
  for name in next, theirs do
    if find(name, ODD) then
      names = names or plain_names(lines, theirs)
      local plain = plain_of(name)
      if names[plain] or OWN[plain] or set[plain] or is_known(plain) then
        lines[name] = nil
      end
    end
  end
  for name in pairs(lines) do
    if type(name) == "string" and find(name, ODD) and not theirs[name] then
      local plain = plain_of(name)
      lines[plain] = not theirs[plain] and lines[plain] or nil
    end
  end
end

return odd_names
