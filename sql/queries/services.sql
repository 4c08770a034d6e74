-- name: list
-- A page of services by name, of reports and of keys, with their counts. Hours are whole: the last 24 hours
-- are those that began less than 24 hours ago.
-- after: text or NULL, the name that the page before ended with; row_limit: integer
WITH named AS (
  SELECT name
  FROM projection.service
  UNION
  SELECT service
  FROM projection.api_key
),
page AS (
  SELECT name
  FROM named
  WHERE %(after)s::text IS NULL OR name > %(after)s::text
  ORDER BY name
  LIMIT %(row_limit)s::integer
)
SELECT
  p.name,
  s.first_seen,
  greatest(s.last_seen, s.first_seen) AS last_seen,
  coalesce(c.events, 0)::bigint AS events,
  coalesce(c.events_7d, 0)::bigint AS events_7d,
  coalesce(c.events_24h, 0)::bigint AS events_24h,
  (
    SELECT coalesce(sum(quantity), 0)
    FROM projection.drop_hour
    WHERE service = p.name AND hour > now() - interval '24 hours'
  )::bigint AS dropped_24h,
  c.newest_hour
FROM page AS p
LEFT JOIN projection.service AS s ON s.name = p.name
LEFT JOIN LATERAL (
  SELECT
    sum(reports) AS events,
    sum(reports) FILTER (WHERE hour > now() - interval '7 days') AS events_7d,
    sum(reports) FILTER (WHERE hour > now() - interval '24 hours') AS events_24h,
    max(hour) FILTER (WHERE reports > 0) AS newest_hour
  FROM projection.hour_count
  WHERE service = p.name
) AS c ON true
ORDER BY p.name

-- name: newest
-- The newest report of each service, sought in the newest hour that the counts know of.
-- names: text[]; hours: timestamptz[], one for each name
SELECT r.service, r.id, r.position, r.level, r.message, r.occurred_at
FROM unnest(%(names)s::text[], %(hours)s::timestamptz[]) AS wanted (name, hour)
CROSS JOIN LATERAL (
  SELECT service, id, position, level, data ->> 'message' AS message, occurred_at
  FROM projection.visible_report
  WHERE service = wanted.name
    AND occurred_at >= wanted.hour
    AND occurred_at < wanted.hour + interval '1 hour'
    AND recorded_at >= wanted.hour - interval '1 minute'
  ORDER BY occurred_at DESC, position DESC
  LIMIT 1
) AS r

-- name: keys
-- The keys of services.
-- names: text[]
SELECT id, name, service, is_active, last_used_at
FROM projection.api_key
WHERE service = ANY(%(names)s::text[])
ORDER BY created_at, id
