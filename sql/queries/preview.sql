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

-- name: reports
-- Single reports, where the projected minutes don't know what a rule asks for.
-- since, until: timestamptz; services, levels, environments: text[], empty for any; row_limit: integer
SELECT
  g.issue,
  extract(epoch FROM date_bin('1 minute', r.occurred_at, 'epoch'))::bigint / 60 AS minute,
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
-- What was decided about issues, and what before that, in order.
-- since: timestamptz; types: text[]; row_limit: integer
SELECT
  stream AS issue,
  type,
  extract(epoch FROM occurred_at)::float AS at,
  data #>> '{was,status}' AS status_before,
  coalesce(data #>> '{was,substatus}', '') AS substatus_before,
  data #>> '{state,status}' AS status_after,
  coalesce(data #>> '{state,substatus}', '') AS substatus_after
FROM log.event
WHERE type <> 'error.reported'
  AND type = ANY(%(types)s::text[])
  AND recorded_at >= %(since)s::timestamptz - interval '1 minute'
  AND occurred_at >= %(since)s::timestamptz
ORDER BY position
LIMIT %(row_limit)s::integer
