-- Makes the partition of one UTC day and says whether it had to. LIKE and ATTACH take a lock that lets
-- readers and writers go on; PARTITION OF would wait for every open SELECT while all appends wait behind it.
CREATE OR REPLACE FUNCTION log.create_day(day date) RETURNS boolean
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
SET timezone = 'UTC'
AS $$
DECLARE
  _leaf text := 'report_' || to_char(create_day.day, 'YYYYMMDD');
BEGIN
  IF EXISTS (SELECT FROM pg_class WHERE relnamespace = 'log'::regnamespace AND relname = _leaf) THEN
    RETURN false;
  END IF;

  EXECUTE format(
    'CREATE TABLE log.%I (LIKE log.report INCLUDING DEFAULTS INCLUDING CONSTRAINTS INCLUDING STORAGE INCLUDING COMPRESSION)',
    _leaf
  );
  EXECUTE format('CREATE UNIQUE INDEX %I ON log.%I (id, service)', _leaf || '_id', _leaf);
  EXECUTE format(
    'ALTER TABLE log.report ATTACH PARTITION log.%I FOR VALUES FROM (%L) TO (%L)',
    _leaf, create_day.day::timestamptz, (create_day.day + 1)::timestamptz
  );
  RETURN true;
END $$;
