-- wrk's requests: realistic reports of about 1.2 KB, each another one, of BENCH_GROUPS errors in turns. The ids of all
-- 201s go to a file, for whoever checks afterwards that each is in the database.
local body = [[{"error":{"message":"Cannot read properties of undefined (reading '%s') for order %d","stack":"TypeError: Cannot read properties of undefined (reading '%s')\n    at %sTotal (/srv/app/src/checkout/total.js:42:17)\n    at applyDiscount (/srv/app/src/checkout/discount.js:18:9)\n    at CheckoutService.confirm (/srv/app/src/checkout/service.js:77:13)\n    at processOrder (/srv/app/src/orders/process.js:101:22)\n    at async handle (/srv/app/src/http/router.js:55:5)\n    at async /srv/app/node_modules/koa/lib/application.js:165:7\n    at async Server.<anonymous> (/srv/app/src/http/server.js:31:3)","path":"/api/orders/%d/total","method":"POST","type":"TypeError"},"level":"error","metadata":{"orderId":"%d","cart":{"items":3,"currency":"EUR","coupon":"SUMMER"},"host":"web-7.internal","durationMs":183,"memory":{"rss":183500800,"heap":91750400}},"environment":"%s","release":"checkout@1.%d.0","tags":{"browser":"Firefox %d","os":"%s","region":"%s","tenant":"tenant %d","server":"web-%d"},"user":{"id":"u-%d","username":"jane"}}]]
local environments = { "production", "production", "production", "staging" }
local systems = { "Linux", "Windows", "macOS", "Android", "iOS" }
local regions = { "eu-west-1", "us-east-1" }
local number, ids = 0, nil
local per_request = tonumber(os.getenv("BENCH_PER_REQUEST") or "1")
local groups = tonumber(os.getenv("BENCH_GROUPS") or "1")

-- A name for each error, of letters alone: digits would be masked.
local function word(index)
  return string.char(98 + math.floor(index / 400), 97 + math.floor(index / 20) % 20, 97 + index % 20)
end

local function one()
  number = number + 1
  local name, random = word(number % groups), math.random
  return string.format(
    body, name, number, name, name, number % 1000, number, environments[random(4)], random(5), 130 + random(4),
    systems[random(5)], regions[random(2)], random(50), random(10), random(5000)
  )
end

function init()
  math.randomseed(tonumber(os.getenv("BENCH_FIRST") or "0"))
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
