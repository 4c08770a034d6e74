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
    SELECT x.issue
    FROM fresh AS e
    JOIN group_erasure AS x ON x.position < e.position
    WHERE e.type = 'reports.purged'
    UNION ALL
    -- Of a service most issues may be as they were: those that lost nothing, and nobody.
    SELECT i.id
    FROM (
      SELECT DISTINCT g.issue AS id
      FROM fresh AS e
      JOIN issue_group AS g ON g.service = e.service
      WHERE e.type = 'service.erased'
    ) AS listed
    JOIN issue AS i ON i.id = listed.id
    CROSS JOIN LATERAL (
      SELECT sum(reports) AS events, bool_or(reports = 0) AS has_empty
      FROM issue_group
      WHERE issue = listed.id
    ) AS g
    WHERE i.events <> g.events OR (g.has_empty AND i.users > 0)
  ) AS touched
  WHERE touched.issue IS NOT NULL;

  IF _issues IS NULL THEN
    RETURN NULL;
  END IF;

  -- Where no report is left that gave a title, it goes with the totals, so that thousands of issues at once are
  -- written once. The overflow's stays.
  WITH counted AS (
    UPDATE issue AS i
    SET
      events = g.events,
      users = CASE
        WHEN g.users = 0 THEN 0
        ELSE (
          SELECT count(DISTINCT u.user_hash)
          FROM issue_group AS own
          JOIN group_user AS u ON u.issue_group = own.id
          WHERE own.issue = i.id
        )
      END,
      first_seen = g.first_seen,
      last_seen = g.last_seen,
      level = log.level(g.severity),
      is_hidden = g.events = 0 OR EXISTS (SELECT FROM group_erasure AS e WHERE e.issue = i.id),
      type = CASE WHEN g.is_titled OR own.is_overflow THEN i.type END,
      title = CASE WHEN g.is_titled OR own.is_overflow THEN i.title END,
      culprit = CASE WHEN g.is_titled OR own.is_overflow THEN i.culprit END,
      search = CASE WHEN g.is_titled OR own.is_overflow THEN i.search ELSE '' END
    FROM unnest(_issues) AS touched (id)
    JOIN issue AS before ON before.id = touched.id
    CROSS JOIN LATERAL (SELECT before.id = log.overflow_issue(before.service) AS is_overflow) AS own
    CROSS JOIN LATERAL (
      SELECT
        coalesce(sum(reports), 0) AS events,
        coalesce(sum(users), 0) AS users,
        coalesce(bool_or(title_of IS NOT NULL), false) AS is_titled,
        min(first_seen) AS first_seen,
        max(last_seen) AS last_seen,
        max(log.severity(level)) AS severity
      FROM issue_group
      WHERE issue = touched.id
    ) AS g
    WHERE i.id = touched.id
    RETURNING i.id, g.is_titled
  )
  SELECT array_agg(id) FILTER (WHERE is_titled) INTO _issues FROM counted;

  PERFORM log.title_issues(_issues);
  RETURN NULL;
END $$;
