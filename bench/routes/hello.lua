-- The smallest route: one table, encoded for each request.

return function(app)
  app:get("/hello", function()
    return { message = "Hello World!" }
  end)
end
