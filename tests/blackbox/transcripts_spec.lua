-- The transcripts of tests/data/http1 against the real program: whole, byte by byte, and cut in two at every byte.
local core = require "tidegate.core"
local tg = require "tidegate"
local gateway = require "tests.support.gateway"
local transcripts = require "tests.support.transcripts"
local wait = require "tests.support.wait"

-- The handler that the transcripts are written for, tests/c/support/echo.h.
local ECHO = [[
local tg = require "tidegate"

local function with(mark, text)
  return text and mark .. text or ""
end

local function text(status, body)
  return tg.response { status = status, headers = { ["Content-Type"] = "text/plain" }, body = body }
end

local function echo(request)
  if request.path:find "^/silent" then
    tg.sleep(3600)
  end
  local ok, body = pcall(request.body, request)
  if not ok then
    return text(body.status, (body.message:gsub("^%d+ [%a ]+: ", "")))
  end
  local big = request.path:match "^/big/(%d+)"
  if big then
    local alphabet = "abcdefghijklmnopqrstuvwxyz"
    return text(200, alphabet:rep(math.ceil(big / 26)):sub(1, big))
  end
  local said = request.method .. " " .. request.path .. with(" ?", request.target:match "%?(.*)$")
    .. with(" @", request.host)
  local status = tonumber(request.path:match "^/status/(%d+)") or 200
  if status == 204 or status == 304 then
    return text(status) -- with a body it would be the route's mistake
  end
  return text(status, said .. (body ~= "" and " [" .. body .. "]" or ""))
end

return function(app)
  for _, method in ipairs { "get", "head", "post", "put", "delete", "patch", "options" } do
    app[method](app, "/{rest...}", echo)
  end
end
]]

local AT_ONCE, PIECES_MAX, CUTS_MAX, SECONDS_MAX = 300, 2048, 4096, 200

-- What only a handler in C sees: how much of a body had come when it answered; and the target of OPTIONS that is for
-- the app itself.
local function is_for_echo_in_lua(case)
  return not case.sent:find("^POST /early") and not case.sent:find "^OPTIONS %* "
end

-- --- what is answered

-- Without what differs each time, and with a handler's own field where the C server has it.
local function plain(answer)
  return (answer:gsub("Date: %a%a%a, %d%d %a%a%a %d%d%d%d %d%d:%d%d:%d%d GMT\r\n", "")
    :gsub("(Content%-Length: %d+\r\n)(Content%-Type: text/plain\r\n)", "%2%1"))
end

local function refusal(step, answer)
  local reason = core.status_reason(step.status)
  local detail = step.detail ~= "" and step.detail or answer:match '"detail":"([^"]*)"[^"]*$' or "(none)"
  local body = ('{"type":"about:blank","title":"%s","status":%d,"detail":"%s"}'):format(reason, step.status, detail)
  local head = "HTTP/1.1 %d %s\r\nContent-Type: application/problem+json\r\nContent-Length: %d\r\nConnection: close\r\n"
  return (head .. "\r\n%s"):format(step.status, reason, #body, body)
end

-- --- one connection

local Talk = {}
Talk.__index = Talk

-- Reads until so much is there, or the end.
function Talk:read(size)
  while not self.ended and #plain(self.answer) < size do
    local bytes = self.stream:read()
    self.ended = bytes == nil
    self.answer = self.answer .. (bytes or "")
  end
end

local function size_of_piece(self)
  return self.sent < self.cut and self.cut - self.sent or self.piece
end

-- A gateway that has closed may refuse the rest: what it answered before counts.
function Talk:send(bytes)
  while bytes ~= "" do
    local piece = bytes:sub(1, size_of_piece(self))
    if not pcall(self.stream.write, self.stream, piece) then
      return
    end
    self.sent, bytes = self.sent + #piece, bytes:sub(#piece + 1)
    if bytes ~= "" then
      tg.sleep(0.001) -- that the pieces come apart; when they do not, the case is one that is tried as well
    end
  end
end

function Talk:expect(bytes)
  self.expected = self.expected .. bytes
  self:read(#self.expected)
end

local steps = {
  send = function(self, step) self:send(step.bytes) end,
  finish = function(self) self.stream:finish() end,
  answer = function(self, step) self:expect(step.bytes) end,
  refuse = function(self, step)
    self:read(math.huge)
    self:expect(refusal(step, self.answer))
  end,
  closed = function(self)
    self:read(math.huge)
    self.closes = true
  end,
}

local function play(serving, case, cut, piece)
  local self = setmetatable({ answer = "", expected = "", sent = 0, cut = cut, piece = piece }, Talk)
  self.stream = tg.tcp.connect("127.0.0.1", serving.port)
  local ok, err = pcall(wait.within, function()
    for _, step in ipairs(case.steps) do
      steps[step.kind](self, step)
    end
  end)
  self.stream:close()
  local name = ("%s; first %d bytes, then %d at a time"):format(case.name, cut, piece)
  assert(ok, name .. ": " .. tostring(err) .. "\n" .. self.answer)
  assert.equal(self.expected, plain(self.answer), name)
  assert.equal(self.closes or false, self.ended or false, name .. ": whether the gateway has closed")
end

-- --- all of them

local function runs_of(case, runs)
  local size = #case.sent
  runs[#runs + 1] = { case, size, size }
  if case.settings.whole then
    return
  end
  runs[#runs + 1] = { case, 1, math.ceil(size / PIECES_MAX) }
  local distance = size > CUTS_MAX and math.ceil(size / 60) or 1
  for cut = 1, size - 1, distance do
    runs[#runs + 1] = { case, cut, size }
  end
end

-- The cases by the settings that they need: {["--body-bytes-max=10"] = {case, …}}.
local function by_options()
  local groups = {}
  for _, case in ipairs(transcripts.all()) do
    local options = { "--linger-timeout-ms=60000", "--head-timeout-ms=60000" } -- sending byte by byte takes its time
    for name, value in pairs(case.settings) do
      if name ~= "whole" then
        options[#options + 1] = "--" .. name:gsub("_", "-") .. (value == true and "" or "=" .. value)
      end
    end
    local key = table.concat(options, " ", 3)
    if not case.settings.response and transcripts.has_answer(case) and is_for_echo_in_lua(case) then
      groups[key] = groups[key] or { options = options }
      table.insert(groups[key], case)
    end
  end
  return groups
end

describe("the transcripts of HTTP/1.1,", function()
  for key, cases in pairs(by_options()) do
    it(("%d of them, %s"):format(#cases, key == "" and "with the default settings" or "with " .. key), function()
      local serving = gateway.start { routes = { ["echo.lua"] = ECHO }, options = cases.options }
      local runs = {}
      for _, case in ipairs(cases) do
        runs_of(case, runs)
      end
      wait.within(function()
        tg.map(runs, function(run) play(serving, unpack(run)) end, { max = AT_ONCE })
      end, SECONDS_MAX)
      serving:stop()
    end)
  end
end)
