-- Another path and header in each request.

local sent = 0

function request()
   sent = sent + 1
   wrk.headers["X-Sent"] = sent
   return wrk.format("GET", "/item/" .. sent)
end
