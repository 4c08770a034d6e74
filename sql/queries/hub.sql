-- name: find_hidden
-- Which of these reports were deleted since: a replay leaves them out.
-- positions: bigint[]; services: text[] and instants: timestamptz[], their other columns
SELECT r.position
FROM unnest(%(positions)s::bigint[], %(services)s::text[], %(instants)s::timestamptz[])
  AS r (position, service, occurred_at)
WHERE EXISTS (
    SELECT
    FROM projection.deleted_report AS d
    WHERE d.position = r.position
  )
  OR EXISTS (
    SELECT
    FROM projection.erasure AS e
    WHERE e.service = r.service AND e.position > r.position AND e.before > r.occurred_at
  )
