-- name: marked
-- The tables that hold bytes of deleted content. One is at rest where nobody writes: a day that is over by the log's
-- clock, and the baseline; and any while no other login is there.
-- mark: text, their comment
SELECT
  t.relnamespace::regnamespace::text AS "schema",
  t.relname AS "table",
  t.relnamespace = 'baseline'::regnamespace OR (
    t.relname ~ '^report_[0-9]{8}$'
    AND t.relname < 'report_' || to_char(
      greatest(clock_timestamp(), timestamptz 'epoch' + c.last_value * interval '1 microsecond') AT TIME ZONE 'UTC',
      'YYYYMMDD'
    )
  ) OR NOT EXISTS (
    SELECT
    FROM pg_stat_activity AS a
    WHERE a.datname = current_database() AND a.usename IS NOT NULL AND a.pid <> pg_backend_pid()
  ) AS is_at_rest
FROM pg_class AS t
CROSS JOIN log.clock AS c
WHERE t.relkind = 'r'
  AND t.relnamespace IN ('log'::regnamespace, 'projection'::regnamespace, 'baseline'::regnamespace)
  AND obj_description(t.oid, 'pg_class') = %(mark)s::text
ORDER BY 1, 2

-- name: assign_xid
-- This transaction's id: of those that began before it, each is less.
SELECT pg_current_xact_id()::text::bigint

-- name: is_settled
-- A row when all transactions of the server up to this one are over.
-- xid: bigint
SELECT 1
WHERE pg_snapshot_xmin(pg_current_snapshot())::text::bigint > %(xid)s::bigint

-- name: has_statistics_of_all_days
-- Whether somebody had the planner's statistics made of the log as a whole: Postgres itself makes those of its parts.
SELECT EXISTS (SELECT FROM pg_stats WHERE schemaname = 'log' AND inherited)
