-- Whether a fact was taken back, and that stands: an undo may be undone itself.
CREATE OR REPLACE FUNCTION log.is_undone(fact uuid) RETURNS boolean
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
  SELECT EXISTS (
    SELECT
    FROM log.fact AS u
    WHERE u.data ? 'undoes' AND u.data ->> 'undoes' = fact::text AND NOT log.is_undone(u.id)
  )
$$;
