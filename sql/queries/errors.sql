-- name: issue_groups
-- The groups of an issue.
-- issue: uuid
SELECT id
FROM projection.issue_group
WHERE issue = %(issue)s::uuid

-- name: list
-- One page of single reports, newest first. Nothing is recorded earlier than a minute before it occurred, so
-- recorded_since = since - 1 minute leaves old days out (as a parameter, because the planner does not work out
-- timestamptz - interval). What stands in /* */ is where the module puts the conditions of a query.
-- service, level, environment, release: text or NULL; groups: uuid[] or NULL; since, recorded_since:
-- timestamptz; until: timestamptz or NULL; after_at: timestamptz or NULL, after_position:
-- bigint or NULL, the last item of the page before; skipped, row_limit: integer
SELECT
  p.id,
  p.position,
  p.service,
  p.level,
  coalesce(p.data #>> '{grouping,type}', p.data #>> '{exceptions,-1,type}') AS type,
  p.data ->> 'message' AS message,
  p.data ->> 'path' AS path,
  p.data ->> 'method' AS method,
  p.environment,
  p.release,
  p.occurred_at,
  p.recorded_at,
  CASE
    WHEN i.id IS NOT NULL
      THEN jsonb_build_object('id', i.id, 'title', i.title, 'status', i.status)
  END AS issue
FROM (
  SELECT position, id, stream, service, level, environment, release, occurred_at, recorded_at, data
  FROM projection.visible_report AS r
  WHERE (%(service)s::text IS NULL OR service = %(service)s::text)
    AND (%(level)s::text IS NULL OR level = %(level)s::text)
    AND (%(environment)s::text IS NULL OR environment = %(environment)s::text)
    AND (%(release)s::text IS NULL OR release = %(release)s::text)
    AND (%(groups)s::uuid[] IS NULL OR stream = ANY(%(groups)s::uuid[]))
    AND occurred_at >= %(since)s::timestamptz
    AND recorded_at >= %(recorded_since)s::timestamptz
    AND (%(until)s::timestamptz IS NULL OR occurred_at < %(until)s::timestamptz)
    AND /*own*/ true
    AND /*others*/ true
    AND (
      %(after_position)s::bigint IS NULL
      OR (occurred_at, position) < (%(after_at)s::timestamptz, %(after_position)s::bigint)
    )
  ORDER BY occurred_at DESC, position DESC
  OFFSET %(skipped)s::integer
  LIMIT %(row_limit)s::integer
) AS p
LEFT JOIN projection.issue_group AS g ON g.id = p.stream
LEFT JOIN projection.issue AS i ON i.id = g.issue
ORDER BY p.occurred_at DESC, p.position DESC

-- name: of_issue
-- One page of an issue's reports, newest first: of each of its groups as many as could be needed, by their index.
-- issue: uuid; recorded_since: timestamptz; after_at: timestamptz or NULL, after_position: bigint or NULL, the
-- last item of the page before; row_limit: integer
SELECT
  p.id,
  p.position,
  p.service,
  p.level,
  coalesce(p.data #>> '{grouping,type}', p.data #>> '{exceptions,-1,type}') AS type,
  p.data ->> 'message' AS message,
  p.data ->> 'path' AS path,
  p.data ->> 'method' AS method,
  p.environment,
  p.release,
  p.occurred_at,
  p.recorded_at,
  jsonb_build_object('id', i.id, 'title', i.title, 'status', i.status) AS issue
FROM projection.issue AS i
JOIN projection.issue_group AS g ON g.issue = i.id
CROSS JOIN LATERAL (
  SELECT r.position, r.id, r.service, r.level, r.environment, r.release, r.occurred_at, r.recorded_at, r.data
  FROM projection.visible_report AS r
  WHERE r.stream = g.id
    AND r.recorded_at >= %(recorded_since)s::timestamptz
    AND (
      %(after_position)s::bigint IS NULL
      OR (r.occurred_at, r.position) < (%(after_at)s::timestamptz, %(after_position)s::bigint)
    )
  ORDER BY r.occurred_at DESC, r.position DESC
  LIMIT %(row_limit)s::integer
) AS p
WHERE i.id = %(issue)s::uuid
ORDER BY p.occurred_at DESC, p.position DESC
LIMIT %(row_limit)s::integer

-- name: of_large_issue
-- As of_issue, for an issue of very many groups: among its service's reports, where they are frequent.
-- issue: uuid; recorded_since: timestamptz; after_at: timestamptz or NULL, after_position: bigint or NULL, the
-- last item of the page before; row_limit: integer
SELECT
  p.id,
  p.position,
  p.service,
  p.level,
  coalesce(p.data #>> '{grouping,type}', p.data #>> '{exceptions,-1,type}') AS type,
  p.data ->> 'message' AS message,
  p.data ->> 'path' AS path,
  p.data ->> 'method' AS method,
  p.environment,
  p.release,
  p.occurred_at,
  p.recorded_at,
  jsonb_build_object('id', i.id, 'title', i.title, 'status', i.status) AS issue
FROM projection.issue AS i
CROSS JOIN LATERAL (
  SELECT r.position, r.id, r.service, r.level, r.environment, r.release, r.occurred_at, r.recorded_at, r.data
  FROM projection.visible_report AS r
  WHERE r.service = i.service
    AND r.stream = ANY(ARRAY(SELECT g.id FROM projection.issue_group AS g WHERE g.issue = %(issue)s::uuid))
    AND r.recorded_at >= %(recorded_since)s::timestamptz
    AND (
      %(after_position)s::bigint IS NULL
      OR (r.occurred_at, r.position) < (%(after_at)s::timestamptz, %(after_position)s::bigint)
    )
  ORDER BY r.occurred_at DESC, r.position DESC
  LIMIT %(row_limit)s::integer
) AS p
WHERE i.id = %(issue)s::uuid
ORDER BY p.occurred_at DESC, p.position DESC
LIMIT %(row_limit)s::integer

-- name: find
-- One report with its whole data. The same id may belong to several services: the newest comes
-- first (a LIMIT would make the planner walk every day backwards).
-- id: uuid; recorded_at: timestamptz or NULL, to the millisecond: when it was recorded, where that is known
SELECT
  p.id,
  p.position,
  p.service,
  p.level,
  coalesce(p.data #>> '{grouping,type}', p.data #>> '{exceptions,-1,type}') AS type,
  p.data ->> 'message' AS message,
  p.data ->> 'path' AS path,
  p.data ->> 'method' AS method,
  p.environment,
  p.release,
  p.occurred_at,
  p.recorded_at,
  CASE
    WHEN i.id IS NOT NULL
      THEN jsonb_build_object('id', i.id, 'title', i.title, 'status', i.status)
  END AS issue,
  p.data
FROM projection.visible_report AS p
LEFT JOIN projection.issue_group AS g ON g.id = p.stream
LEFT JOIN projection.issue AS i ON i.id = g.issue
WHERE p.id = %(id)s::uuid
  AND (
    %(recorded_at)s::timestamptz IS NULL
    OR p.recorded_at BETWEEN %(recorded_at)s::timestamptz AND %(recorded_at)s::timestamptz + interval '1 millisecond'
  )
ORDER BY p.position DESC
