-- name: find
-- The report that stands at a position.
-- position: bigint
SELECT
  r.position,
  r.id,
  r.service,
  r.level,
  r.occurred_at,
  r.recorded_at,
  CASE
    WHEN i.id IS NOT NULL
      THEN jsonb_build_object('id', i.id, 'title', coalesce(own.title, g.title), 'status', i.status)
  END AS issue
FROM projection.visible_report AS r
LEFT JOIN projection.issue_group AS g ON g.id = r.stream
LEFT JOIN projection.issue AS i ON i.id = g.issue
LEFT JOIN projection.issue_group AS own ON own.id = i.id
WHERE r.position = %(position)s::bigint

-- name: rules
-- The sinks, which rule by their levels and by rules, how far each has read the log, and what it has in mind of a
-- report: whether a message about it waits, until when it is held back, why it is counted in silence.
-- level: text, of the report; position: bigint; report: text; issue: text or NULL
SELECT
  s.id AS sink,
  s.name,
  s.kind,
  s.levels,
  s.is_active,
  %(level)s::text = ANY(s.levels)
    OR EXISTS (SELECT FROM projection.rule AS r WHERE r.sink = s.id AND r.is_active) AS is_wanted,
  coalesce(p.position, 0) AS read_up_to,
  EXISTS (
    SELECT
    FROM jsonb_array_elements(p.state -> 'outbox') AS item
    WHERE (
        item ->> 'issue' = %(issue)s::text
        AND ((item ->> 'position')::bigint = %(position)s::bigint OR item ->> 'report' = %(report)s::text)
      )
      OR %(position)s::bigint BETWEEN (item #>> ARRAY['windows', %(issue)s::text, 'first'])::bigint
        AND (item #>> ARRAY['windows', %(issue)s::text, 'last'])::bigint
  ) AS is_waiting,
  (
    SELECT to_timestamp((w.held ->> 'due')::float)
    FROM (SELECT p.state #> ARRAY['issues', %(issue)s::text] AS held) AS w
    WHERE (w.held ->> 'count')::bigint > 0
      AND %(position)s::bigint BETWEEN (w.held ->> 'first')::bigint AND (w.held ->> 'last')::bigint
  ) AS held_until,
  (
    SELECT w.counted ->> 'reason'
    FROM (SELECT p.state #> ARRAY['silent', %(issue)s::text] AS counted) AS w
    WHERE %(position)s::bigint BETWEEN (w.counted ->> 'first')::bigint AND (w.counted ->> 'last')::bigint
  ) AS silent,
  p.state ->> 'error' AS last_error,
  greatest(to_timestamp((p.state ->> 'quiet_until')::float), now()) AS tried_again_at
FROM projection.sink AS s
LEFT JOIN runtime.subscription AS p ON p.sink = s.id
ORDER BY s.created_at, s.id

-- name: alerts
-- What the sinks said of a report: the facts of the time behind it whose positions and issues cover it.
-- position: bigint; issue: text or NULL; recorded_at, until: timestamptz
SELECT
  e.position,
  e.stream AS sink,
  s.name,
  split_part(e.type, '.', 2) AS outcome,
  e.recorded_at AS at,
  e.data ->> 'reason' AS reason,
  coalesce(e.data ->> 'reports', e.data ->> 'count')::bigint AS reports,
  e.data ->> 'message_id' AS message_id
FROM log.event AS e
LEFT JOIN projection.sink AS s ON s.id = e.stream
WHERE e.type IN ('alert.delivered', 'alert.suppressed', 'alert.failed')
  AND e.position > %(position)s::bigint
  AND e.recorded_at >= %(recorded_at)s::timestamptz
  AND e.recorded_at < %(until)s::timestamptz
  AND (e.data ->> 'first_position')::bigint <= %(position)s::bigint
  AND (e.data ->> 'last_position')::bigint >= %(position)s::bigint
  AND CASE e.type
    WHEN 'alert.delivered' THEN e.data -> 'issues' ? %(issue)s::text
    WHEN 'alert.suppressed' THEN e.data ->> 'issue' = %(issue)s::text
    ELSE true
  END
ORDER BY e.position
