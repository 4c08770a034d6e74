-- What has been decided about an issue, as facts keep it in `was`: enough to go back to it exactly. `stands` is
-- the position of the decision that it comes from, which an undo gives back as well: so decisions can be undone
-- one after the other, and what stands after an undo can be told from what was decided since.
CREATE OR REPLACE FUNCTION log.decision_state(issue projection.issue) RETURNS jsonb
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
SET timezone = 'UTC'
AS $$
  SELECT jsonb_build_object(
    'status', issue.status,
    'substatus', issue.substatus,
    'assignee', issue.assignee,
    'resolved_at', issue.resolved_at,
    'resolved_in', issue.resolved_in,
    'current_release', issue.current_release,
    'regressed_at', issue.regressed_at,
    'muted_until', issue.muted_until,
    'muted_events', issue.muted_events,
    'muted_users', issue.muted_users,
    'stands', (
      SELECT coalesce((f.data ->> 'stands')::bigint, f.position)
      FROM log.fact AS f
      WHERE f.position = issue.position
    )
  )
$$;
