-- name: list
-- Sinks, each with how far it has read the log and what it holds back; `quiet_until` in seconds of the epoch.
-- only: uuid or NULL, one sink; after: uuid or NULL, the last of the page before; row_limit: integer
SELECT
  k.id,
  k.kind,
  k.name,
  k.is_active,
  k.levels,
  x.url,
  x.secret IS NOT NULL AS has_secret,
  x.recipients AS "to",
  k.switched_off_reason,
  k.delivered,
  k.suppressed,
  k.failed,
  k.last_delivered_at,
  k.last_failed_at,
  coalesce(s.state ->> 'error', k.last_error) AS last_error,
  k.created_at,
  k.created_by,
  k.position,
  greatest(0, head.position - s.position) AS lag,
  coalesce(jsonb_array_length(s.state -> 'outbox'), 0) AS waiting,
  coalesce(held.reports, 0) AS held_back,
  CASE
    WHEN (s.state ->> 'quiet_until')::float > extract(epoch FROM now())
      THEN to_timestamp((s.state ->> 'quiet_until')::float)
  END AS quiet_until
FROM projection.sink AS k
JOIN account.sink_secret AS x ON x.sink = k.id
LEFT JOIN runtime.subscription AS s ON s.sink = k.id
LEFT JOIN LATERAL (
  SELECT sum((w.value ->> 'count')::bigint)::bigint AS reports
  FROM jsonb_each(s.state -> 'issues') AS w
) AS held ON true
LEFT JOIN LATERAL (
  SELECT position
  FROM log.event
  WHERE recorded_at >= s.recorded_at
  ORDER BY position DESC
  LIMIT 1
) AS head ON true
WHERE (%(only)s::uuid IS NULL OR k.id = %(only)s::uuid)
  AND (%(after)s::uuid IS NULL OR k.id > %(after)s::uuid)
ORDER BY k.id
LIMIT %(row_limit)s::integer

-- name: deliveries
-- What one sink sent, held back and gave up, newest first.
-- sink: uuid; before: bigint or NULL, the last of the page before; row_limit: integer
SELECT
  position,
  split_part(type, '.', 2) AS outcome,
  recorded_at AS at,
  data ->> 'kind' AS kind,
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
  AND (%(before)s::bigint IS NULL OR position < %(before)s::bigint)
ORDER BY position DESC
LIMIT %(row_limit)s::integer
