-- wrk's requests: the bodies of BENCH_BODIES (a line with the length, then the body, and so on), one after the other.
-- The ids of all 200s go to a file, for whoever checks afterwards that each is in the database.
local bodies, number, ids = {}, 0, nil

function init()
  wrk.method = "POST"
  wrk.headers["Content-Type"] = "application/x-sentry-envelope"
  wrk.headers["Content-Encoding"] = "gzip"
  wrk.headers["X-Sentry-Auth"] = "Sentry sentry_version=7, sentry_client=bench/1, sentry_key=" .. os.getenv("BENCH_KEY")
  local input = io.open(os.getenv("BENCH_BODIES"), "rb")
  for length in function() return input:read("*n") end do
    input:read(1)
    bodies[#bodies + 1] = wrk.format(nil, nil, nil, input:read(length))
  end
  input:close()
  local file = os.getenv("BENCH_IDS")
  if file then ids = io.open(file, "w") end
end

function request()
  number = number % #bodies + 1
  return bodies[number]
end

function response(status, headers, text)
  if ids and status == 200 then ids:write(string.sub(text, 8, 39), "\n") end
end
