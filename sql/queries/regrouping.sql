-- name: list_rules
-- The rules of the grouping, oldest first.
SELECT
  r.id,
  r.service,
  r.kind,
  r.function,
  r.module,
  r.pattern,
  r.created_at,
  coalesce(maker.username, r.created_by) AS created_by,
  r.position
FROM projection.grouping_rule AS r
LEFT JOIN account.app_user AS maker ON r.created_by = 'user:' || maker.id
ORDER BY r.position

-- name: reports_before
-- Reports to be grouped anew, newest first: the parts that the grouping reads, as text. Nothing is recorded earlier
-- than a minute before it occurred.
-- service: text or NULL; since, recorded_since: timestamptz; after_at: timestamptz and after_position: bigint, the last
-- report of the chunk before; row_limit: integer
SELECT
  id,
  position,
  stream,
  service,
  occurred_at,
  (data - '{request,metadata,tags,user,breadcrumbs,contexts}'::text[])::text AS data
FROM projection.visible_report
WHERE (%(service)s::text IS NULL OR service = %(service)s::text)
  AND occurred_at >= %(since)s::timestamptz
  AND recorded_at >= %(recorded_since)s::timestamptz
  AND (occurred_at, position) < (%(after_at)s::timestamptz, %(after_position)s::bigint)
ORDER BY occurred_at DESC, position DESC
LIMIT %(row_limit)s::integer

-- name: reports_after
-- As reports_before, but what was recorded behind a cursor, oldest first.
-- service: text or NULL; position: bigint and recorded_at: timestamptz, the cursor; row_limit: integer
SELECT
  id,
  position,
  stream,
  service,
  recorded_at,
  (data - '{request,metadata,tags,user,breadcrumbs,contexts}'::text[])::text AS data
FROM projection.visible_report
WHERE (%(service)s::text IS NULL OR service = %(service)s::text)
  AND position > %(position)s::bigint
  AND recorded_at >= %(recorded_at)s::timestamptz
ORDER BY position
LIMIT %(row_limit)s::integer

-- name: owners
-- The issues of groups, those of them that there are.
-- groups: uuid[]
SELECT
  g.id AS "group",
  i.id AS issue,
  i.id = log.overflow_issue(i.service) AS is_overflow,
  i.is_hidden,
  i.status = 'unresolved' AS is_unresolved,
  i.events
FROM projection.issue_group AS g
JOIN projection.issue AS i ON i.id = g.issue
WHERE g.id = ANY(%(groups)s::uuid[])

-- name: issues
-- What people see of issues.
-- ids: uuid[]
SELECT id, service, type, title, culprit, status, events
FROM projection.issue
WHERE id = ANY(%(ids)s::uuid[])

-- name: regroup
-- Appends a part of a change of the grouping; says how many groups moved.
-- plan: jsonb, an array of steps as log.regroup reads them; rule: uuid or NULL; service: text or NULL and data: jsonb or
-- NULL, the rule's; actor: text; action: uuid
SELECT log.regroup(
  %(plan)s::jsonb,
  %(rule)s::uuid,
  %(service)s::text,
  %(data)s::jsonb,
  %(actor)s::text,
  %(action)s::uuid
)

-- name: delete_rule
-- Appends that a rule ends.
-- id: uuid; actor: text; action: uuid
SELECT log.delete_grouping_rule(%(id)s::uuid, %(actor)s::text, %(action)s::uuid)
