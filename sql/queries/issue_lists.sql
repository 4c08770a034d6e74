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

-- name: list_of_types
-- As list, of issues whose type is one of these: the first of each type, in the order of its index. The newest issues
-- of all types may be others for long.
-- types: text[]; after: timestamptz or NULL, after_id: uuid or NULL; row_limit: integer
SELECT i.id, i.sorted
FROM unnest(%(types)s::text[]) AS wanted (type)
CROSS JOIN LATERAL (
  SELECT i.id, i.last_seen AS sorted
  FROM projection.issue AS i
  WHERE NOT i.is_hidden
    AND i.type = wanted.type
    AND /*own*/ true
    AND (%(after_id)s::uuid IS NULL OR (i.last_seen, i.id) < (%(after)s::timestamptz, %(after_id)s::uuid))
  ORDER BY i.last_seen DESC, i.id DESC
  LIMIT %(row_limit)s::integer
) AS i
ORDER BY i.sorted DESC, i.id DESC
LIMIT %(row_limit)s::integer

-- name: fewest
-- Of the conditions that look elsewhere, how many rows the one finds that finds the fewest. The module puts the
-- counts in, each of which ends at `rare`.
SELECT least(/*counts*/ NULL::bigint)

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
-- their sum, which is how far chance would carry it. Worked out of the loudest, because no score exceeds the root of
-- an issue's reports, and of those that a sample of the last day's reports names most often: what rises is found there.
-- loudest: uuid[]; since, middle, until: timestamptz, full hours; recorded_since: timestamptz, a minute before middle;
-- sample: integer, reports of each five minutes; candidates: integer, groups of the sample; after: bigint or NULL,
-- after_id: uuid or NULL; row_limit: integer
WITH sampled AS MATERIALIZED (
  SELECT r.stream, count(*) AS reports
  FROM generate_series(
    %(middle)s::timestamptz, %(until)s::timestamptz - interval '5 minutes', interval '5 minutes'
  ) AS slot (start)
  CROSS JOIN LATERAL (
    SELECT e.stream
    FROM log.event AS e
    WHERE e.type = 'error.reported'
      AND e.recorded_at >= %(recorded_since)s::timestamptz
      AND e.occurred_at >= slot.start
      AND e.occurred_at < slot.start + interval '5 minutes'
    LIMIT %(sample)s::integer
  ) AS r
  GROUP BY r.stream
  ORDER BY 2 DESC, 1
  LIMIT %(candidates)s::integer
),
candidate AS MATERIALIZED (
  SELECT unnest(%(loudest)s::uuid[]) AS id
  UNION
  SELECT i.id
  FROM sampled AS s
  JOIN projection.issue_group AS named ON named.id = s.stream
  JOIN projection.issue AS i ON i.id = named.issue
  WHERE NOT i.is_hidden
    AND /*own*/ true
    AND /*others*/ true
),
scored AS (
  SELECT c.id, round(1000 * (h.late - h.early) / sqrt(h.late + h.early))::bigint AS sorted
  FROM candidate AS c
  CROSS JOIN LATERAL (
    SELECT
      coalesce(sum(g_hour.reports) FILTER (WHERE g_hour.hour >= %(middle)s::timestamptz), 0) AS late,
      coalesce(sum(g_hour.reports) FILTER (WHERE g_hour.hour < %(middle)s::timestamptz), 0) AS early
    FROM projection.issue_group AS g
    JOIN projection.group_hour AS g_hour ON g_hour.issue_group = g.id
    WHERE g.issue = c.id
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
