CREATE OR REPLACE VIEW reporting.dropped_hourly AS
SELECT
  d.hour,
  d.service,
  d.dropped_by,
  d.category,
  d.reason,
  d.quantity
FROM projection.drop_hour AS d;

COMMENT ON VIEW reporting.dropped_hourly IS
'What was not taken per service, by whom, of which category, why, and hour; of the last 31 days.';
COMMENT ON COLUMN reporting.dropped_hourly.hour IS 'The hour in which it was counted: its beginning';
COMMENT ON COLUMN reporting.dropped_hourly.service IS 'The service whose key sent it, or would have';
COMMENT ON COLUMN reporting.dropped_hourly.dropped_by IS 'sdk, which said so in a client report, or avalon';
COMMENT ON COLUMN reporting.dropped_hourly.category IS 'What it was, such as error, transaction or session; other beyond a bound';
COMMENT ON COLUMN reporting.dropped_hourly.reason IS 'Such as ratelimit_backoff, before_send or not_supported; other beyond a bound';
COMMENT ON COLUMN reporting.dropped_hourly.quantity IS 'How much of it';
