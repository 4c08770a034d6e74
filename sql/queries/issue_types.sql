-- name: fitting
-- The types of issues that a pattern fits, by one look into their index for each type that begins so; and whether
-- these were all looked at.
-- prefix: text, what the pattern begins with; pattern: text, for LIKE; looked_at: integer, so many types at most
WITH RECURSIVE known AS (
  SELECT 1 AS number, (
    SELECT i.type
    FROM projection.issue AS i
    WHERE NOT i.is_hidden AND i.type ~>=~ %(prefix)s::text
    ORDER BY i.type USING ~<~
    LIMIT 1
  ) AS type
  UNION ALL
  SELECT k.number + 1, (
    SELECT i.type
    FROM projection.issue AS i
    WHERE NOT i.is_hidden AND i.type ~>~ k.type
    ORDER BY i.type USING ~<~
    LIMIT 1
  )
  FROM known AS k
  WHERE starts_with(k.type, %(prefix)s::text) AND k.number < %(looked_at)s::integer
)
SELECT
  coalesce(array_agg(k.type) FILTER (WHERE k.type LIKE %(pattern)s::text), '{}') AS types,
  max(k.number) < %(looked_at)s::integer AS is_all
FROM known AS k
