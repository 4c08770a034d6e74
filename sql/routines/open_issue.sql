-- Policy: the first report of a group that belongs to no issue opens one, in the same transaction.
CREATE OR REPLACE FUNCTION log.open_issue() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
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

  INSERT INTO log.event (id, type, stream, service, level, environment, release, occurred_at, actor, data)
  SELECT
    gen_random_uuid(),
    'issue.opened',
    f.stream,
    f.service,
    f.level,
    f.environment,
    f.release,
    f.occurred_at,
    'policy:open_issue',
    jsonb_build_object('group', f.stream, 'report', f.id)
  FROM (
    SELECT DISTINCT ON (e.stream) e.*
    FROM fresh AS e
    JOIN projection.issue_group AS g ON g.id = e.stream AND g.issue IS NULL
    WHERE e.type = 'error.reported'
    ORDER BY e.stream, e.position
  ) AS f
  ORDER BY f.position;

  RETURN NULL;
END $$;
