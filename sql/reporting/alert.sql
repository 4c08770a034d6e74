CREATE OR REPLACE VIEW reporting.alert AS
SELECT
  f.recorded_at,
  substr(f.type, 7) AS outcome,
  f.stream AS sink,
  s.name AS sink_name,
  s.kind AS sink_kind,
  coalesce(told.issue, (f.data ->> 'issue')::uuid) AS issue,
  coalesce(told.events, (f.data ->> 'count')::bigint, (f.data ->> 'reports')::bigint) AS events,
  f.data ->> 'reason' AS reason,
  f.position
FROM log.fact AS f
LEFT JOIN projection.sink AS s ON s.id = f.stream
LEFT JOIN LATERAL (
  SELECT t.key::uuid AS issue, t.value::bigint AS events
  FROM jsonb_each_text(f.data -> 'issues') AS t
) AS told ON true
WHERE f.type IN ('alert.delivered', 'alert.suppressed', 'alert.failed');

COMMENT ON VIEW reporting.alert IS
'What became of alerts: one row per message (or window of messages held back) and issue. Ask for a range of recorded_at.';
COMMENT ON COLUMN reporting.alert.recorded_at IS 'When it went out, was held back or was given up';
COMMENT ON COLUMN reporting.alert.outcome IS 'delivered, suppressed (counted, without a message of its own) or failed (given up)';
COMMENT ON COLUMN reporting.alert.sink IS 'The id of the sink';
COMMENT ON COLUMN reporting.alert.sink_name IS 'What people call the sink; NULL where it was deleted';
COMMENT ON COLUMN reporting.alert.sink_kind IS 'Such as discord; NULL where it was deleted';
COMMENT ON COLUMN reporting.alert.issue IS
'The issue: reporting.issue.id, if it is not deleted or merged by now; NULL where the fact names none';
COMMENT ON COLUMN reporting.alert.events IS 'How many reports of the issue it was about';
COMMENT ON COLUMN reporting.alert.reason IS 'Why it was suppressed or failed; NULL where it was delivered';
COMMENT ON COLUMN reporting.alert.position IS 'Its place in the log; the rows of one message share it';
