-- name: list
-- The first issues in order, by conditions on their own columns. What stands in /* */ is what the module
-- puts in: the conditions, and another column to sort by.
-- after: timestamptz or NULL, after_id: uuid or NULL, the last item of the page before; row_limit: integer
SELECT i.id, i.last_seen AS sorted
FROM projection.issue AS i
WHERE NOT i.is_hidden
  AND /*own*/ true
  AND (%(after_id)s::uuid IS NULL OR (i.last_seen, i.id) < (%(after)s::timestamptz, %(after_id)s::uuid))
ORDER BY i.last_seen DESC, i.id DESC
LIMIT %(row_limit)s::integer

-- name: list_head
-- As list, with conditions that look elsewhere, among so many of the first issues that meet the rest. It is
-- the whole answer where it fills a page: what is common is soon found by walking.
-- after: timestamptz or NULL, after_id: uuid or NULL; head: integer; row_limit: integer
SELECT i.id, i.sorted
FROM (
  SELECT i.id, i.last_seen AS sorted, i.users, i.search
  FROM projection.issue AS i
  WHERE NOT i.is_hidden
    AND /*own*/ true
    AND (%(after_id)s::uuid IS NULL OR (i.last_seen, i.id) < (%(after)s::timestamptz, %(after_id)s::uuid))
  ORDER BY i.last_seen DESC, i.id DESC
  LIMIT %(head)s::integer
) AS i
WHERE /*others*/ true
ORDER BY i.sorted DESC, i.id DESC
LIMIT %(row_limit)s::integer

-- name: list_found
-- As list_head, among all issues: found first, sorted then, because to what is rare a walk would be long.
-- after: timestamptz or NULL, after_id: uuid or NULL; row_limit: integer
WITH found AS MATERIALIZED (
  SELECT i.id, i.last_seen AS sorted
  FROM projection.issue AS i
  WHERE NOT i.is_hidden
    AND /*own*/ true
    AND /*others*/ true
    AND (%(after_id)s::uuid IS NULL OR (i.last_seen, i.id) < (%(after)s::timestamptz, %(after_id)s::uuid))
)
SELECT i.id, i.sorted
FROM found AS i
ORDER BY i.sorted DESC, i.id DESC
LIMIT %(row_limit)s::integer

-- name: list_trend
-- Issues by how much louder they are than a day before: the difference of the reports of two days by the root of
-- their sum, which is how far chance would carry it. So no score exceeds the root of an issue's reports, and it is
-- enough to look at the loudest of those that were seen in the two days.
-- since, middle, until: timestamptz, full hours; candidates: integer, so many of the loudest; after: bigint or NULL,
-- after_id: uuid or NULL; row_limit: integer
WITH found AS NOT MATERIALIZED (
  SELECT i.id, i.events, i.events_rank
  FROM projection.issue AS i
  WHERE NOT i.is_hidden
    AND i.last_seen >= %(since)s::timestamptz
    AND /*own*/ true
    AND /*others*/ true
),
loudest AS MATERIALIZED (
  SELECT f.id
  FROM found AS f
  ORDER BY f.events_rank DESC, f.events DESC, f.id DESC
  LIMIT %(candidates)s::integer
),
scored AS (
  SELECT l.id, round(1000 * (h.late - h.early) / sqrt(h.late + h.early))::bigint AS sorted
  FROM loudest AS l
  CROSS JOIN LATERAL (
    SELECT
      coalesce(sum(g_hour.reports) FILTER (WHERE g_hour.hour >= %(middle)s::timestamptz), 0) AS late,
      coalesce(sum(g_hour.reports) FILTER (WHERE g_hour.hour < %(middle)s::timestamptz), 0) AS early
    FROM projection.issue_group AS g
    JOIN projection.group_hour AS g_hour ON g_hour.issue_group = g.id
    WHERE g.issue = l.id
      AND g_hour.hour >= %(since)s::timestamptz
      AND g_hour.hour < %(until)s::timestamptz
      AND g_hour.reports > 0
  ) AS h
  WHERE h.late + h.early > 0
)
SELECT s.id, s.sorted
FROM scored AS s
WHERE %(after_id)s::uuid IS NULL OR (s.sorted, s.id) < (%(after)s::bigint, %(after_id)s::uuid)
ORDER BY s.sorted DESC, s.id DESC
LIMIT %(row_limit)s::integer
