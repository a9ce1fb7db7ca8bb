-- wrk's clients, with heads as those of bench/browse: each request is that of the next of a thousand clients.

local next_client = 0

wrk.headers["Host"] = "www.example.org"
wrk.headers["User-Agent"] = "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0"
wrk.headers["Accept"] = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"

function request()
   local n = next_client % 1000
   next_client = next_client + 1
   wrk.headers["X-Forwarded-For"] = string.format("198.51.%d.%d", 100 + math.floor(n / 100), 100 + n % 100)
   return wrk.format()
end
