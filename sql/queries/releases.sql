-- name: list
-- A page of releases, the newest first, with the issues that were first seen in each.
-- service: text or NULL; after_at: timestamptz, after_service, after_version: text, the last page's end or NULL;
-- row_limit: integer
SELECT
  r.service,
  r.version,
  r.first_seen,
  greatest(r.last_seen, r.first_seen) AS last_seen,
  r.reports AS events,
  fresh.issues AS new_issues
FROM projection.release AS r
CROSS JOIN LATERAL (
  SELECT count(DISTINCT g.issue) AS issues
  FROM projection.group_tag AS t
  JOIN projection.issue_group AS g ON g.id = t.issue_group AND g.service = r.service
  JOIN projection.issue AS i ON i.id = g.issue AND NOT i.is_hidden AND i.first_seen = t.first_seen
  WHERE t.key = 'release' AND t.value = r.version AND NOT t.is_overflow
) AS fresh
WHERE r.reports > 0
  AND (%(service)s::text IS NULL OR r.service = %(service)s::text)
  AND (
    %(after_at)s::timestamptz IS NULL
    OR (r.first_seen, r.service, r.version)
      < (%(after_at)s::timestamptz, %(after_service)s::text, %(after_version)s::text)
  )
ORDER BY r.first_seen DESC, r.service DESC, r.version DESC
LIMIT %(row_limit)s::integer
