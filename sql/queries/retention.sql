-- name: try_lock
-- Takes a lock for this session, or says that another session has it.
-- key: bigint
SELECT pg_try_advisory_lock(%(key)s::bigint)

-- name: day_before
-- Today less so many days, by the log's clock: it is never behind Postgres's own, which no replica's can replace.
-- days: integer
SELECT
  (greatest(clock_timestamp(), timestamptz 'epoch' + last_value * interval '1 microsecond') AT TIME ZONE 'UTC')::date
  - %(days)s::integer
FROM log.clock

-- name: leaves
-- The days' tables, oldest first.
SELECT
  leaf.name AS "table",
  leaf.day,
  i.inhrelid IS NOT NULL AS is_attached,
  coalesce(i.inhdetachpending, false) AS is_pending,
  EXISTS (SELECT FROM projection.expired_day AS e WHERE e.day = leaf.day) AS is_recorded
FROM (
  SELECT oid, relname AS name, to_date(substr(relname, 8), 'YYYYMMDD') AS day
  FROM pg_class
  WHERE relnamespace = 'log'::regnamespace AND relkind = 'r' AND relname ~ '^report_[0-9]{8}$'
) AS leaf
LEFT JOIN pg_inherits AS i ON i.inhrelid = leaf.oid AND i.inhparent = 'log.report'::regclass
ORDER BY leaf.day

-- name: leaves_to_blank
-- The days that may hold payload of deleted reports: those of single deletions, and all up to an erasure or to the
-- deletion of an issue.
SELECT leaf.name AS "table", leaf.day, true AS is_attached, false AS is_pending, false AS is_recorded
FROM (
  SELECT c.relname AS name, to_date(substr(c.relname, 8), 'YYYYMMDD') AS day
  FROM pg_inherits AS i
  JOIN pg_class AS c ON c.oid = i.inhrelid
  WHERE i.inhparent = 'log.report'::regclass AND NOT i.inhdetachpending
) AS leaf
WHERE EXISTS (
    SELECT
    FROM projection.deleted_report AS d
    WHERE (d.recorded_at AT TIME ZONE 'UTC')::date = leaf.day
  )
  OR EXISTS (
    SELECT
    FROM log.event AS fact
    WHERE fact.type IN ('service.erased', 'issue.deleted') AND (fact.recorded_at AT TIME ZONE 'UTC')::date >= leaf.day
  )
ORDER BY leaf.day

-- name: extent
-- How many reports a day holds, and the last of them; NULL where there is none.
-- day: date
SELECT count(*) AS reports, max(position) AS last_position, max(recorded_at) AS last_recorded_at
FROM log.event
WHERE type = 'error.reported'
  AND recorded_at >= %(day)s::date::timestamp AT TIME ZONE 'UTC'
  AND recorded_at < (%(day)s::date + 1)::timestamp AT TIME ZONE 'UTC'

-- name: last_purge
-- The position of the last purge, 0 before the first, and whether something was deleted since.
SELECT
  last.position AS purged,
  EXISTS (
    SELECT
    FROM log.event AS fact
    WHERE fact.type IN ('error.deleted', 'service.erased', 'issue.deleted', 'issue.comment_deleted')
      AND fact.position > last.position
  ) AS is_due
FROM (SELECT coalesce(max(position), 0) AS position FROM log.event WHERE type = 'reports.purged') AS last

-- name: blank
-- Blanks the reports of one day that were deleted before a purge; says how many.
-- day: date; purged: bigint, the purge's position
SELECT log.blank(%(day)s::date, %(purged)s::bigint)

-- name: blank_comments
-- Blanks the comments that were deleted before a purge; says how many.
-- purged: bigint, the purge's position
SELECT log.blank_comments(%(purged)s::bigint)
