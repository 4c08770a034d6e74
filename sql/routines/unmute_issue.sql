-- Policy: a muted issue is heard again by the report that passes one of its thresholds, or that comes after its time;
-- not by one that is imported.
CREATE OR REPLACE FUNCTION log.unmute_issue() RETURNS trigger
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
      JOIN projection.issue AS i ON i.id = g.issue AND i.substatus = 'muted'
    )
  THEN
    RETURN NULL;
  END IF;

  INSERT INTO log.event (id, type, stream, service, level, environment, release, occurred_at, actor, data)
  SELECT
    gen_random_uuid(),
    'issue.unmuted',
    f.issue,
    f.service,
    f.level,
    f.environment,
    f.release,
    f.occurred_at,
    'policy:unmute_issue',
    jsonb_build_object('group', f.stream, 'report', f.id, 'reason', f.reason, 'was', log.decision_state(i))
  FROM (
    SELECT DISTINCT ON (i.id)
      e.*,
      i.id AS issue,
      CASE
        WHEN e.recorded_at >= i.muted_until THEN 'until'
        WHEN i.events >= i.muted_events THEN 'events'
        WHEN i.users >= i.muted_users THEN 'users'
      END AS reason
    FROM fresh AS e
    JOIN projection.issue_group AS g ON g.id = e.stream
    JOIN projection.issue AS i ON i.id = g.issue AND i.substatus = 'muted'
    WHERE e.actor <> 'import'
    ORDER BY i.id, e.position DESC
  ) AS f
  JOIN projection.issue AS i ON i.id = f.issue
  WHERE f.reason IS NOT NULL
  ORDER BY f.position;

  RETURN NULL;
END $$;
