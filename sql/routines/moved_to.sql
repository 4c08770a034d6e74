-- Where the groups of an issue are by now that were merged away, from issue to issue; NULL where that one is gone too.
CREATE OR REPLACE FUNCTION log.moved_to(issue uuid) RETURNS uuid
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
  WITH RECURSIVE way AS (
    SELECT i.id, i.is_hidden, i.moved_to
    FROM projection.issue AS i
    WHERE i.id = moved_to.issue
    UNION
    SELECT next.id, next.is_hidden, next.moved_to
    FROM way AS w
    JOIN projection.issue AS next ON next.id = w.moved_to
    WHERE w.is_hidden
  )
  SELECT w.id
  FROM way AS w
  WHERE NOT w.is_hidden AND w.id <> moved_to.issue
$$;
