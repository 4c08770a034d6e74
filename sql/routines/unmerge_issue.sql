-- Appends that groups of an issue go back to the issues that they came from: the chosen ones, or all that came from
-- elsewhere. A chosen group that is at home here, or whose home was deleted, goes to a new issue. What stays must have
-- reports. Says how many groups.
CREATE OR REPLACE FUNCTION log.unmerge_issue(issue uuid, groups uuid[], actor text, action uuid) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  _moved uuid[];
  _new uuid;
BEGIN
  PERFORM pg_advisory_xact_lock(4711);
  PERFORM log.check_issue(issue);

  _moved := ARRAY(
    SELECT g.id
    FROM projection.issue_group AS g
    WHERE g.issue = unmerge_issue.issue
      AND (g.id = ANY(groups) OR (groups IS NULL AND g.home <> unmerge_issue.issue))
  );
  IF groups IS NOT NULL AND NOT groups <@ _moved THEN
    RAISE EXCEPTION 'groups: not all of them are of issue %', issue USING ERRCODE = 'AV400';
  ELSIF cardinality(_moved) = 0 THEN
    RAISE EXCEPTION 'nothing was merged into issue %', issue USING ERRCODE = 'AV409';
  ELSIF NOT EXISTS (
    SELECT FROM projection.issue_group AS g WHERE g.issue = unmerge_issue.issue AND g.id <> ALL(_moved) AND g.reports > 0
  )
  THEN
    RAISE EXCEPTION 'nothing would be left of issue %: a group with reports must stay', issue USING ERRCODE = 'AV409';
  END IF;

  SELECT coalesce(min(m::text)::uuid, gen_random_uuid())
  INTO _new
  FROM unnest(_moved) AS m
  WHERE NOT EXISTS (SELECT FROM projection.issue AS i WHERE i.id = m);

  INSERT INTO log.event (id, type, stream, service, occurred_at, actor, data)
  SELECT
    gen_random_uuid(),
    'issue.groups_moved',
    moved.target,
    moved.service,
    log.recorded_at(),
    unmerge_issue.actor,
    jsonb_build_object('action', action, 'kind', 'unmerge', 'from', issue, 'groups', moved.groups)
      || CASE
        WHEN moved.target <> moved.home THEN jsonb_build_object('home', moved.target, 'home_before', moved.home)
        ELSE '{}'
      END
  FROM (
    SELECT g.target, g.home, min(g.service) AS service, jsonb_agg(g.id ORDER BY g.id) AS groups
    FROM (
      SELECT
        m.id,
        m.home,
        m.service,
        CASE
          WHEN h.id = unmerge_issue.issue OR EXISTS (SELECT FROM projection.group_erasure AS e WHERE e.issue = h.id) THEN _new
          ELSE h.id
        END AS target,
        (row_number() OVER (PARTITION BY h.id ORDER BY m.id) - 1) / 500 AS chunk
      FROM projection.issue_group AS m
      JOIN projection.issue AS h ON h.id = m.home
      WHERE m.id = ANY(_moved)
    ) AS g
    GROUP BY g.target, g.home, g.chunk
    ORDER BY g.target, g.home, g.chunk
  ) AS moved;

  RETURN cardinality(_moved);
END $$;
