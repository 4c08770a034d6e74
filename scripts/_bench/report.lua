-- wrk's requests: realistic reports of about 1.2 KB, each another one. The ids of all 201s go to a file, for
-- whoever checks afterwards that each is in the database.
local body = [[{"error":{"message":"Cannot read properties of undefined (reading 'price') for order %d","stack":"TypeError: Cannot read properties of undefined (reading 'price')\n    at computeTotal (/srv/app/src/checkout/total.js:42:17)\n    at applyDiscount (/srv/app/src/checkout/discount.js:18:9)\n    at CheckoutService.confirm (/srv/app/src/checkout/service.js:77:13)\n    at processOrder (/srv/app/src/orders/process.js:101:22)\n    at async handle (/srv/app/src/http/router.js:55:5)\n    at async /srv/app/node_modules/koa/lib/application.js:165:7\n    at async Server.<anonymous> (/srv/app/src/http/server.js:31:3)","path":"/api/orders/%d/total","method":"POST","type":"TypeError"},"level":"error","metadata":{"orderId":"%d","cart":{"items":3,"currency":"EUR","coupon":"SUMMER"},"host":"web-7.internal","durationMs":183,"memory":{"rss":183500800,"heap":91750400}},"environment":"production","release":"checkout@1.42.0","tags":{"browser":"Firefox 132","os":"Linux","region":"eu-west-1","tenant":"acme"},"user":{"id":"u-%d","username":"jane"}}]]
local number, ids = 0, nil
local per_request = tonumber(os.getenv("BENCH_PER_REQUEST") or "1")

local function one()
  number = number + 1
  return string.format(body, number, number % 1000, number, number % 500)
end

function init()
  wrk.method = "POST"
  wrk.headers["Content-Type"] = "application/json"
  wrk.headers["X-API-Key"] = os.getenv("BENCH_KEY")
  number = tonumber(os.getenv("BENCH_FIRST") or "0")
  local file = os.getenv("BENCH_IDS")
  if file then ids = io.open(file, "w") end
end

function request()
  if per_request == 1 then return wrk.format(nil, nil, nil, one()) end
  local reports = {}
  for index = 1, per_request do reports[index] = one() end
  return wrk.format(nil, nil, nil, "[" .. table.concat(reports, ",") .. "]")
end

function response(status, headers, text)
  if ids and status == 201 then ids:write(string.sub(text, 22, 57), "\n") end
end
