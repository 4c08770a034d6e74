-- name: server
-- What the server says of itself, as the owner may see it.
SELECT
  current_setting('server_version') AS version,
  current_setting('server_version_num')::integer / 10000 AS major,
  pg_is_in_recovery() AS is_standby,
  current_setting('server_encoding') AS encoding,
  current_setting('fsync') AS fsync,
  current_setting('full_page_writes') AS full_page_writes,
  current_setting('synchronous_commit') AS synchronous_commit,
  current_setting('idle_session_timeout') AS idle_session_timeout,
  current_setting('max_connections')::integer - current_setting('superuser_reserved_connections')::integer
    AS max_connections,
  (
    SELECT count(*)
    FROM pg_stat_activity
    WHERE datid IS NOT NULL
      AND (datname IS DISTINCT FROM current_database() OR application_name <> 'avalon')
  ) AS others,
  pg_size_pretty(pg_database_size(current_database())) AS size

-- name: log
-- The log's day and clock, and for how long the oldest transaction in this database has been open.
SELECT
  (clock_timestamp() AT TIME ZONE 'UTC')::date AS today,
  extract(epoch FROM timestamptz 'epoch' + last_value * interval '1 microsecond' - clock_timestamp())::float AS ahead_s,
  (
    SELECT extract(epoch FROM clock_timestamp() - min(xact_start))::float
    FROM pg_stat_activity
    WHERE datname = current_database() AND pid <> pg_backend_pid()
  ) AS oldest_reader_s
FROM log.clock

-- name: webhooks
-- The sinks that are active and have a URL.
SELECT s.kind, s.name, x.url
FROM projection.sink AS s
JOIN account.sink_secret AS x ON x.sink = s.id
WHERE s.is_active AND x.url IS NOT NULL
ORDER BY s.created_at

-- name: failing
-- The active sinks whose other side fails now, with how many messages wait.
SELECT
  s.name,
  p.state ->> 'error' AS error,
  jsonb_array_length(p.state -> 'outbox') AS waiting,
  greatest(to_timestamp((p.state ->> 'quiet_until')::float), now()) AS tried_again_at
FROM projection.sink AS s
JOIN runtime.subscription AS p ON p.sink = s.id
WHERE s.is_active AND p.state ->> 'error' <> ''
ORDER BY s.created_at
