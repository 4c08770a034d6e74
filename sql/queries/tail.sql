-- name: visible
-- Which of these reports are not deleted.
-- positions: bigint[]; first, last: timestamptz, the recorded_at of the first and of the last of them
SELECT position
FROM projection.visible_report
WHERE position = ANY(%(positions)s::bigint[])
  AND recorded_at BETWEEN %(first)s::timestamptz AND %(last)s::timestamptz
