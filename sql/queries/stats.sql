-- name: by_hour
-- Reports per step and level, per service, per level and in all, from the hours' counts. With minute for hour, the
-- same from the minutes' counts, which leave out what came more than a day late.
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

-- name: of_issue_by_hour
-- As by_hour, of the reports of one issue.
-- step: interval; since, until: timestamptz, full steps; issue: uuid; service, level, environment: text or NULL
SELECT
  date_bin(%(step)s::interval, h.hour, 'epoch') AS at,
  h.level,
  g.service,
  sum(h.reports)::bigint AS reports
FROM projection.issue_group AS g
JOIN projection.group_hour AS h ON h.issue_group = g.id
WHERE g.issue = %(issue)s::uuid
  AND h.hour >= %(since)s::timestamptz
  AND h.hour < %(until)s::timestamptz
  AND (%(service)s::text IS NULL OR g.service = %(service)s::text)
  AND (%(level)s::text IS NULL OR h.level = %(level)s::text)
  AND (%(environment)s::text IS NULL OR h.environment = %(environment)s::text)
  AND h.reports > 0
GROUP BY GROUPING SETS ((1, h.level), (g.service))
