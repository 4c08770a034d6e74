-- name: claim
-- Takes every lease that is free, of sinks that are active or have something left to write off.
-- A lease of one's own is taken again with a new token: its follower has ended.
-- owner: text; lease_s: float; running: uuid[], the sinks that this replica follows already
UPDATE runtime.subscription AS s
SET
  owner = %(owner)s::text,
  token = s.token + 1,
  lease_until = clock_timestamp() + %(lease_s)s::float * interval '1 second'
FROM projection.sink AS k
JOIN account.sink_secret AS x ON x.sink = k.id
WHERE k.id = s.sink
  AND s.sink <> ALL(%(running)s::uuid[])
  AND (s.lease_until <= clock_timestamp() OR s.owner = %(owner)s::text)
  AND (k.is_active OR s.state ?| ARRAY['issues', 'silent', 'outbox'])
RETURNING
  s.sink,
  s.token,
  s.position,
  s.recorded_at,
  s.state,
  k.kind,
  k.name,
  k.is_active,
  k.levels,
  k.position AS changed_at,
  x.url,
  x.secret,
  x.recipients,
  extract(epoch FROM clock_timestamp())::float AS now

-- name: sinks
-- The sinks that there are, and whether anybody could follow them.
SELECT k.id, k.is_active, k.position AS changed_at, s.sink IS NOT NULL AS has_checkpoint
FROM projection.sink AS k
LEFT JOIN runtime.subscription AS s ON s.sink = k.id

-- name: start_from_head
-- Makes the checkpoint of a sink that has lost it: schema runtime is not part of what must survive.
-- sink: uuid
INSERT INTO runtime.subscription (sink, position, recorded_at, token)
SELECT
  %(sink)s::uuid,
  coalesce(head.position, 0),
  coalesce(head.recorded_at, '2000-01-01 00:00:00+00'),
  (extract(epoch FROM clock_timestamp()) * 1000000)::bigint
FROM (SELECT) AS always
LEFT JOIN LATERAL (SELECT position, recorded_at FROM log.event ORDER BY position DESC LIMIT 1) AS head ON true
ON CONFLICT DO NOTHING

-- name: save
-- Saves the checkpoint and renews the lease; touches nothing where the lease is another's by now.
-- sink: uuid; token: bigint; position: bigint; recorded_at: timestamptz; state: jsonb; lease_s: float
UPDATE runtime.subscription
SET
  position = %(position)s::bigint,
  recorded_at = %(recorded_at)s::timestamptz,
  state = %(state)s::jsonb,
  lease_until = clock_timestamp() + %(lease_s)s::float * interval '1 second'
WHERE sink = %(sink)s::uuid AND token = %(token)s::bigint AND lease_until > clock_timestamp()

-- name: decide
-- As save, with the facts that were decided: both or neither. Gives a row for each fact that was stored.
-- sink, token, position, recorded_at, state, lease_s as in save; facts: jsonb, rows as NewEvent encodes them
WITH held AS (
  UPDATE runtime.subscription
  SET
    position = %(position)s::bigint,
    recorded_at = %(recorded_at)s::timestamptz,
    state = %(state)s::jsonb,
    lease_until = clock_timestamp() + %(lease_s)s::float * interval '1 second'
  WHERE sink = %(sink)s::uuid AND token = %(token)s::bigint AND lease_until > clock_timestamp()
  RETURNING sink
)
INSERT INTO log.event (id, type, stream, occurred_at, actor, data)
SELECT f.id, f.type, held.sink, log.recorded_at(), f.actor, f.data
FROM held
CROSS JOIN jsonb_to_recordset(%(facts)s::jsonb) AS f (id uuid, type text, actor text, data jsonb)
ON CONFLICT DO NOTHING
RETURNING position

-- name: release
-- Saves the checkpoint and gives the lease back, so that another replica takes over at once.
-- sink: uuid; token: bigint; position: bigint; recorded_at: timestamptz; state: jsonb
UPDATE runtime.subscription
SET
  position = %(position)s::bigint,
  recorded_at = %(recorded_at)s::timestamptz,
  state = %(state)s::jsonb,
  owner = NULL,
  lease_until = '-infinity'
WHERE sink = %(sink)s::uuid AND token = %(token)s::bigint AND lease_until > clock_timestamp()

-- name: report
-- A report to tell of. No row: it is not kept any more.
-- position: bigint; recorded_at: timestamptz
SELECT id, position, service, level, environment, release, occurred_at, data
FROM log.event
WHERE type = 'error.reported'
  AND position = %(position)s::bigint
  AND recorded_at = %(recorded_at)s::timestamptz

-- name: issue
-- An issue to tell of without a report, or what it was merged into. No row: it was deleted.
-- issue: uuid
SELECT id, service, coalesce(level, 'error') AS level, type, title, culprit, events, users
FROM projection.issue
WHERE id = coalesce(log.moved_to(%(issue)s::uuid), %(issue)s::uuid) AND NOT is_hidden

-- name: titles
-- What issues are called, by their loudest group, and how loud they are.
-- issues: uuid[]
SELECT DISTINCT ON (g.issue) g.issue, g.title, i.events, i.users
FROM projection.issue_group AS g
JOIN projection.issue AS i ON i.id = g.issue
WHERE g.issue = ANY(%(issues)s::uuid[]) AND g.title IS NOT NULL
ORDER BY g.issue, g.reports DESC

