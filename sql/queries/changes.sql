-- name: between_instants
-- Per issue, the reports of two spans that lie side by side; from the hours' counts, which hold every report. With minute
-- for hour, the same from the minutes' counts, which leave out what came more than a day late.
-- before, since, until: timestamptz, full hours; service, environment: text or NULL
SELECT
  i.id,
  i.service,
  i.type,
  i.title,
  i.culprit,
  i.level,
  i.status,
  i.first_seen,
  greatest(i.last_seen, i.first_seen) AS last_seen,
  i.first_seen >= %(since)s::timestamptz AS is_new,
  counted.earlier,
  counted.later
FROM (
  SELECT
    g.issue,
    coalesce(sum(h.reports) FILTER (WHERE h.hour < %(since)s::timestamptz), 0)::bigint AS earlier,
    coalesce(sum(h.reports) FILTER (WHERE h.hour >= %(since)s::timestamptz), 0)::bigint AS later
  FROM projection.group_hour AS h
  JOIN projection.issue_group AS g ON g.id = h.issue_group
  WHERE h.hour >= %(before)s::timestamptz
    AND h.hour < %(until)s::timestamptz
    AND (%(service)s::text IS NULL OR g.service = %(service)s::text)
    AND (%(environment)s::text IS NULL OR h.environment = %(environment)s::text)
  GROUP BY g.issue
) AS counted
JOIN projection.issue AS i ON i.id = counted.issue AND NOT i.is_hidden
WHERE counted.earlier + counted.later > 0

-- name: between_releases
-- Per issue, the reports of two releases; new is what no other release had before the later one.
-- earlier, later: text; service: text or NULL
SELECT
  i.id,
  i.service,
  i.type,
  i.title,
  i.culprit,
  i.level,
  i.status,
  i.first_seen,
  greatest(i.last_seen, i.first_seen) AS last_seen,
  counted.earlier = 0 AND counted.later_seen <= i.first_seen AS is_new,
  counted.earlier,
  counted.later
FROM (
  SELECT
    g.issue,
    coalesce(sum(t.reports) FILTER (WHERE t.value = %(earlier)s::text), 0)::bigint AS earlier,
    coalesce(sum(t.reports) FILTER (WHERE t.value = %(later)s::text), 0)::bigint AS later,
    min(t.first_seen) FILTER (WHERE t.value = %(later)s::text) AS later_seen
  FROM projection.group_tag AS t
  JOIN projection.issue_group AS g ON g.id = t.issue_group
  WHERE t.key = 'release'
    AND t.value IN (%(earlier)s::text, %(later)s::text)
    AND NOT t.is_overflow
    AND (%(service)s::text IS NULL OR g.service = %(service)s::text)
  GROUP BY g.issue
) AS counted
JOIN projection.issue AS i ON i.id = counted.issue AND NOT i.is_hidden
WHERE counted.earlier + counted.later > 0

-- name: exposure
-- How long each of these releases has been reporting, over all services that it has, and the key that it sorts by.
-- releases: text[]; service: text or NULL
SELECT
  version,
  max(sort_key) AS sort_key,
  min(first_seen) AS first_seen,
  greatest(max(last_seen), min(first_seen)) AS last_seen,
  sum(reports)::bigint AS reports
FROM projection.release
WHERE version = ANY(%(releases)s::text[])
  AND (%(service)s::text IS NULL OR service = %(service)s::text)
GROUP BY version
