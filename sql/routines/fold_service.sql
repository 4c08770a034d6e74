-- Services, by the minute that they were last heard of.
CREATE OR REPLACE FUNCTION log.fold_service() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = projection, pg_catalog, pg_temp
AS $$
BEGIN
  IF (SELECT type FROM fresh LIMIT 1) IS DISTINCT FROM 'error.reported' THEN
    RETURN NULL;
  END IF;

  INSERT INTO service AS s (name, first_seen, last_seen)
  SELECT
    service,
    min(occurred_at),
    date_bin('1 minute', max(occurred_at), 'epoch')
  FROM fresh
  WHERE type = 'error.reported'
  GROUP BY service
  ORDER BY service
  ON CONFLICT (name) DO UPDATE
  SET
    first_seen = least(s.first_seen, excluded.first_seen),
    last_seen = greatest(s.last_seen, excluded.last_seen)
  WHERE excluded.last_seen > s.last_seen OR excluded.first_seen < s.first_seen;

  RETURN NULL;
END $$;
