-- Runs before a position is drawn: takes the log's lock until the commit, reads the clock under it, and makes
-- the day's partition where it is missing. So the order of positions is the order of commits, and a reader
-- with a bigint cursor can never miss an event that commits late.
CREATE OR REPLACE FUNCTION log.take_lock() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
SET timezone = 'UTC'
SET datestyle = 'ISO'
AS $$
DECLARE
  _now timestamptz;
BEGIN
  PERFORM pg_advisory_xact_lock(4711);

  SELECT greatest(clock_timestamp(), timestamptz 'epoch' + last_value * interval '1 microsecond')
  INTO _now
  FROM log.clock;

  PERFORM setval('log.clock', (extract(epoch FROM _now) * 1000000)::bigint);
  PERFORM set_config('avalon.recorded_at', _now::text, true);

  -- Tomorrow's ten minutes early, so that no append at midnight waits for it.
  IF to_regclass('log.report_' || to_char(_now, 'YYYYMMDD')) IS NULL
    OR to_regclass('log.report_' || to_char(_now + interval '10 minutes', 'YYYYMMDD')) IS NULL
  THEN
    PERFORM log.create_day(_now::date);
    PERFORM log.create_day((_now + interval '10 minutes')::date);
  END IF;

  RETURN NULL;
END $$;
