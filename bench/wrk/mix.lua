-- For wrk: four kinds of requests in turn.

local body = ("x"):rep(8192)
local requests

function init()
  requests = {
    wrk.format("GET", "/hello"),
    wrk.format("POST", "/swallow", { ["Content-Type"] = "application/octet-stream" }, body),
    wrk.format("GET", "/missing"),
    wrk.format("GET", "/pieces"),
  }
end

local place = 0

function request()
  place = place % #requests + 1
  return requests[place]
end
