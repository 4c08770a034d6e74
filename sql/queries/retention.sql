-- name: try_lock
-- Takes the maintenance lock of this session, or says that another process has it.
-- key: bigint
SELECT pg_try_advisory_lock(%(key)s::bigint)

-- name: oldest_kept_day
-- The first day that is kept: by the log's clock, which is never behind Postgres's own.
-- days: integer
SELECT
  (greatest(clock_timestamp(), timestamptz 'epoch' + last_value * interval '1 microsecond') AT TIME ZONE 'UTC')::date
  - %(days)s::integer
FROM log.clock

-- name: leaves
-- The days' tables, oldest first: whether each is still part of the log, or half detached, or recorded as expired.
SELECT
  c.relname AS leaf,
  to_date(substr(c.relname, 8), 'YYYYMMDD') AS day,
  i.inhrelid IS NOT NULL AS is_attached,
  coalesce(i.inhdetachpending, false) AS is_pending,
  EXISTS (SELECT FROM projection.expired_day AS e WHERE e.day = to_date(substr(c.relname, 8), 'YYYYMMDD')) AS is_recorded
FROM pg_class AS c
LEFT JOIN pg_inherits AS i ON i.inhrelid = c.oid AND i.inhparent = 'log.report'::regclass
WHERE c.relnamespace = 'log'::regnamespace AND c.relkind = 'r' AND c.relname ~ '^report_[0-9]{8}$'
ORDER BY day

-- name: extent
-- How many reports a day holds, and the last of them; zero and NULL where there are none.
-- day: date
SELECT count(*) AS reports, max(position) AS last_position, max(recorded_at) AS last_recorded_at
FROM log.event
WHERE type = 'error.reported'
  AND recorded_at >= %(day)s::date::timestamp AT TIME ZONE 'UTC'
  AND recorded_at < (%(day)s::date + 1)::timestamp AT TIME ZONE 'UTC'

-- name: days_to_blank
-- The days that may hold payload of deleted reports: those of single deletions, and all up to an erasure.
SELECT leaf, day
FROM (
  SELECT c.relname AS leaf, to_date(substr(c.relname, 8), 'YYYYMMDD') AS day
  FROM pg_class AS c
  JOIN pg_inherits AS i ON i.inhrelid = c.oid AND i.inhparent = 'log.report'::regclass AND NOT i.inhdetachpending
) AS attached
WHERE EXISTS (
    SELECT
    FROM projection.deleted_report AS d
    WHERE (d.recorded_at AT TIME ZONE 'UTC')::date = attached.day
  )
  OR EXISTS (
    SELECT
    FROM projection.erasure AS r
    JOIN log.event AS fact ON fact.position = r.position AND fact.type = 'service.erased'
    WHERE (fact.recorded_at AT TIME ZONE 'UTC')::date >= attached.day
  )
ORDER BY day

-- name: blank
-- Blanks the deleted reports of one day; says how many.
-- day: date; sealed: bigint
SELECT log.blank(%(day)s::date, %(sealed)s::bigint)
