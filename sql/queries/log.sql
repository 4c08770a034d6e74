-- name: visible
-- Which of these reports may be seen.
-- positions: bigint[], in order; first, last: timestamptz, the recorded_at of the first and of the last
SELECT position
FROM projection.visible_report
WHERE position = ANY(%(positions)s::bigint[])
  AND recorded_at >= %(first)s::timestamptz
  AND recorded_at <= %(last)s::timestamptz

-- name: comments
-- Which of these comments may be read: neither deleted, nor on an issue that is.
-- comments: uuid[]
SELECT c.id
FROM projection.issue_comment AS c
WHERE c.id = ANY(%(comments)s::uuid[])
  AND NOT EXISTS (SELECT FROM projection.group_erasure AS e WHERE e.issue = c.issue)
