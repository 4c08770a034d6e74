-- The totals of issues that facts have touched, once for all facts, from what the issues' groups are by now. Reports are
-- added as they come (log.fold_issue_group).
CREATE OR REPLACE FUNCTION log.fold_issue_total() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = projection, pg_catalog, pg_temp
AS $$
DECLARE
  _issues uuid[];
BEGIN
  IF (SELECT type FROM fresh LIMIT 1) = 'error.reported' THEN
    RETURN NULL;
  END IF;

  SELECT array_agg(DISTINCT touched.issue)
  INTO _issues
  FROM (
    SELECT stream AS issue
    FROM fresh
    WHERE type IN ('issue.groups_moved', 'issue.deleted', 'issue.restored')
    UNION ALL
    SELECT (data ->> 'from')::uuid
    FROM fresh
    WHERE type = 'issue.groups_moved'
    UNION ALL
    SELECT g.issue
    FROM fresh AS e
    JOIN issue_group AS g ON g.id = (e.data ->> 'group')::uuid
    WHERE e.type = 'error.deleted'
    UNION ALL
    SELECT x.issue
    FROM fresh AS e
    JOIN group_erasure AS x ON x.issue_group = (e.data ->> 'group')::uuid
    WHERE e.type = 'error.deleted'
    UNION ALL
    SELECT g.issue
    FROM fresh AS e
    JOIN issue_group AS g ON g.service = e.service
    WHERE e.type = 'service.erased'
  ) AS touched
  WHERE touched.issue IS NOT NULL;

  IF _issues IS NULL THEN
    RETURN NULL;
  END IF;

  UPDATE issue AS i
  SET
    events = coalesce(g.events, 0),
    users = (
      SELECT count(DISTINCT u.user_hash)
      FROM issue_group AS own
      JOIN group_user AS u ON u.issue_group = own.id
      WHERE own.issue = i.id
    ),
    first_seen = g.first_seen,
    last_seen = g.last_seen,
    level = log.level(g.severity),
    is_hidden = coalesce(g.events, 0) = 0 OR EXISTS (SELECT FROM group_erasure AS e WHERE e.issue = i.id)
  FROM unnest(_issues) AS touched (id)
  LEFT JOIN LATERAL (
    SELECT
      sum(reports) AS events,
      min(first_seen) AS first_seen,
      max(last_seen) AS last_seen,
      max(log.severity(level)) AS severity
    FROM issue_group
    WHERE issue = touched.id
  ) AS g ON true
  WHERE i.id = touched.id;

  PERFORM log.title_issues(_issues);
  RETURN NULL;
END $$;
