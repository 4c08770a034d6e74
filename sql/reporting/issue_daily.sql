CREATE OR REPLACE VIEW reporting.issue_daily AS
SELECT
  (h.hour AT TIME ZONE 'UTC')::date AS day,
  i.id AS issue,
  i.service,
  sum(h.reports)::bigint AS events
FROM projection.group_hour AS h
JOIN projection.issue_group AS g ON g.id = h.issue_group
JOIN projection.issue AS i ON i.id = g.issue
WHERE NOT i.is_hidden AND h.reports > 0
GROUP BY 1, i.id;

COMMENT ON VIEW reporting.issue_daily IS
'Reports per issue and day, also of days whose reports are not kept any more; a day without reports has no row.';
COMMENT ON COLUMN reporting.issue_daily.day IS 'The day of occurred_at in UTC';
COMMENT ON COLUMN reporting.issue_daily.issue IS 'The issue: reporting.issue.id';
COMMENT ON COLUMN reporting.issue_daily.service IS 'The issue''s service';
COMMENT ON COLUMN reporting.issue_daily.events IS 'Its reports on this day, without deleted ones';
