-- name: facts
-- What happened to issues, as far as a rule may speak of it, in the order of their time.
-- types: text[]; since, until: timestamptz, when they occurred; row_limit: integer
SELECT
  position, id, type, stream, service, level, environment, release, occurred_at, recorded_at, actor, data
FROM log.event
WHERE type <> 'error.reported'
  AND type = ANY(%(types)s::text[])
  AND recorded_at >= %(since)s::timestamptz - interval '1 minute'
  AND occurred_at >= %(since)s::timestamptz
  AND occurred_at < %(until)s::timestamptz
ORDER BY occurred_at, position
LIMIT %(row_limit)s::integer

-- name: minutes
-- How many reports the groups of issues had, by minute and level, from the projected minutes.
-- since, until: timestamptz; services, levels, environments: text[], empty for any; row_limit: integer
SELECT
  g.issue,
  extract(epoch FROM m.minute)::bigint / 60 AS minute,
  g.service,
  m.level,
  m.reports
FROM projection.group_minute AS m
JOIN projection.issue_group AS g ON g.id = m.issue_group
WHERE m.minute >= %(since)s::timestamptz
  AND m.minute < %(until)s::timestamptz
  AND g.issue IS NOT NULL
  AND (%(services)s::text[] = '{}' OR g.service = ANY(%(services)s::text[]))
  AND (%(levels)s::text[] = '{}' OR m.level = ANY(%(levels)s::text[]))
  AND (%(environments)s::text[] = '{}' OR m.environment = ANY(%(environments)s::text[]))
ORDER BY m.minute
LIMIT %(row_limit)s::integer

-- name: parts
-- The same for minutes in which something was decided: what came before that and what behind it apart, with the first.
-- issues: uuid[] and instants: timestamptz[], what was decided of which issue, side by side; since, until: timestamptz;
-- services, levels, environments: text[], empty for any; row_limit: integer
SELECT
  m.issue,
  extract(epoch FROM m.minute)::bigint / 60 AS minute,
  r.service,
  r.level,
  count(*) AS reports,
  min(r.occurred_at) AS at
FROM (
  SELECT issue, date_bin('1 minute', instant, 'epoch') AS minute, array_agg(instant) AS instants
  FROM unnest(%(issues)s::uuid[], %(instants)s::timestamptz[]) AS decided (issue, instant)
  GROUP BY 1, 2
) AS m
JOIN projection.issue_group AS g ON g.issue = m.issue
JOIN projection.visible_report AS r
  ON r.stream = g.id
  AND r.occurred_at >= m.minute
  AND r.occurred_at < m.minute + interval '1 minute'
  AND r.recorded_at >= m.minute - interval '1 minute'
  AND r.recorded_at < r.occurred_at + interval '1 day'
CROSS JOIN LATERAL (
  SELECT count(*) AS number
  FROM unnest(m.instants) AS decided (instant)
  WHERE decided.instant <= r.occurred_at
) AS part
WHERE r.occurred_at >= %(since)s::timestamptz
  AND r.occurred_at < %(until)s::timestamptz
  AND (%(services)s::text[] = '{}' OR r.service = ANY(%(services)s::text[]))
  AND (%(levels)s::text[] = '{}' OR r.level = ANY(%(levels)s::text[]))
  AND (%(environments)s::text[] = '{}' OR coalesce(r.environment, '') = ANY(%(environments)s::text[]))
GROUP BY m.issue, m.minute, part.number, r.service, r.level
LIMIT %(row_limit)s::integer

-- name: reports
-- Single reports, where the projected minutes don't know what a rule asks for.
-- since, until: timestamptz; services, levels, environments: text[], empty for any; row_limit: integer
SELECT
  g.issue,
  r.occurred_at AS at,
  r.service,
  r.level,
  coalesce(r.environment, '') AS environment,
  coalesce(r.release, '') AS release,
  CASE WHEN jsonb_typeof(r.data -> 'tags') = 'object' THEN r.data -> 'tags' ELSE '{}' END AS tags,
  log.user_hash(r.data) AS user_hash
FROM projection.visible_report AS r
JOIN projection.issue_group AS g ON g.id = r.stream
WHERE r.occurred_at >= %(since)s::timestamptz
  AND r.occurred_at < %(until)s::timestamptz
  AND r.recorded_at >= %(since)s::timestamptz - interval '1 minute'
  AND r.recorded_at < r.occurred_at + interval '1 day'
  AND g.issue IS NOT NULL
  AND (%(services)s::text[] = '{}' OR r.service = ANY(%(services)s::text[]))
  AND (%(levels)s::text[] = '{}' OR r.level = ANY(%(levels)s::text[]))
  AND (%(environments)s::text[] = '{}' OR coalesce(r.environment, '') = ANY(%(environments)s::text[]))
ORDER BY r.occurred_at, r.position
LIMIT %(row_limit)s::integer

-- name: decided
-- What was decided about issues, with what they were before that, in order.
-- issues: uuid[]; since, until: timestamptz, the former for when it occurred; row_limit: integer
SELECT
  stream AS issue,
  occurred_at AS at,
  data #>> '{was,status}' AS status,
  data #>> '{was,substatus}' AS substatus,
  (data #>> '{was,assignee}')::uuid AS assignee
FROM log.event
WHERE type <> 'error.reported'
  AND stream = ANY(%(issues)s::uuid[])
  AND recorded_at >= %(since)s::timestamptz - interval '1 minute'
  AND occurred_at >= %(since)s::timestamptz
  AND data #>> '{was,status}' IS NOT NULL
ORDER BY position
LIMIT %(row_limit)s::integer
