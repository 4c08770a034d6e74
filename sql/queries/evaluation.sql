-- name: rules
-- What happened to the rules of a sink up to a position, in order.
-- sink: text; position: bigint
SELECT stream AS id, type, data
FROM log.event
WHERE type IN ('rule.created', 'rule.changed', 'rule.deleted')
  AND data ->> 'sink' = %(sink)s::text
  AND position <= %(position)s::bigint
ORDER BY position

-- name: rule
-- One rule, at work or not.
-- rule: uuid
SELECT id, name, definition, created_position
FROM projection.rule
WHERE id = %(rule)s::uuid

-- name: standings
-- What people have decided about issues.
-- issues: uuid[]
SELECT id AS issue, status, substatus, assignee, first_seen
FROM projection.issue
WHERE id = ANY(%(issues)s::uuid[])

-- name: reports
-- The reports that facts speak of, each by its id and the time of its fact, which follows it in one transaction.
-- ids: uuid[]; first, last: timestamptz, of the facts
SELECT
  id,
  position,
  recorded_at,
  actor,
  level,
  environment,
  release,
  CASE WHEN jsonb_typeof(data -> 'tags') = 'object' THEN data -> 'tags' ELSE '{}' END AS tags
FROM log.event
WHERE type = 'error.reported'
  AND id = ANY(%(ids)s::uuid[])
  AND recorded_at >= %(first)s::timestamptz - interval '1 minute'
  AND recorded_at <= %(last)s::timestamptz

-- name: latest
-- The report of each issue that occurred last, as long as any is kept. It is mostly in the group that was seen last, and
-- as new as that says: only where it isn't, because it was deleted, the groups are looked into day by day, the newest
-- of them. A group that another grouping bound has no reports at first, and no time.
-- issues: uuid[]
SELECT
  asked.issue,
  r.id,
  r.position,
  r.recorded_at,
  r.actor,
  r.occurred_at,
  r.service,
  r.level,
  r.environment,
  r.release,
  CASE WHEN jsonb_typeof(r.data -> 'tags') = 'object' THEN r.data -> 'tags' ELSE '{}' END AS tags
FROM unnest(%(issues)s::uuid[]) AS asked (issue)
CROSS JOIN LATERAL (
  (
    SELECT v.*
    FROM (
      SELECT id, last_seen
      FROM projection.issue_group
      WHERE issue = asked.issue AND first_seen IS NOT NULL
      ORDER BY last_seen DESC, id
      LIMIT 1
    ) AS g
    CROSS JOIN LATERAL (
      SELECT newest.*
      FROM projection.visible_report AS newest
      WHERE newest.stream = g.id AND newest.recorded_at >= g.last_seen - interval '1 minute'
      ORDER BY newest.occurred_at DESC, newest.position DESC
      LIMIT 1
    ) AS v
  )
  UNION ALL
  (
    SELECT v.*
    FROM (
      SELECT id
      FROM projection.issue_group
      WHERE issue = asked.issue AND first_seen IS NOT NULL AND reports > 0
      ORDER BY last_seen DESC, id
      LIMIT 20
    ) AS g
    CROSS JOIN LATERAL (
      SELECT newest.*
      FROM projection.visible_report AS newest
      WHERE newest.stream = g.id
      ORDER BY newest.occurred_at DESC, newest.position DESC
      LIMIT 1
    ) AS v
    ORDER BY v.occurred_at DESC, v.position DESC
    LIMIT 1
  )
  LIMIT 1
) AS r

-- name: remembered
-- What is known of issues without any report: of each tag the value that was seen last, in the newest groups.
-- issues: uuid[]
SELECT
  i.id AS issue,
  coalesce(w.tags ->> 'level', i.level, 'error') AS level,
  w.tags ->> 'environment' AS environment,
  w.tags ->> 'release' AS release,
  w.tags - ARRAY['level', 'environment', 'release'] AS tags
