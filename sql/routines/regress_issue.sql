-- Policy: a resolved issue is unresolved again when it comes back: by a report that occurred after the resolution, and not
-- of a release that cannot have the fix. A late report, or one of an old release, reopens nothing.
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
      FROM fresh AS e
      JOIN projection.issue_group AS g ON g.id = e.stream
      JOIN projection.issue AS i ON i.id = g.issue AND i.status = 'resolved'
    )
  THEN
    RETURN NULL;
  END IF;

  INSERT INTO log.event (id, type, stream, service, level, environment, release, occurred_at, actor, data)
  SELECT
    gen_random_uuid(),
    'issue.regressed',
    f.issue,
    f.service,
    f.level,
    f.environment,
    f.release,
    f.occurred_at,
    'policy:regress_issue',
    jsonb_build_object('group', f.stream, 'report', f.id, 'was', f.was)
  FROM (
    SELECT DISTINCT ON (i.id) e.*, i.id AS issue, log.decision_state(i) AS was
    FROM fresh AS e
    JOIN projection.issue_group AS g ON g.id = e.stream
    JOIN projection.issue AS i ON i.id = g.issue AND i.status = 'resolved'
    WHERE e.occurred_at > i.resolved_at
      AND CASE
        WHEN e.release IS NULL THEN true
        WHEN i.substatus = 'in_release' THEN log.compare_releases(e.service, e.release, i.resolved_in) >= 0
        WHEN i.current_release IS NULL THEN true
        WHEN i.substatus = 'in_next_release' THEN log.compare_releases(e.service, e.release, i.current_release) > 0
        ELSE coalesce(log.compare_releases(e.service, e.release, i.current_release), 0) >= 0
      END
    ORDER BY i.id, e.position
  ) AS f
  ORDER BY f.position;

  RETURN NULL;
END $$;
