-- A connection waits 5 to 15 ms before each request.

function delay()
   return math.random(5, 15)
end
