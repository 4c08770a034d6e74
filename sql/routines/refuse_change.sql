-- The log is append-only. What it lets through is a purge's alone: the payload of a deleted report (log.blank) and the
-- words of a deleted comment (log.blank_comments) go.
CREATE OR REPLACE FUNCTION log.refuse_change() RETURNS trigger
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
  IF TG_OP = 'UPDATE'
    AND current_setting('avalon.purge', true) = 'on'
    AND (
      (OLD.type = 'error.reported' AND NEW.data = '{"purged": true}')
      OR (OLD.type = 'issue.commented' AND NEW.data = OLD.data - 'text' - 'name' - 'email')
    )
    AND to_jsonb(NEW) - 'data' = to_jsonb(OLD) - 'data'
  THEN
    RETURN NEW;
  END IF;

  RAISE EXCEPTION 'log.event is append-only (% of position % refused)', TG_OP, OLD.position
  USING ERRCODE = 'restrict_violation';
END $$;
