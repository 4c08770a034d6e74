-- name: visible
-- Which of these reports may be seen.
-- positions: bigint[], in order; first, last: timestamptz, the recorded_at of the first and of the last
SELECT position
FROM projection.visible_report
WHERE position = ANY(%(positions)s::bigint[])
  AND recorded_at >= %(first)s::timestamptz
  AND recorded_at <= %(last)s::timestamptz
