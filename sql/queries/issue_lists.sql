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
  SELECT i.id, i.last_seen
  FROM projection.issue AS i
  WHERE NOT i.is_hidden
    AND /*own*/ true
    AND /*others*/ true
    AND (%(after_id)s::uuid IS NULL OR (i.last_seen, i.id) < (%(after)s::timestamptz, %(after_id)s::uuid))
)
SELECT i.id, i.last_seen AS sorted
FROM found AS i
ORDER BY i.last_seen DESC, i.id DESC
LIMIT %(row_limit)s::integer

-- name: list_trend
-- Issues by how much louder they are than a day before: the difference of the reports of two days by the root of
-- their sum, which is how far chance would carry it. Only issues with reports in the two days are listed.
-- since, middle, until: timestamptz, full hours; after: bigint or NULL, after_id: uuid or NULL; row_limit: integer
WITH counted AS MATERIALIZED (
  SELECT
    h.issue_group,
    sum(h.reports) FILTER (WHERE h.hour >= %(middle)s::timestamptz) AS late,
    sum(h.reports) FILTER (WHERE h.hour < %(middle)s::timestamptz) AS early
  FROM projection.group_hour AS h
  WHERE h.hour >= %(since)s::timestamptz AND h.hour < %(until)s::timestamptz AND h.reports > 0
  GROUP BY h.issue_group
),
summed AS (
  SELECT g.issue, coalesce(sum(c.late), 0) AS late, coalesce(sum(c.early), 0) AS early
  FROM counted AS c
  JOIN projection.issue_group AS g ON g.id = c.issue_group
  GROUP BY g.issue
),
scored AS (
  SELECT s.issue, round(1000 * (s.late - s.early) / sqrt(s.late + s.early))::bigint AS sorted
  FROM summed AS s
)
SELECT i.id, s.sorted
FROM scored AS s
JOIN projection.issue AS i ON i.id = s.issue
WHERE NOT i.is_hidden
  AND /*own*/ true
  AND /*others*/ true
  AND (%(after_id)s::uuid IS NULL OR (s.sorted, i.id) < (%(after)s::bigint, %(after_id)s::uuid))
ORDER BY s.sorted DESC, i.id DESC
LIMIT %(row_limit)s::integer
