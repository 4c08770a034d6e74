CREATE OR REPLACE VIEW reporting.key_usage AS
SELECT
  k.id AS api_key,
  k.name,
  k.service,
  k.is_active,
  k.created_at,
  k.expires_at,
  k.last_used_at,
  h.hour,
  coalesce(h.reports, 0) AS events
FROM projection.api_key AS k
LEFT JOIN projection.api_key_hour AS h ON h.api_key = k.id;

COMMENT ON VIEW reporting.key_usage IS
'Reports per API key and hour; a key that was never used has one row without an hour, a deleted key has none.';
COMMENT ON COLUMN reporting.key_usage.api_key IS 'The key''s id';
COMMENT ON COLUMN reporting.key_usage.name IS 'What people call it';
COMMENT ON COLUMN reporting.key_usage.service IS 'The service that its reports belong to';
COMMENT ON COLUMN reporting.key_usage.is_active IS 'false where it was switched off';
COMMENT ON COLUMN reporting.key_usage.created_at IS 'When it was made';
COMMENT ON COLUMN reporting.key_usage.expires_at IS 'When it ends, or ended; NULL for never';
COMMENT ON COLUMN reporting.key_usage.last_used_at IS 'When a report last came with it, to the minute; NULL for never';
COMMENT ON COLUMN reporting.key_usage.hour IS 'The hour of recorded_at: its beginning; NULL where the key was never used';
COMMENT ON COLUMN reporting.key_usage.events IS 'How many reports were stored under it in this hour, deleted ones included';
