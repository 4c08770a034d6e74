-- Policy: the first report of a group that belongs to no issue opens one, in the same transaction. Beyond the cap on new
-- issues per key and hour its group goes to the service's overflow.
CREATE OR REPLACE FUNCTION log.open_issue() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  _max_issues CONSTANT bigint := 1000;
BEGIN
  -- Even an INSERT of no rows fires the whole pipeline again: look first.
  IF NOT EXISTS (
    SELECT
    FROM fresh AS e
    JOIN projection.issue_group AS g ON g.id = e.stream AND g.issue IS NULL
    WHERE e.type = 'error.reported'
  ) THEN
    RETURN NULL;
  END IF;

  WITH first AS (
    SELECT DISTINCT ON (e.stream) e.*
    FROM fresh AS e
    JOIN projection.issue_group AS g ON g.id = e.stream AND g.issue IS NULL
    WHERE e.type = 'error.reported'
    ORDER BY e.stream, e.position
  ),
  numbered AS (
    SELECT
      f.*,
      f.actor LIKE 'key:%'
        AND row_number() OVER (PARTITION BY f.actor ORDER BY f.position) + coalesce(
          (
            SELECT h.issues
            FROM projection.api_key_hour AS h
            WHERE h.api_key = CASE WHEN f.actor LIKE 'key:%' THEN substr(f.actor, 5)::uuid END
              AND h.hour = date_bin('1 hour', f.recorded_at, 'epoch')
          ),
          0
        ) > _max_issues AS is_beyond
    FROM first AS f
  ),
  beyond AS (
    SELECT
      n.*,
      (row_number() OVER (PARTITION BY n.service ORDER BY n.position) - 1) / 500 AS part
    FROM numbered AS n
    WHERE n.is_beyond
  ),
  fact AS (
    SELECT
      'issue.opened' AS type,
      CASE WHEN EXISTS (SELECT FROM projection.issue AS i WHERE i.id = n.stream) THEN gen_random_uuid() ELSE n.stream END
        AS stream,
      n.service,
      n.level,
      n.environment,
      n.release,
      n.occurred_at,
      n.position,
      jsonb_build_object('group', n.stream, 'report', n.id)
        || CASE WHEN n.actor LIKE 'key:%' THEN jsonb_build_object('key', substr(n.actor, 5)) ELSE '{}' END AS data
    FROM numbered AS n
    WHERE NOT n.is_beyond
    UNION ALL
    SELECT
      'issue.overflowed',
      log.overflow_issue(b.service),
      b.service,
      log.level(max(log.severity(b.level))),
      NULL,
      NULL,
      min(b.occurred_at),
      min(b.position),
      jsonb_build_object('groups', jsonb_agg(b.stream ORDER BY b.position))
    FROM beyond AS b
    GROUP BY b.service, b.part
  )
  INSERT INTO log.event (id, type, stream, service, level, environment, release, occurred_at, actor, data)
  SELECT gen_random_uuid(), type, stream, service, level, environment, release, occurred_at, 'policy:open_issue', data
  FROM fact
  ORDER BY position;

  RETURN NULL;
END $$;
