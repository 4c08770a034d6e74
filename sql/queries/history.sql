-- name: facts
-- The facts about an issue, and about those that were merged into it and are hidden since, oldest first; what became
-- of their alerts, too.
-- issue: uuid; after: bigint; row_limit: integer
WITH told AS MATERIALIZED (
  SELECT %(issue)s::uuid AS issue
  UNION
  SELECT home.id
  FROM projection.issue_group AS g
  JOIN projection.issue AS home ON home.id = g.home AND home.moved_to IS NOT NULL
  WHERE g.issue = %(issue)s::uuid
),
alerts AS MATERIALIZED (
  SELECT e.position
  FROM told
  JOIN log.event AS e
    ON e.type IN ('alert.delivered', 'alert.failed') AND e.data -> 'issues' ? told.issue::text
  UNION ALL
  SELECT e.position
  FROM told
  JOIN log.event AS e ON e.type = 'alert.suppressed' AND e.data ->> 'issue' = told.issue::text
)
SELECT position, id, type, stream, service, level, environment, release, occurred_at, recorded_at, actor, data
FROM (
  SELECT f.*
  FROM told
  CROSS JOIN LATERAL (
    SELECT *
    FROM log.event AS e
    WHERE e.type <> 'error.reported' AND e.stream = told.issue AND e.position > %(after)s::bigint
    ORDER BY e.position
    LIMIT %(row_limit)s::integer
  ) AS f
  UNION
  SELECT f.*
  FROM (
    SELECT *
    FROM log.event AS e
    WHERE e.type = 'issue.groups_moved'
      AND e.data ->> 'from' = %(issue)s::uuid::text
      AND e.position > %(after)s::bigint
    ORDER BY e.position
    LIMIT %(row_limit)s::integer
  ) AS f
  UNION
  SELECT e.*
  FROM (
    SELECT position
    FROM alerts
    WHERE position > %(after)s::bigint
    ORDER BY position
    LIMIT %(row_limit)s::integer
  ) AS a
  JOIN log.event AS e ON e.type <> 'error.reported' AND e.position = a.position
) AS found
ORDER BY position
LIMIT %(row_limit)s::integer

-- name: fact
-- The fact that stands at a position.
-- position: bigint
SELECT position, id, type, stream, service, level, environment, release, occurred_at, recorded_at, actor, data
FROM log.event
WHERE type <> 'error.reported' AND position = %(position)s::bigint

-- name: tellers
-- What sinks and rules are called.
-- ids: uuid[]
SELECT id, name
FROM projection.sink
WHERE id = ANY(%(ids)s::uuid[])
UNION ALL
SELECT id, name
FROM projection.rule
WHERE id = ANY(%(ids)s::uuid[])

-- name: names
-- The names of accounts.
-- users: uuid[]
SELECT id, username
FROM account.app_user
WHERE id = ANY(%(users)s::uuid[])

-- name: find
-- Whether an issue is there to be seen, or was merged into another that is.
-- issue: uuid
SELECT NOT is_hidden OR log.moved_to(id) IS NOT NULL
FROM projection.issue
WHERE id = %(issue)s::uuid

-- name: comments
-- What comments say, those of them that stand.
-- comments: uuid[]
SELECT id, text, name, email, report
FROM projection.issue_comment
WHERE id = ANY(%(comments)s::uuid[])

-- name: waiting
-- The sinks that fail now while messages about an issue, or about those that were merged into it, wait for them.
-- issue: uuid
SELECT
  s.id AS sink,
  s.name,
  p.state ->> 'error' AS last_error,
  greatest(to_timestamp((p.state ->> 'quiet_until')::float), now()) AS tried_again_at
FROM projection.sink AS s
JOIN runtime.subscription AS p ON p.sink = s.id
WHERE p.state ->> 'error' <> ''
  AND EXISTS (
    SELECT
    FROM jsonb_array_elements(p.state -> 'outbox') AS item
    JOIN projection.issue_group AS g ON g.issue = %(issue)s::uuid
    WHERE item ->> 'issue' IN (g.home::text, g.issue::text)
      OR item -> 'windows' ?| ARRAY[g.home::text, g.issue::text]
  )
ORDER BY s.created_at, s.id