FROM projection.issue AS i
CROSS JOIN LATERAL (
  SELECT coalesce(jsonb_object_agg(seen.key, seen.value), '{}') AS tags
  FROM (
    SELECT DISTINCT ON (t.key) t.key, t.value
    FROM (
      SELECT id
      FROM projection.issue_group
      WHERE issue = i.id AND first_seen IS NOT NULL
      ORDER BY last_seen DESC, id
      LIMIT 20
    ) AS g
    JOIN projection.group_tag AS t ON t.issue_group = g.id AND NOT t.is_overflow
    ORDER BY t.key, t.last_seen DESC, t.value
  ) AS seen
) AS w
WHERE i.id = ANY(%(issues)s::uuid[])

-- name: totals
-- How many reports and users issues have had in all their time: who has had fewer never passes a threshold.
-- issues: uuid[]
SELECT id AS issue, events, users
FROM projection.issue
WHERE id = ANY(%(issues)s::uuid[])

-- name: events
-- How many reports issues had in the windows that end with given minutes, and in those that ended a minute
-- earlier, from the projected minutes.
-- asked: jsonb, an array of {number, issue, minute, length, of the window in minutes, services, levels, environments};
-- of the last three null for any
SELECT
  asked.number,
  coalesce(sum(m.reports) FILTER (
    WHERE m.minute > asked.minute - make_interval(mins => asked.length)
  ), 0)::bigint AS reached,
  coalesce(sum(m.reports) FILTER (WHERE m.minute < asked.minute), 0)::bigint AS before
FROM jsonb_to_recordset(%(asked)s::jsonb) AS asked (
  number integer, issue uuid, minute timestamptz, length integer, services text[], levels text[], environments text[]
)
JOIN projection.issue_group AS g ON g.issue = asked.issue
JOIN projection.group_minute AS m
  ON m.issue_group = g.id
  AND m.minute >= asked.minute - make_interval(mins => asked.length)
  AND m.minute <= asked.minute
WHERE (asked.services IS NULL OR g.service = ANY(asked.services))
  AND (asked.levels IS NULL OR m.level = ANY(asked.levels))
  AND (asked.environments IS NULL OR m.environment = ANY(asked.environments))
GROUP BY asked.number

-- name: users
-- As events, but how many people met the issues: counted in at most the last 10,000 reports of a window.
-- asked: jsonb, as in events
SELECT
  asked.number,
  count(DISTINCT r.user_hash) FILTER (
    WHERE r.minute > asked.minute - make_interval(mins => asked.length)
  ) AS reached,
  count(DISTINCT r.user_hash) FILTER (WHERE r.minute < asked.minute) AS before
FROM jsonb_to_recordset(%(asked)s::jsonb) AS asked (
  number integer, issue uuid, minute timestamptz, length integer, services text[], levels text[], environments text[]
)
CROSS JOIN LATERAL (
  SELECT log.user_hash(v.data) AS user_hash, date_bin('1 minute', v.occurred_at, 'epoch') AS minute
  FROM projection.visible_report AS v
  WHERE v.stream = ANY(ARRAY(SELECT g.id FROM projection.issue_group AS g WHERE g.issue = asked.issue))
    AND v.occurred_at >= asked.minute - make_interval(mins => asked.length)
    AND v.occurred_at < asked.minute + interval '1 minute'
    AND v.recorded_at >= asked.minute - make_interval(mins => asked.length + 1)
    AND (asked.services IS NULL OR v.service = ANY(asked.services))
    AND (asked.levels IS NULL OR v.level = ANY(asked.levels))
    AND (asked.environments IS NULL OR coalesce(v.environment, '') = ANY(asked.environments))
  ORDER BY v.occurred_at DESC
  LIMIT 10000
) AS r
GROUP BY asked.number

-- name: found
-- Which of some issues a search finds. Its conditions are put in place of the two that are always true.
-- issues: uuid[]
SELECT i.id AS issue
FROM projection.issue AS i
WHERE i.id = ANY(%(issues)s::uuid[]) AND /*own*/ true AND /*others*/ true
