-- security_barrier: a condition that can fail with the value in its message (message::int) must not see a
-- report that is deleted. Comparisons of times, texts and ids are leakproof and reach the indexes all the same.
CREATE OR REPLACE VIEW reporting.error WITH (security_barrier) AS
SELECT
  e.occurred_at,
  e.recorded_at,
  e.service,
  e.level,
  e.environment,
  e.release,
  g.issue,
  coalesce(e.data #>> '{grouping,type}', e.data #>> '{exceptions,-1,type}') AS type,
  e.data ->> 'message' AS message,
  e.data ->> 'path' AS path,
  e.data ->> 'method' AS method,
  e.data #>> '{request,url}' AS url,
  e.data ->> 'transaction' AS transaction,
  e.data ->> 'server_name' AS server_name,
  e.data ->> 'platform' AS platform,
  e.data #>> '{sdk,name}' AS sdk,
  e.data #>> '{user,id}' AS user_id,
  e.data -> 'tags' AS tags,
  CASE WHEN e.actor LIKE 'key:%' THEN substr(e.actor, 5)::uuid END AS api_key,
  e.id,
  e.position
FROM projection.visible_report AS e
LEFT JOIN projection.issue_group AS g ON g.id = e.stream;

COMMENT ON VIEW reporting.error IS
'One row per report that is kept and not deleted. Ask for a time range, also for the latest ones: ORDER BY and LIMIT
alone read every day. The log is stored by day of recorded_at: a condition on it leaves the other days out; one on
occurred_at alone looks into the index of each day.';
COMMENT ON COLUMN reporting.error.occurred_at IS 'When it happened, by the client''s clock; at most a minute after recorded_at';
COMMENT ON COLUMN reporting.error.recorded_at IS 'When it was stored, by Postgres''s clock';
COMMENT ON COLUMN reporting.error.service IS 'The service whose key sent it';
COMMENT ON COLUMN reporting.error.level IS 'debug, info, warning, error, fatal or critical';
COMMENT ON COLUMN reporting.error.environment IS 'Such as prod; NULL where the client said none';
COMMENT ON COLUMN reporting.error.release IS 'The release that it came from; NULL where the client said none';
COMMENT ON COLUMN reporting.error.issue IS 'Its issue as of now: reporting.issue.id';
COMMENT ON COLUMN reporting.error.type IS 'The type of the exception that decides its issue; NULL where there is none';
COMMENT ON COLUMN reporting.error.message IS 'What people read first; NULL where the report was purged';
COMMENT ON COLUMN reporting.error.path IS 'The path of the request';
COMMENT ON COLUMN reporting.error.method IS 'The HTTP method of the request';
COMMENT ON COLUMN reporting.error.url IS 'The whole address of the request, with secrets filtered';
COMMENT ON COLUMN reporting.error.transaction IS 'The client''s name for what was going on, such as a route';
COMMENT ON COLUMN reporting.error.server_name IS 'The machine that it happened on';
COMMENT ON COLUMN reporting.error.platform IS 'Such as python or javascript';
COMMENT ON COLUMN reporting.error.sdk IS 'The name of the library that sent it';
COMMENT ON COLUMN reporting.error.user_id IS 'The client''s id of the user who met it';
COMMENT ON COLUMN reporting.error.tags IS 'An object of texts: tags ->> ''browser''; NULL where there are none';
COMMENT ON COLUMN reporting.error.api_key IS 'The key that sent it: reporting.key_usage.api_key';
COMMENT ON COLUMN reporting.error.id IS 'The report''s id, as the answer to the client has it; unique within a day and service';
COMMENT ON COLUMN reporting.error.position IS 'Its place in the log: unique, and in the order of storing';
