-- name: list
-- What was not taken in the hours that begin from an instant on, the most of it first.
-- service: text or NULL; since: timestamptz; until: timestamptz or NULL; skipped, row_limit: integer
SELECT
  service,
  dropped_by AS "by",
  category,
  reason,
  sum(quantity)::bigint AS quantity,
  max(last_at) AS last_at
FROM projection.drop_hour
WHERE (%(service)s::text IS NULL OR service = %(service)s::text)
  AND hour >= %(since)s::timestamptz
  AND (%(until)s::timestamptz IS NULL OR hour < %(until)s::timestamptz)
GROUP BY service, dropped_by, category, reason
ORDER BY 5 DESC, service, dropped_by, category, reason
OFFSET %(skipped)s::integer
LIMIT %(row_limit)s::integer
