-- Takes a document and gives it back: decoded, and encoded again.

return function(app)
  app:post("/json", function(request)
    return request:json()
  end)
end
