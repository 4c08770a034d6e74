-- name: find
-- Where the reports of an id of a service stand that may be seen, the newest first. There is more than one where a retry
-- came over midnight (a LIMIT would make the planner walk every day backwards).
-- report: uuid; service: text; since: timestamptz, reports of days before it are not looked for
SELECT position, recorded_at
FROM projection.visible_report
WHERE id = %(report)s::uuid AND service = %(service)s::text AND recorded_at >= %(since)s::timestamptz
ORDER BY position DESC

-- name: add
-- Appends a comment on the issue of a report; says 'added', 'known', 'gone' or 'full'.
-- position: bigint and recorded_at: timestamptz, of the report; service: text; comment: uuid; actor: text; data: jsonb;
-- most: integer, comments of this kind on an issue
SELECT log.add_feedback(
  %(position)s::bigint,
  %(recorded_at)s::timestamptz,
  %(service)s::text,
  %(comment)s::uuid,
  %(actor)s::text,
  %(data)s::jsonb,
  %(most)s::integer
)
