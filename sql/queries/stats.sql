-- name: by_hour
-- Reports per step and level, per service, per level and in all, from the hours' counts.
-- step: interval; since, until: timestamptz, full steps; service, level, environment: text or NULL
SELECT
  date_bin(%(step)s::interval, hour, 'epoch') AS at,
  level,
  service,
  sum(reports)::bigint AS reports
FROM projection.hour_count
WHERE hour >= %(since)s::timestamptz
  AND hour < %(until)s::timestamptz
  AND (%(service)s::text IS NULL OR service = %(service)s::text)
  AND (%(level)s::text IS NULL OR level = %(level)s::text)
  AND (%(environment)s::text IS NULL OR environment = %(environment)s::text)
  AND reports > 0
GROUP BY GROUPING SETS ((1, level), (service))

-- name: by_minute
-- As by_hour, from the minutes' counts, which leave out what came more than a day late.
-- step: interval; since, until: timestamptz, full steps; service, level, environment: text or NULL
SELECT
  date_bin(%(step)s::interval, minute, 'epoch') AS at,
  level,
  service,
  sum(reports)::bigint AS reports
FROM projection.minute_count
WHERE minute >= %(since)s::timestamptz
  AND minute < %(until)s::timestamptz
  AND (%(service)s::text IS NULL OR service = %(service)s::text)
  AND (%(level)s::text IS NULL OR level = %(level)s::text)
  AND (%(environment)s::text IS NULL OR environment = %(environment)s::text)
  AND reports > 0
GROUP BY GROUPING SETS ((1, level), (service))
