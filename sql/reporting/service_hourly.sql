CREATE OR REPLACE VIEW reporting.service_hourly AS
SELECT
  c.hour,
  c.service,
  c.level,
  nullif(c.environment, '') AS environment,
  c.reports AS events
FROM projection.hour_count AS c
WHERE c.reports > 0;

COMMENT ON VIEW reporting.service_hourly IS
'Reports per service, level, environment and hour, also of days whose reports are not kept any more; an hour without
reports has no row.';
COMMENT ON COLUMN reporting.service_hourly.hour IS 'The hour of occurred_at: its beginning';
COMMENT ON COLUMN reporting.service_hourly.service IS 'The service whose key sent them';
COMMENT ON COLUMN reporting.service_hourly.level IS 'debug, info, warning, error, fatal or critical';
COMMENT ON COLUMN reporting.service_hourly.environment IS 'Such as prod; NULL where the client said none';
COMMENT ON COLUMN reporting.service_hourly.events IS 'How many reports, without deleted ones';
