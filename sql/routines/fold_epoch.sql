-- The timelines that this database has lived on.
CREATE OR REPLACE FUNCTION log.fold_epoch() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = projection, pg_catalog, pg_temp
AS $$
BEGIN
  IF (SELECT type FROM fresh LIMIT 1) = 'error.reported' THEN
    RETURN NULL;
  END IF;

  INSERT INTO epoch (position, previous_head, system_identifier, timeline)
  SELECT
    position,
    (data ->> 'previous_head')::bigint,
    data ->> 'system_identifier',
    (data ->> 'timeline')::integer
  FROM fresh
  WHERE type = 'epoch.started';

  RETURN NULL;
END $$;
