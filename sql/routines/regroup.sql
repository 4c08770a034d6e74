-- Appends what another grouping asks for: which groups that have no report yet belong to which issue, which issues'
-- groups go to which other issue, and the rule, if it is one that is new. `plan` is an array of
-- {issue, others: [issue], groups: [group of an overflow], bound: [{service, groups}]}, of a few hundred ids. What has
-- moved on meanwhile stays where it is. Raises AV404 and AV409 where an issue that is to receive is gone.
-- Says how many groups moved.
CREATE OR REPLACE FUNCTION log.regroup(plan jsonb, rule uuid, service text, data jsonb, actor text, action uuid)
RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  _moved integer;
BEGIN
  PERFORM pg_advisory_xact_lock(4711);
  PERFORM log.check_issue((step ->> 'issue')::uuid) FROM jsonb_array_elements(plan) AS step;

  WITH bound AS (
    SELECT b.issue, b.service, jsonb_agg(b.id ORDER BY b.id) AS groups
    FROM (
      SELECT
        (step ->> 'issue')::uuid AS issue,
        entry ->> 'service' AS service,
        listed.id,
        (row_number() OVER (PARTITION BY step ->> 'issue', entry ->> 'service' ORDER BY listed.id) - 1) / 500 AS chunk
      FROM jsonb_array_elements(plan) AS step
      CROSS JOIN jsonb_array_elements(step -> 'bound') AS entry
      CROSS JOIN jsonb_array_elements_text(entry -> 'groups') AS listed (id)
      WHERE NOT EXISTS (SELECT FROM projection.issue_group AS g WHERE g.id = listed.id::uuid)
    ) AS b
    GROUP BY b.issue, b.service, b.chunk
  ),
  leaving AS (
    SELECT (step ->> 'issue')::uuid AS target, g.issue AS source, g.id
    FROM jsonb_array_elements(plan) AS step
    CROSS JOIN jsonb_array_elements_text(step -> 'others') AS other (id)
    JOIN projection.issue_group AS g ON g.issue = other.id::uuid
    WHERE NOT EXISTS (SELECT FROM projection.group_erasure AS e WHERE e.issue = g.issue)
    UNION ALL
    SELECT (step ->> 'issue')::uuid, g.issue, g.id
    FROM jsonb_array_elements(plan) AS step
    CROSS JOIN jsonb_array_elements_text(step -> 'groups') AS listed (id)
    JOIN projection.issue_group AS g ON g.id = listed.id::uuid AND g.issue = log.overflow_issue(g.service)
  ),
  moved AS (
    SELECT l.target, l.source, jsonb_agg(l.id ORDER BY l.id) AS groups
    FROM (
      SELECT target, source, id, (row_number() OVER (PARTITION BY target, source ORDER BY id) - 1) / 500 AS chunk
      FROM leaving
      WHERE target <> source
    ) AS l
    GROUP BY l.target, l.source, l.chunk
  ),
  appended AS (
    INSERT INTO log.event (id, type, stream, service, occurred_at, actor, data)
    SELECT
      gen_random_uuid(),
      f.type,
      f.stream,
      f.service,
      log.recorded_at(),
      regroup.actor,
      jsonb_build_object('action', action) || f.data
    FROM (
      SELECT 1 AS step, 'issue.groups_bound' AS type, b.issue AS stream, b.service, jsonb_build_object('groups', b.groups) AS data
      FROM bound AS b
      UNION ALL
      SELECT
        2,
        'issue.groups_moved',
        m.target,
        i.service,
        jsonb_build_object('kind', 'regroup', 'from', m.source, 'groups', m.groups)
      FROM moved AS m
      JOIN projection.issue AS i ON i.id = m.target
      UNION ALL
      SELECT 3, 'grouping_rule.created', regroup.rule, regroup.service, regroup.data
      WHERE regroup.rule IS NOT NULL
    ) AS f
    ORDER BY f.step, f.stream, f.data
  )
  SELECT coalesce(sum(jsonb_array_length(groups)), 0) INTO _moved FROM moved;

  RETURN _moved;
END $$;