-- name: create
-- A new sink: its address, its checkpoint at the log's head, and the fact, in one statement.
-- sink, id: uuid; url, secret: text or NULL; recipients: text[] or NULL; actor: text; data: jsonb, of sink.created
WITH secret AS (
  INSERT INTO account.sink_secret (sink, url, secret, recipients)
  VALUES (%(sink)s::uuid, %(url)s::text, %(secret)s::text, %(recipients)s::text[])
  RETURNING sink
),
checkpoint AS (
  INSERT INTO runtime.subscription (sink, position, recorded_at, token)
  SELECT
    secret.sink,
    coalesce(head.position, 0),
    coalesce(head.recorded_at, '2000-01-01 00:00:00+00'),
    (extract(epoch FROM clock_timestamp()) * 1000000)::bigint
  FROM secret
  LEFT JOIN LATERAL (SELECT position, recorded_at FROM log.event ORDER BY position DESC LIMIT 1) AS head ON true
  RETURNING sink
)
INSERT INTO log.event (id, type, stream, occurred_at, actor, data)
SELECT %(id)s::uuid, 'sink.created', checkpoint.sink, log.recorded_at(), %(actor)s::text, %(data)s::jsonb
FROM checkpoint
RETURNING position

-- name: create_first
-- As create, but only where no sink was ever created: one that was deleted stays deleted. Whoever comes
-- second finds the address taken, or the fact.
-- sink, id: uuid, both always the same; url, actor: text; data: jsonb, of sink.created
WITH secret AS (
  INSERT INTO account.sink_secret (sink, url)
  SELECT %(sink)s::uuid, %(url)s::text
  WHERE NOT EXISTS (SELECT FROM log.event WHERE type = 'sink.created')
  ON CONFLICT DO NOTHING
  RETURNING sink
),
checkpoint AS (
  INSERT INTO runtime.subscription (sink, position, recorded_at, token)
  SELECT
    secret.sink,
    coalesce(head.position, 0),
    coalesce(head.recorded_at, '2000-01-01 00:00:00+00'),
    (extract(epoch FROM clock_timestamp()) * 1000000)::bigint
  FROM secret
  LEFT JOIN LATERAL (SELECT position, recorded_at FROM log.event ORDER BY position DESC LIMIT 1) AS head ON true
  RETURNING sink
)
INSERT INTO log.event (id, type, stream, occurred_at, actor, data)
SELECT %(id)s::uuid, 'sink.created', checkpoint.sink, log.recorded_at(), %(actor)s::text, %(data)s::jsonb
FROM checkpoint
ON CONFLICT DO NOTHING
RETURNING position

-- name: any_was_created
-- Whether there has ever been a sink.
SELECT EXISTS (SELECT FROM log.event WHERE type = 'sink.created')

-- name: change
-- Changes a sink, its address too where one is given. One that is switched on begins at the log's head;
-- the raised token keeps whoever writes off what it held back from putting it back.
-- sink, id: uuid; url, secret: text or NULL; recipients: text[] or NULL; is_active: boolean or NULL; actor: text;
-- data: jsonb, of sink.changed
WITH known AS (
  SELECT id, is_active
  FROM projection.sink
  WHERE id = %(sink)s::uuid
),
secret AS (
  UPDATE account.sink_secret AS x
  SET
    url = coalesce(%(url)s::text, x.url),
    secret = coalesce(%(secret)s::text, x.secret),
    recipients = coalesce(%(recipients)s::text[], x.recipients)
  FROM known
  WHERE x.sink = known.id
  RETURNING x.sink
),
checkpoint AS (
  UPDATE runtime.subscription AS s
  SET position = head.position, recorded_at = head.recorded_at, token = s.token + 1
  FROM known
  CROSS JOIN LATERAL (SELECT position, recorded_at FROM log.event ORDER BY position DESC LIMIT 1) AS head
  WHERE s.sink = known.id AND NOT known.is_active AND %(is_active)s::boolean
)
INSERT INTO log.event (id, type, stream, occurred_at, actor, data)
SELECT %(id)s::uuid, 'sink.changed', secret.sink, log.recorded_at(), %(actor)s::text, %(data)s::jsonb
FROM secret
RETURNING position

-- name: kind
-- Of what kind a sink is.
-- sink: uuid
SELECT kind
FROM projection.sink
WHERE id = %(sink)s::uuid

-- name: delete
-- Deletes a sink with its address and its checkpoint; only the facts remain.
-- sink, id: uuid; actor: text
WITH checkpoint AS (
  DELETE FROM runtime.subscription
  WHERE sink = %(sink)s::uuid
),
secret AS (
  DELETE FROM account.sink_secret
  WHERE sink = %(sink)s::uuid
  RETURNING sink
)
INSERT INTO log.event (id, type, stream, occurred_at, actor, data)
SELECT %(id)s::uuid, 'sink.deleted', secret.sink, log.recorded_at(), %(actor)s::text, '{}'
FROM secret
RETURNING position

-- name: find
-- How a sink is reached, and until when the other side wants to be left alone, in seconds from now.
-- sink: uuid
SELECT
  k.id AS sink,
  k.kind,
  k.name,
  x.url,
  x.secret,
  x.recipients,
  greatest(0, coalesce((s.state ->> 'quiet_until')::float, 0) - extract(epoch FROM clock_timestamp()))::float AS quiet_s
FROM projection.sink AS k
JOIN account.sink_secret AS x ON x.sink = k.id
LEFT JOIN runtime.subscription AS s ON s.sink = k.id
WHERE k.id = %(sink)s::uuid

-- name: rule_names
-- What rules are called.
-- rules: uuid[]
SELECT id, name
FROM projection.rule
WHERE id = ANY(%(rules)s::uuid[])
ORDER BY name
