-- The data of a change as the log keeps it: what was asked for, and what only the lock's holder knows. That is the
-- state before, the service's newest release, and what an issue had counted when it was muted.
CREATE OR REPLACE FUNCTION log.change_data(issue projection.issue, type text, data jsonb) RETURNS jsonb
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
  SELECT data || CASE type
    WHEN 'issue.commented' THEN '{}'
    WHEN 'issue.resolved' THEN jsonb_build_object(
      'in_release', CASE data ->> 'in_release' WHEN 'current' THEN newest.release ELSE data ->> 'in_release' END,
      'current_release', newest.release,
      'was', log.decision_state(issue)
    )
    WHEN 'issue.muted' THEN jsonb_build_object(
      'events_then', issue.events,
      'users_then', issue.users,
      'was', log.decision_state(issue)
    )
    ELSE jsonb_build_object('was', log.decision_state(issue))
  END
  FROM (SELECT CASE type WHEN 'issue.resolved' THEN log.newest_release(issue.service) END AS release) AS newest
$$;
