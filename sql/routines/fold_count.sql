-- Reports per hour, and per minute where they came less than a day late, of services and of groups. Always by the
-- clamped occurred_at. One pass: all four are sums of the same rows.
CREATE OR REPLACE FUNCTION log.fold_count() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = projection, pg_catalog, pg_temp
AS $$
BEGIN
  IF (SELECT type FROM fresh LIMIT 1) IS DISTINCT FROM 'error.reported' THEN
    RETURN NULL;
  END IF;

  WITH counted AS MATERIALIZED (
    SELECT
      service,
      stream,
      date_bin('1 minute', occurred_at, 'epoch') AS minute,
      level,
      coalesce(environment, '') AS environment,
      occurred_at > recorded_at - interval '1 day' AS is_timely,
      count(*) AS reports
    FROM fresh
    GROUP BY 1, 2, 3, 4, 5, 6
  ),
  hour AS (
    INSERT INTO hour_count AS c (service, hour, level, environment, reports)
    SELECT service, date_bin('1 hour', minute, 'epoch'), level, environment, sum(reports)
    FROM counted
    GROUP BY 1, 2, 3, 4
    ON CONFLICT (service, hour, level, environment) DO UPDATE
    SET reports = c.reports + excluded.reports
  ),
  minute AS (
    INSERT INTO minute_count AS c (service, minute, level, environment, reports)
    SELECT service, minute, level, environment, sum(reports)
    FROM counted
    WHERE is_timely
    GROUP BY 1, 2, 3, 4
    ON CONFLICT (service, minute, level, environment) DO UPDATE
    SET reports = c.reports + excluded.reports
  ),
  hour_of_group AS (
    INSERT INTO group_hour AS c (issue_group, hour, level, environment, reports)
    SELECT stream, date_bin('1 hour', minute, 'epoch'), level, environment, sum(reports)
    FROM counted
    GROUP BY 1, 2, 3, 4
    ON CONFLICT (issue_group, hour, level, environment) DO UPDATE
    SET reports = c.reports + excluded.reports
  )
  INSERT INTO group_minute AS c (issue_group, minute, level, environment, reports)
  SELECT stream, minute, level, environment, sum(reports)
  FROM counted
  WHERE is_timely
  GROUP BY 1, 2, 3, 4
  ON CONFLICT (issue_group, minute, level, environment) DO UPDATE
  SET reports = c.reports + excluded.reports;

  RETURN NULL;
END $$;
