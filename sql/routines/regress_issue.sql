-- Policy: a resolved issue is unresolved again when it comes back: by a report that occurred after the resolution, and not
-- of a release that cannot have the fix. A late report, one of an old release and an imported one reopen nothing. A
-- resolution that went by a release whose reports were all deleted since goes by time alone: whoever made that release up
-- would silence it.
CREATE OR REPLACE FUNCTION log.regress_issue() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
SET enable_hashjoin = off
SET enable_mergejoin = off
SET enable_seqscan = off
AS $$
BEGIN
  IF (SELECT type FROM fresh LIMIT 1) IS DISTINCT FROM 'error.reported'
    OR NOT EXISTS (
      SELECT
      FROM (SELECT DISTINCT stream FROM fresh) AS e
      JOIN projection.issue_group AS g ON g.id = e.stream
      JOIN projection.issue AS i ON i.id = g.issue AND i.status = 'resolved'
    )
  THEN
    RETURN NULL;
  END IF;

  -- What a release decides it decides once, for the first report of it; the state is read of issues that do change.
  WITH candidate AS MATERIALIZED (
    SELECT DISTINCT ON (i.id, e.release)
      i.id AS issue,
      i.substatus,
      CASE WHEN i.resolved_in IS DISTINCT FROM i.current_release THEN i.resolved_in ELSE r.version END AS resolved_in,
      r.version AS current_release,
      e.id,
      e.stream,
      e.service,
      e.level,
      e.environment,
      e.release,
      e.occurred_at,
      e.position
    FROM fresh AS e
    JOIN projection.issue_group AS g ON g.id = e.stream
    JOIN projection.issue AS i ON i.id = g.issue AND i.status = 'resolved'
    LEFT JOIN projection.release AS r ON r.service = e.service AND r.version = i.current_release AND r.reports > 0
    WHERE e.occurred_at > i.resolved_at AND e.actor <> 'import'
    ORDER BY i.id, e.release, e.position
  ),
  back AS MATERIALIZED (
    SELECT DISTINCT ON (c.issue) c.*
    FROM candidate AS c
    WHERE CASE
      WHEN c.release IS NULL THEN true
      WHEN c.resolved_in IS NOT NULL THEN log.compare_releases(c.service, c.release, c.resolved_in) >= 0
      WHEN c.current_release IS NULL THEN true
      WHEN c.substatus = 'in_next_release' THEN log.compare_releases(c.service, c.release, c.current_release) > 0
      ELSE coalesce(log.compare_releases(c.service, c.release, c.current_release), 0) >= 0
    END
    ORDER BY c.issue, c.position
  )
  INSERT INTO log.event (id, type, stream, service, level, environment, release, occurred_at, actor, data)
  SELECT
    gen_random_uuid(),
    'issue.regressed',
    b.issue,
    b.service,
    b.level,
    b.environment,
    b.release,
    b.occurred_at,
    'policy:regress_issue',
    jsonb_build_object('group', b.stream, 'report', b.id, 'was', log.decision_state(i))
  FROM back AS b
  JOIN projection.issue AS i ON i.id = b.issue
  ORDER BY b.position;

  RETURN NULL;
END $$;
