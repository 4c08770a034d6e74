-- name: append
-- Appends events in one statement, sent whole: the lock is never held while a client dawdles.
-- events: jsonb, an array of rows as avalon.events.NewEvent encodes them
INSERT INTO log.event (id, type, stream, service, level, environment, release, occurred_at, actor, data)
SELECT
  e.id,
  e.type,
  e.stream,
  e.service,
  e.level,
  e.environment,
  e.release,
  least(coalesce(e.occurred_at, log.recorded_at()), log.recorded_at() + interval '1 minute'),
  e.actor,
  e.data
FROM jsonb_to_recordset(%(events)s::jsonb) AS e (
  id uuid,
  type text,
  stream uuid,
  service text,
  level text,
  environment text,
  release text,
  occurred_at timestamptz,
  actor text,
  data jsonb
)
ON CONFLICT DO NOTHING
RETURNING position, id, service

-- name: find_reports
-- Where reports of the last two days stand, for retries that were stored already.
-- ids: uuid[]; services: text[], one for each id
SELECT e.position, e.id, e.service
FROM unnest(%(ids)s::uuid[], %(services)s::text[]) AS wanted (id, service)
JOIN log.event AS e
  ON e.type = 'error.reported'
  AND e.recorded_at >= now() - interval '2 days'
  AND e.id = wanted.id
  AND e.service = wanted.service

-- name: rates
-- What keys with a rate have used of the log's current minute, and how many seconds of it are left.
-- keys: uuid[]
SELECT
  m.api_key,
  m.reports,
  60 - extract(epoch FROM clock_timestamp() - date_bin('1 minute', clock_timestamp(), 'epoch'))::float AS left_s
FROM unnest(%(keys)s::uuid[]) AS wanted (id)
LEFT JOIN projection.api_key_minute AS m
  ON m.api_key = wanted.id AND m.minute = date_bin('1 minute', clock_timestamp(), 'epoch')

-- name: read_after
-- The events behind a cursor, facts always and reports as wanted, with the head of the same snapshot.
-- Always gives a row: where there is no event its columns are NULL. A brief read cuts large reports down to
-- what lists and alerts show, so that a read is bounded; small ones, which are never compressed, go as they are.
-- position: bigint and recorded_at: timestamptz, the cursor; everything: boolean; services, levels: text[];
-- issues: uuid[]; brief: boolean; row_limit: integer
SELECT
  head.position AS head_position,
  head.recorded_at AS head_recorded_at,
  e.position,
  e.id,
  e.type,
  e.stream,
  e.service,
  e.level,
  e.environment,
  e.release,
  e.occurred_at,
  e.recorded_at,
  e.actor,
  CASE
    WHEN NOT %(brief)s::boolean
      OR e.type <> 'error.reported'
      OR (pg_column_compression(e.data) IS NULL AND pg_column_size(e.data) <= 8192)
      THEN e.data
    ELSE jsonb_strip_nulls(jsonb_build_object(
      'message', e.data -> 'message',
      'stack', left(e.data ->> 'stack', 65536),
      'path', e.data -> 'path',
      'method', e.data -> 'method',
      'exceptions', jsonb_build_array(jsonb_build_object('type', coalesce(e.data #> '{grouping,type}', e.data #> '{exceptions,-1,type}')))
    )) || CASE
      WHEN length((e.data -> 'metadata')::text) <= 32768 THEN jsonb_build_object('metadata', e.data -> 'metadata')
      ELSE '{}'
    END
  END AS data,
  e.issue,
  e.title
FROM (SELECT) AS always
LEFT JOIN LATERAL (
  SELECT position, recorded_at
  FROM log.event
  WHERE recorded_at >= %(recorded_at)s::timestamptz
  ORDER BY position DESC
  LIMIT 1
) AS head ON true
LEFT JOIN LATERAL (
  SELECT event.*, g.issue, g.title
  FROM log.event
  LEFT JOIN projection.issue_group AS g ON g.id = CASE
    WHEN event.type = 'error.reported' THEN event.stream
    WHEN event.type IN ('issue.opened', 'issue.regressed') THEN (event.data ->> 'group')::uuid
  END
  WHERE event.position > %(position)s::bigint
    AND event.recorded_at >= %(recorded_at)s::timestamptz
    AND (
      event.type <> 'error.reported'
      OR %(everything)s::boolean
      OR event.service = ANY(%(services)s::text[])
      OR event.level = ANY(%(levels)s::text[])
      OR g.issue = ANY(%(issues)s::uuid[])
    )
  ORDER BY event.position
  LIMIT %(row_limit)s::integer
) AS e ON true
ORDER BY e.position

-- name: read_facts_after
-- As read_after, but facts alone: the partitions of reports are left out by the planner.
-- position: bigint and recorded_at: timestamptz, the cursor; row_limit: integer
SELECT
  head.position AS head_position,
  head.recorded_at AS head_recorded_at,
  e.position,
  e.id,
  e.type,
  e.stream,
  e.service,
  e.level,
  e.environment,
  e.release,
  e.occurred_at,
  e.recorded_at,
  e.actor,
  e.data,
  e.issue,
  e.title
FROM (SELECT) AS always
LEFT JOIN LATERAL (
  SELECT position, recorded_at
  FROM log.event
  WHERE recorded_at >= %(recorded_at)s::timestamptz
  ORDER BY position DESC
  LIMIT 1
) AS head ON true
LEFT JOIN LATERAL (
  SELECT event.*, g.issue, g.title
  FROM log.event
  LEFT JOIN projection.issue_group AS g
    ON event.type IN ('issue.opened', 'issue.regressed') AND g.id = (event.data ->> 'group')::uuid
  WHERE event.type <> 'error.reported' AND event.position > %(position)s::bigint
  ORDER BY event.position
  LIMIT %(row_limit)s::integer
) AS e ON true
ORDER BY e.position

-- name: settle
-- Waits for the append that is being committed, if there is one: its partitions are known to all after it.
SELECT pg_advisory_xact_lock_shared(4711)

-- name: head
-- The last event of the log: where somebody who wants only what is new begins.
SELECT position, recorded_at
FROM log.event
ORDER BY position DESC
LIMIT 1

-- name: cursor_at
-- The full cursor of a bare position: what a reader knew when it had read up to there.
-- position: bigint
SELECT position, recorded_at
FROM log.event
WHERE position <= %(position)s::bigint
ORDER BY position DESC
LIMIT 1

-- name: is_gone
-- Whether a reader at this position has missed something for good: a dropped day, or a lost timeline.
-- position: bigint
SELECT
  EXISTS (SELECT FROM projection.expired_day WHERE last_position > %(position)s::bigint)
  OR EXISTS (
    SELECT
    FROM projection.epoch
    WHERE previous_head < %(position)s::bigint AND position > %(position)s::bigint AND previous_head > 0
  )
  OR %(position)s::bigint > coalesce((SELECT max(position) FROM log.event), 0)

-- name: read_stream
-- The facts of one thing, oldest first.
-- stream: uuid; after: bigint; row_limit: integer
SELECT position, id, type, stream, service, level, environment, release, occurred_at, recorded_at, actor, data
FROM log.event
WHERE type <> 'error.reported' AND stream = %(stream)s::uuid AND position > %(after)s::bigint
ORDER BY position
LIMIT %(row_limit)s::integer
