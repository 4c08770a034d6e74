-- name: delete_report
-- Appends that the newest visible report of an id is deleted; no row where there is none.
-- fact: uuid, the new event's id; report: uuid; actor: text
WITH found AS MATERIALIZED (
  SELECT r.*, g.issue
  FROM projection.visible_report AS r
  LEFT JOIN projection.issue_group AS g ON g.id = r.stream
  WHERE r.id = %(report)s::uuid
)
INSERT INTO log.event (id, type, stream, service, level, environment, release, occurred_at, actor, data)
SELECT
  %(fact)s::uuid,
  'error.deleted',
  coalesce(issue, stream),
  service,
  level,
  environment,
  release,
  log.recorded_at(),
  %(actor)s::text,
  jsonb_build_object(
    'report', id,
    'group', stream,
    'position', position,
    'occurred_at', occurred_at,
    'recorded_at', recorded_at,
    'tags', (
      SELECT coalesce(jsonb_object_agg(log.tag_hash(t.key), log.tag_hash(t.key, t.value)), '{}')
      FROM log.tags(environment, release, level, found.data) AS t
    )
  )
FROM found
ORDER BY position DESC
LIMIT 1
RETURNING position

-- name: part_ends
-- The full hours at which the parts of an erasure end, so that each holds about so many reports.
-- service: text; before: timestamptz, a full hour; reports, parts: integer, how many in a part, and parts at most
SELECT max(hour) + interval '1 hour'
FROM (
  SELECT
    hour,
    (sum(reports) OVER (ORDER BY hour) - reports) / greatest(
      %(reports)s::integer,
      sum(reports) OVER () / %(parts)s::integer
    ) AS part
  FROM (
    SELECT hour, sum(reports) AS reports
    FROM projection.hour_count
    WHERE service = %(service)s::text AND hour < %(before)s::timestamptz
    GROUP BY hour
  ) AS counted
) AS parted
GROUP BY floor(part)
ORDER BY 1

-- name: erase_service
-- Appends that a service is erased up to an instant, and says how many reports that hides; no row where the
-- service has never reported.
-- fact: uuid, the new event's id; service: text; before: timestamptz, a full hour; data: jsonb; actor: text
INSERT INTO log.event (id, type, stream, service, occurred_at, actor, data)
SELECT
  %(fact)s::uuid,
  'service.erased',
  '00000000-0000-0000-0000-000000000000',
  name,
  log.recorded_at(),
  %(actor)s::text,
  %(data)s::jsonb
FROM projection.service
WHERE name = %(service)s::text
RETURNING (
  SELECT coalesce(sum(reports), 0)::bigint
  FROM projection.hour_count
  WHERE service = %(service)s::text AND hour < %(before)s::timestamptz
)
