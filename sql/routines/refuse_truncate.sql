-- The log is append-only.
CREATE OR REPLACE FUNCTION log.refuse_truncate() RETURNS trigger
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
  RAISE EXCEPTION 'log.event is append-only (TRUNCATE refused)' USING ERRCODE = 'restrict_violation';
END $$;
