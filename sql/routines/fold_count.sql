-- Reports per hour, and per minute where they came less than a day late. Always by the clamped occurred_at.
CREATE OR REPLACE FUNCTION log.fold_count() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = projection, pg_catalog, pg_temp
AS $$
BEGIN
  INSERT INTO hour_count AS c (service, hour, level, environment, reports)
  SELECT service, date_bin('1 hour', occurred_at, 'epoch'), level, coalesce(environment, ''), count(*)
  FROM fresh
  WHERE type = 'error.reported'
  GROUP BY 1, 2, 3, 4
  ON CONFLICT (service, hour, level, environment) DO UPDATE
  SET reports = c.reports + excluded.reports;

  INSERT INTO minute_count AS c (service, minute, level, environment, reports)
  SELECT service, date_bin('1 minute', occurred_at, 'epoch'), level, coalesce(environment, ''), count(*)
  FROM fresh
  WHERE type = 'error.reported' AND occurred_at > recorded_at - interval '1 day'
  GROUP BY 1, 2, 3, 4
  ON CONFLICT (service, minute, level, environment) DO UPDATE
  SET reports = c.reports + excluded.reports;

  RETURN NULL;
END $$;
