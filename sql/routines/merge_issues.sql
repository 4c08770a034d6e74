-- Appends that all groups of some issues belong to another one, and says how many issues that were. All must be there.
CREATE OR REPLACE FUNCTION log.merge_issues(target uuid, others uuid[], actor text, action uuid) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  _issue uuid;
BEGIN
  PERFORM pg_advisory_xact_lock(4711);

  others := ARRAY(SELECT DISTINCT o FROM unnest(others) AS o WHERE o <> target ORDER BY o);
  FOREACH _issue IN ARRAY target || others LOOP
    PERFORM log.check_issue(_issue);
  END LOOP;

  PERFORM log.keep_overflow(others);

  INSERT INTO log.event (id, type, stream, service, occurred_at, actor, data)
  SELECT
    gen_random_uuid(),
    'issue.groups_moved',
    i.id,
    i.service,
    log.recorded_at(),
    merge_issues.actor,
    jsonb_build_object('action', action, 'kind', 'merge', 'from', moved.issue, 'groups', moved.groups)
  FROM (
    SELECT g.issue, jsonb_agg(g.id ORDER BY g.id) AS groups
    FROM (
      SELECT issue, id, (row_number() OVER (PARTITION BY issue ORDER BY id) - 1) / 500 AS chunk
      FROM projection.issue_group
      WHERE issue = ANY(others)
    ) AS g
    GROUP BY g.issue, g.chunk
    ORDER BY g.issue, g.chunk
  ) AS moved
  JOIN projection.issue AS i ON i.id = target;

  RETURN cardinality(others);
END $$;
