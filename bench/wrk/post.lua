-- For wrk: posts the JSON in the file that its first argument names.

function init(arguments)
  wrk.method = "POST"
  wrk.body = assert(io.open(arguments[1])):read "*a"
  wrk.headers["Content-Type"] = "application/json"
end
