-- Appends what takes a fact back, or those facts of an action that stand: exactly, and all or nothing. An undo is itself an
-- action that can be undone. Of very many facts one call takes the last ones back, after it has looked at all of them, and
-- says how many are left: for calls with the same action. Says how many facts it took back, and how many issues belong to
-- nobody then because whoever they were assigned to is gone. Raises AV404, AV409 where nothing of it stands, and what
-- log.check_undo does.
CREATE OR REPLACE FUNCTION log.undo(
  id uuid,
  actor text,
  is_admin boolean,
  action uuid,
  part integer,
  OUT changed integer,
  OUT remaining integer,
  OUT unassigned integer
)
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  _found bigint[];
  _positions bigint[];
BEGIN
  PERFORM pg_advisory_xact_lock(4711);

  SELECT array_agg(f.position), array_agg(f.position) FILTER (WHERE NOT log.is_undone(f.id))
  INTO _found, _positions
  FROM log.fact AS f
  WHERE (f.type LIKE 'issue.%' OR f.type LIKE 'grouping\_rule.%')
    AND (f.id = undo.id OR (f.data ? 'action' AND f.data ->> 'action' = undo.id::text));
  IF _found IS NULL THEN
    RAISE EXCEPTION 'there is nothing to undo under this id' USING ERRCODE = 'AV404';
  ELSIF _positions IS NULL THEN
    RAISE EXCEPTION 'this was undone already' USING ERRCODE = 'AV409';
  END IF;
  IF cardinality(_positions) > part AND NOT EXISTS (
    SELECT FROM log.fact AS f WHERE f.data ? 'action' AND f.data ->> 'action' = undo.action::text
  ) THEN
    PERFORM log.check_undo(_positions, actor, is_admin);
  END IF;
  remaining := greatest(cardinality(_positions) - part, 0);
  _positions := ARRAY(SELECT p FROM unnest(_positions) AS p ORDER BY p DESC LIMIT part);
  PERFORM log.check_undo(_positions, actor, is_admin);

  WITH undone AS MATERIALIZED (
    -- The state that an undo starts from: as it is now, or as the undo of the issue's next fact will leave it.
    SELECT
      e.*,
      coalesce(
        lag(e.data -> 'was') OVER (PARTITION BY e.stream, e.data ? 'was' ORDER BY e.position DESC),
        log.decision_state(i)
      ) AS state,
      e.type NOT IN ('issue.deleted', 'issue.restored')
        AND e.data #>> '{was,assignee}' IS NOT NULL
        AND NOT EXISTS (SELECT FROM projection.app_user AS u WHERE u.id = (e.data #>> '{was,assignee}')::uuid) AS is_gone
    FROM log.fact AS e
    LEFT JOIN projection.issue AS i ON i.id = e.stream
    WHERE e.position = ANY(_positions)
  ),
  appended AS (
    INSERT INTO log.event (id, type, stream, service, occurred_at, actor, data)
    SELECT
      gen_random_uuid(),
      CASE f.type
        WHEN 'issue.groups_moved' THEN 'issue.groups_moved'
        WHEN 'issue.groups_bound' THEN 'issue.groups_unbound'
        WHEN 'issue.groups_unbound' THEN 'issue.groups_bound'
        WHEN 'grouping_rule.created' THEN 'grouping_rule.deleted'
        WHEN 'grouping_rule.deleted' THEN 'grouping_rule.created'
        WHEN 'issue.commented' THEN 'issue.comment_deleted'
        WHEN 'issue.comment_deleted' THEN 'issue.commented'
        WHEN 'issue.deleted' THEN 'issue.restored'
        WHEN 'issue.restored' THEN 'issue.deleted'
        ELSE 'issue.undone'
      END,
      CASE f.type WHEN 'issue.groups_moved' THEN (f.data ->> 'from')::uuid ELSE f.stream END,
      f.service,
      log.recorded_at(),
      undo.actor,
      jsonb_build_object('action', undo.action, 'undoes', f.id) || CASE
        WHEN f.type = 'issue.groups_moved' THEN log.moved_back(f.stream, f.data)
        WHEN f.type IN ('issue.groups_bound', 'issue.groups_unbound') THEN jsonb_build_object('groups', f.data -> 'groups')
        WHEN f.type = 'grouping_rule.created' THEN (SELECT log.rule_data(r) FROM projection.grouping_rule AS r WHERE r.id = f.stream)
        WHEN f.type = 'grouping_rule.deleted' THEN f.data - 'action' - 'undoes'
        WHEN f.type = 'issue.commented' THEN jsonb_build_object('comment', f.data -> 'comment')
        WHEN f.type = 'issue.comment_deleted' THEN log.said_again(f.stream, f.data)
        ELSE jsonb_build_object(
          'state', (f.data -> 'was') || CASE WHEN f.is_gone THEN jsonb '{"assignee": null}' ELSE '{}' END,
          'stands', f.data #> '{was,stands}',
          'was', f.state
        )
      END
    FROM undone AS f
    ORDER BY f.position DESC
  )
  SELECT count(*), count(DISTINCT stream) FILTER (WHERE is_gone) INTO changed, unassigned FROM undone;
END $$;
