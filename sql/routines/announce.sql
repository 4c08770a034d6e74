-- Rings the doorbell. It carries nothing: listeners read the log from their own cursor.
CREATE OR REPLACE FUNCTION log.announce() RETURNS trigger
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
  IF EXISTS (SELECT FROM fresh) THEN
    PERFORM pg_notify('log', '');
  END IF;
  RETURN NULL;
END $$;
