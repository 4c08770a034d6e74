-- Raises unless the facts at these positions can be taken back, the last one first: AV409 where something later stands
-- on one of them, AV403 where it is for others to take it back.
CREATE OR REPLACE FUNCTION log.check_undo(positions bigint[], actor text, is_admin boolean) RETURNS void
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
SET enable_hashjoin = off
SET enable_mergejoin = off
SET enable_seqscan = off
AS $$
DECLARE
  _found record;
BEGIN
  SELECT f.type INTO _found
  FROM log.fact AS f
  WHERE f.position = ANY(positions)
    AND NOT (
      f.data ? 'was'
      OR f.type LIKE 'grouping\_rule.%'
      OR f.type IN (
        'issue.groups_moved', 'issue.groups_bound', 'issue.groups_unbound', 'issue.commented', 'issue.comment_deleted'
      )
    )
  LIMIT 1;
  IF FOUND THEN
    RAISE EXCEPTION '% can''t be undone', _found.type USING ERRCODE = 'AV409';
  END IF;

  SELECT f.type INTO _found
  FROM log.fact AS f
  WHERE f.position = ANY(positions)
    AND NOT is_admin
    AND (
      f.type IN ('issue.deleted', 'issue.restored')
      -- A change of the grouping is one: who may not take back all of it may take back no part of it.
      OR EXISTS (
        SELECT
        FROM log.fact AS a
        WHERE a.data ? 'action'
          AND a.data ->> 'action' = f.data ->> 'action'
          AND a.type IN (
            'grouping_rule.created', 'grouping_rule.deleted', 'issue.groups_bound', 'issue.groups_unbound'
          )
      )
      OR (f.type IN ('issue.commented', 'issue.comment_deleted') AND f.actor <> check_undo.actor)
    )
  LIMIT 1;
  IF FOUND THEN
    RAISE EXCEPTION 'to undo this % needs the role admin', _found.type USING ERRCODE = 'AV403';
  END IF;

  -- Of an issue's facts the last must be what stands now, and each one before it what the next one's undo leaves.
  SELECT f.stream, i.position, i.is_hidden INTO _found
  FROM (
    SELECT
      e.stream,
      e.type,
      coalesce((e.data ->> 'stands')::bigint, e.position) AS left_standing,
      lag((e.data -> 'was' ->> 'stands')::bigint) OVER (PARTITION BY e.stream ORDER BY e.position DESC) AS will_stand
    FROM log.fact AS e
    WHERE e.position = ANY(positions) AND e.data ? 'was'
  ) AS f
  JOIN projection.issue AS i ON i.id = f.stream
  WHERE f.left_standing <> coalesce(f.will_stand, (log.decision_state(i) ->> 'stands')::bigint)
    OR (i.is_hidden AND f.type <> 'issue.deleted')
  LIMIT 1;
  IF _found.is_hidden THEN
    RAISE EXCEPTION 'something later stands on this: issue % was merged or deleted', _found.stream USING ERRCODE = 'AV409';
  ELSIF FOUND THEN
    RAISE EXCEPTION 'something later stands on this: issue % is at position % by now', _found.stream, _found.position
    USING ERRCODE = 'AV409', DETAIL = _found.position::text;
  END IF;

  SELECT f.stream INTO _found
  FROM log.fact AS f
  WHERE f.position = ANY(positions)
    AND f.type IN ('issue.groups_moved', 'issue.groups_bound')
    AND (
      EXISTS (SELECT FROM projection.group_erasure AS e WHERE e.issue = (f.data ->> 'from')::uuid)
      OR EXISTS (
        SELECT
        FROM jsonb_array_elements_text(f.data -> 'groups') AS listed (id)
        LEFT JOIN projection.issue_group AS g ON g.id = listed.id::uuid
        WHERE g.issue IS DISTINCT FROM f.stream
      )
    )
  LIMIT 1;
  IF FOUND THEN
    RAISE EXCEPTION 'something later stands on this: what was moved to issue % has moved on, or was deleted', _found.stream
    USING ERRCODE = 'AV409';
  END IF;

  SELECT f.stream INTO _found
  FROM log.fact AS f
  JOIN projection.group_erasure AS e ON e.issue = f.stream
  WHERE f.position = ANY(positions)
    AND f.type = 'issue.deleted'
    AND (
      NOT EXISTS (SELECT FROM projection.issue_group AS g WHERE g.id = e.tomb)
      OR EXISTS (SELECT FROM projection.issue_group AS g WHERE g.id = e.issue_group)
      OR EXISTS (
        SELECT
        FROM projection.group_erasure AS later
        WHERE later.issue_group = e.issue_group AND later.position > e.position
      )
    )
  LIMIT 1;
  IF FOUND THEN
    RAISE EXCEPTION 'issue % can''t be restored: its errors were purged, or reported again since', _found.stream
    USING ERRCODE = 'AV409';
  END IF;

  SELECT f.stream INTO _found
  FROM log.fact AS f
  WHERE f.position = ANY(positions)
    AND f.type IN ('issue.commented', 'issue.comment_deleted')
    AND (f.type = 'issue.commented') <> EXISTS (
      SELECT FROM projection.issue_comment AS c WHERE c.id = (f.data ->> 'comment')::uuid
    )
  LIMIT 1;
  IF FOUND THEN
    RAISE EXCEPTION 'this was undone already: the comment on issue %', _found.stream USING ERRCODE = 'AV409';
  END IF;

  SELECT f.stream INTO _found
  FROM log.fact AS f
  WHERE f.position = ANY(positions) AND f.type = 'issue.comment_deleted' AND log.said_again(f.stream, f.data) IS NULL
  LIMIT 1;
  IF FOUND THEN
    RAISE EXCEPTION 'the comment on issue % can''t be brought back: its words were purged', _found.stream
    USING ERRCODE = 'AV409';
  END IF;

  SELECT f.stream INTO _found
  FROM log.fact AS f
  WHERE f.position = ANY(positions)
    AND f.type LIKE 'grouping\_rule.%'
    AND (f.type = 'grouping_rule.created') <> EXISTS (SELECT FROM projection.grouping_rule AS r WHERE r.id = f.stream)
  LIMIT 1;
  IF FOUND THEN
    RAISE EXCEPTION 'this was undone already: the grouping rule %', _found.stream USING ERRCODE = 'AV409';
  END IF;
END $$;
