-- name: count
-- How many rules a sink has; no row where there is no such sink.
-- sink: uuid
SELECT (SELECT count(*) FROM projection.rule WHERE sink = s.id) AS rules
FROM projection.sink AS s
WHERE s.id = %(sink)s::uuid

-- name: find
-- A rule's sink, and what it asks for.
-- rule: uuid
SELECT sink, definition
FROM projection.rule
WHERE id = %(rule)s::uuid

-- name: create
-- The fact of a new rule.
-- rule, id: uuid; type: text; actor: text; data: jsonb
INSERT INTO log.event (id, type, stream, occurred_at, actor, data)
VALUES (%(id)s::uuid, %(type)s::text, %(rule)s::uuid, log.recorded_at(), %(actor)s::text, %(data)s::jsonb)

-- name: append
-- A fact about a rule that there is.
-- rule, id: uuid; type: text; actor: text; data: jsonb
INSERT INTO log.event (id, type, stream, occurred_at, actor, data)
SELECT %(id)s::uuid, %(type)s::text, r.id, log.recorded_at(), %(actor)s::text, %(data)s::jsonb
FROM projection.rule AS r
WHERE r.id = %(rule)s::uuid

-- name: list
-- Rules in the order of their making.
-- only: uuid or NULL, one rule; sink: uuid or NULL; after: uuid or NULL, the last of the page before;
-- row_limit: integer
SELECT
  r.id,
  r.sink,
  r.name,
  r.is_active,
  r.definition,
  r.created_at,
  r.created_by,
  r.position
FROM projection.rule AS r
WHERE (%(only)s::uuid IS NULL OR r.id = %(only)s::uuid)
  AND (%(sink)s::uuid IS NULL OR r.sink = %(sink)s::uuid)
  AND (%(after)s::uuid IS NULL OR r.id > %(after)s::uuid)
ORDER BY r.id
LIMIT %(row_limit)s::integer

-- name: decisions
-- What became of the alerts of a rule, newest first; of one issue, where one is given.
-- rule: uuid; sink: uuid, the rule's; issue: text or NULL; before: bigint or NULL, the last of the page before;
-- row_limit: integer
SELECT
  position,
  split_part(type, '.', 2) AS outcome,
  recorded_at AS at,
  data ->> 'kind' AS kind,
  data ->> 'what' AS what,
  data ->> 'words' AS words,
  data ->> 'reason' AS reason,
  (data ->> 'permanent')::boolean AS permanent,
  coalesce(data ->> 'reports', data ->> 'count')::bigint AS reports,
  (data ->> 'first_position')::bigint AS first_position,
  (data ->> 'last_position')::bigint AS last_position,
  CASE
    WHEN data ? 'issue' THEN jsonb_build_object(data ->> 'issue', data -> 'count')
    ELSE coalesce(data -> 'issues', '{}')
  END AS issues,
  data ->> 'message_id' AS message_id
FROM log.event
WHERE type IN ('alert.delivered', 'alert.suppressed', 'alert.failed')
  AND stream = %(sink)s::uuid
  AND data -> 'rules' ? %(rule)s::uuid::text
  AND (%(issue)s::text IS NULL OR data ->> 'issue' = %(issue)s::text OR data -> 'issues' ? %(issue)s::text)
  AND (%(before)s::bigint IS NULL OR position < %(before)s::bigint)
ORDER BY position DESC
LIMIT %(row_limit)s::integer

-- name: sink
-- How the sink of a rule stands, with what its follower remembers.
-- sink: uuid
SELECT
  k.is_active,
  k.name,
  k.switched_off_reason,
  coalesce(s.state, '{}') AS state,
  extract(epoch FROM clock_timestamp())::float AS now
FROM projection.sink AS k
LEFT JOIN runtime.subscription AS s ON s.sink = k.id
WHERE k.id = %(sink)s::uuid

-- name: issue
-- An issue's state, as far as rules care.
-- issue: uuid
SELECT id, status, substatus, muted_until, muted_events - events AS events_left, muted_users - users AS users_left
FROM projection.issue
WHERE id = %(issue)s::uuid

-- name: happened
-- Whether one of these happened to an issue behind a position.
-- issue: uuid; types: text[]; after: bigint
SELECT EXISTS (
  SELECT
  FROM log.event
  WHERE type <> 'error.reported'
    AND stream = %(issue)s::uuid
    AND type = ANY(%(types)s::text[])
    AND position > %(after)s::bigint
)
