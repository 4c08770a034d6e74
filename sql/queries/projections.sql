-- name: tables
-- The projections' tables.
SELECT tablename
FROM pg_tables
WHERE schemaname = 'projection'
ORDER BY tablename

-- name: folds
-- The fold triggers of the log in firing order, with their functions' bodies and what else is set for these.
SELECT
  t.tgname,
  p.proname,
  p.prosrc,
  ARRAY(SELECT s FROM unnest(p.proconfig) AS s WHERE s NOT LIKE 'search\_path=%%') AS settings
FROM pg_trigger AS t
JOIN pg_proc AS p ON p.oid = t.tgfoid
WHERE t.tgrelid = 'log.event'::regclass AND p.proname LIKE 'fold\_%%'
ORDER BY t.tgname

-- name: columns
-- The columns of a table that are written; the others are generated from them.
-- table: text, qualified
SELECT attname
FROM pg_attribute
WHERE attrelid = %(table)s::regclass AND attnum > 0 AND NOT attisdropped AND attgenerated = ''
ORDER BY attnum

-- name: primary_key
-- The columns of a table's primary key.
-- table: text, qualified
SELECT a.attname
FROM pg_index AS i
JOIN pg_attribute AS a ON a.attrelid = i.indrelid AND a.attnum = ANY(i.indkey)
WHERE i.indrelid = %(table)s::regclass AND i.indisprimary
ORDER BY a.attnum

-- name: next_positions
-- Where the next events stand, and of which kind they are: of one kind are the runs that a replay may insert at once.
-- What a deletion takes off depends on the moves and deletions of whole issues before it, which other folds follow;
-- so does which comments a purge takes.
-- position: bigint and recorded_at: timestamptz, the cursor; last: bigint; row_limit: integer
SELECT
  position,
  recorded_at,
  CASE
    WHEN type = 'error.reported' THEN 'report'
    WHEN type IN ('error.deleted', 'service.erased', 'minutes.expired', 'reports.expired') THEN 'deletion'
    WHEN type = 'reports.purged' THEN 'purge'
    ELSE 'fact'
  END AS kind
FROM log.event
WHERE position > %(position)s::bigint
  AND position <= %(last)s::bigint
  AND recorded_at >= %(recorded_at)s::timestamptz
ORDER BY position
LIMIT %(row_limit)s::integer

-- name: abandoned
-- Scratch schemas of replays that are not running any more: nobody holds their session lock.
SELECT n.nspname
FROM pg_namespace AS n
WHERE n.nspname LIKE 'scratch\_%%'
  AND NOT EXISTS (
    SELECT
    FROM pg_locks AS l
    WHERE l.locktype = 'advisory'
      AND l.classid = 4712
      AND l.objid = (hashtext(n.nspname)::bigint & 4294967295)::oid
  )
