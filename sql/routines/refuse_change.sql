-- The log is append-only. The one change that it lets through is log.blank's, of a deleted report's payload.
CREATE OR REPLACE FUNCTION log.refuse_change() RETURNS trigger
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
  IF TG_OP = 'UPDATE'
    AND current_setting('avalon.purge', true) = 'on'
    AND NEW.data = '{"purged": true}'
    AND to_jsonb(NEW) - 'data' = to_jsonb(OLD) - 'data'
  THEN
    RETURN NEW;
  END IF;

  RAISE EXCEPTION 'log.event is append-only (% of position % refused)', TG_OP, OLD.position
  USING ERRCODE = 'restrict_violation';
END $$;
