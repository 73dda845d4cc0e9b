-- The first answer decides about all requests that follow.

local token, path = nil, "/login"

function request()
   return wrk.format("GET", path)
end

function response(status, headers, body)
   if token == nil and status == 200 then
      token, path = headers["Server"] or body, "/item"
      wrk.headers["Authorization"] = "Bearer " .. token
   end
end
