-- Where one finds by now what an issue was merged into, however often that was merged on: NULL where the issue went
-- nowhere, or where the last one was deleted.
CREATE OR REPLACE FUNCTION log.moved_to(issue uuid) RETURNS uuid
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
  WITH RECURSIVE way AS (
    SELECT i.moved_to AS id
    FROM projection.issue AS i
    WHERE i.id = moved_to.issue
    UNION
    SELECT i.moved_to
    FROM way
    JOIN projection.issue AS i ON i.id = way.id AND i.is_hidden
  )
  SELECT i.id
  FROM way
  JOIN projection.issue AS i ON i.id = way.id AND NOT i.is_hidden
$$;
