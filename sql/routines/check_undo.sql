-- Raises unless the facts at these positions, of one action, can be taken back, the last one first: AV409 where something
-- later stands on one of them, AV403 where it is for others to take it back.
CREATE OR REPLACE FUNCTION log.check_undo(positions bigint[], actor text, is_admin boolean) RETURNS void
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
SET enable_hashjoin = off
SET enable_mergejoin = off
SET enable_seqscan = off
AS $$
DECLARE
  _refusal record;
BEGIN
  WITH undone AS MATERIALIZED (
    SELECT f.*
    FROM log.fact AS f
    WHERE f.position = ANY(positions)
  ),
  decision AS (
    SELECT
      u.stream,
      u.type,
      coalesce((u.data ->> 'stands')::bigint, u.position) AS left_standing,
      lag((u.data -> 'was' ->> 'stands')::bigint) OVER (PARTITION BY u.stream ORDER BY u.position DESC) AS will_stand
    FROM undone AS u
    WHERE u.data ? 'was'
  ),
  refusal AS (
    SELECT 1 AS step, 'AV409' AS code, format('%s can''t be undone', u.type) AS message, NULL::bigint AS position
    FROM undone AS u
    WHERE NOT (
      u.data ? 'was'
      OR u.type LIKE 'grouping\_rule.%'
      OR u.type IN (
        'issue.groups_moved', 'issue.groups_bound', 'issue.groups_unbound', 'issue.commented', 'issue.comment_deleted'
      )
    )
    UNION ALL
    SELECT 2, 'AV403', format('to undo this %s needs the role admin', u.type), NULL
    FROM undone AS u
    WHERE NOT is_admin
      AND (
        u.type IN ('issue.deleted', 'issue.restored')
        -- A change of the grouping is one: who may not take back all of it may take back no part of it.
        OR EXISTS (
          SELECT
          FROM log.fact AS a
          WHERE a.data ? 'action'
            AND a.data ->> 'action' = (SELECT min(one.data ->> 'action') FROM undone AS one)
            AND a.type IN (
              'grouping_rule.created', 'grouping_rule.deleted', 'issue.groups_bound', 'issue.groups_unbound'
            )
        )
        OR (u.type IN ('issue.commented', 'issue.comment_deleted') AND u.actor <> check_undo.actor)
      )
    UNION ALL
    -- Of an issue's facts the last must be what stands now, and each one before it what the next one's undo leaves.
    SELECT
      3,
      'AV409',
      format(
        'something later stands on this: issue %s '
        || CASE WHEN i.is_hidden THEN 'was merged or deleted' ELSE 'is at position %s by now' END,
        i.id,
        i.position
      ),
      CASE WHEN NOT i.is_hidden THEN i.position END
    FROM decision AS d
    JOIN projection.issue AS i ON i.id = d.stream
    WHERE d.left_standing <> coalesce(d.will_stand, (log.decision_state(i) ->> 'stands')::bigint)
      OR (i.is_hidden AND d.type <> 'issue.deleted')
    UNION ALL
    SELECT
      4,
      'AV409',
      format('something later stands on this: what was moved to issue %s has moved on, or was deleted', u.stream),
      NULL
    FROM undone AS u
    WHERE CASE
      WHEN u.type = 'issue.groups_unbound'
        THEN EXISTS (SELECT FROM projection.issue AS i WHERE i.id = u.stream AND i.is_hidden)
      WHEN u.type IN ('issue.groups_moved', 'issue.groups_bound') THEN
        EXISTS (SELECT FROM projection.group_erasure AS e WHERE e.issue = (u.data ->> 'from')::uuid)
        OR EXISTS (
          SELECT
          FROM jsonb_array_elements_text(u.data -> 'groups') AS listed (id)
          LEFT JOIN projection.issue_group AS g ON g.id = listed.id::uuid
          WHERE g.issue IS DISTINCT FROM u.stream
        )
    END
    UNION ALL
    SELECT
      5,
      'AV409',
      format('issue %s can''t be restored: its errors were purged, or reported again since', u.stream),
      NULL
    FROM undone AS u
    JOIN projection.group_erasure AS e ON e.issue = u.stream
    WHERE u.type = 'issue.deleted'
      AND (
        NOT EXISTS (SELECT FROM projection.issue_group AS g WHERE g.id = e.tomb)
        OR EXISTS (SELECT FROM projection.issue_group AS g WHERE g.id = e.issue_group)
        OR EXISTS (
          SELECT
          FROM projection.group_erasure AS later
          WHERE later.issue_group = e.issue_group AND later.position > e.position
        )
      )
    UNION ALL
    SELECT 6, 'AV409', format('the comment on issue %s was deleted, purged or brought back since, or went with its issue', u.stream), NULL
    FROM undone AS u
    LEFT JOIN projection.issue_comment AS c ON c.id = (u.data ->> 'comment')::uuid
    WHERE CASE u.type
      WHEN 'issue.commented' THEN c.id IS NULL
      WHEN 'issue.comment_deleted' THEN
        c.id IS NOT NULL
        OR log.said_again(u.stream, u.data) IS NULL
        OR EXISTS (SELECT FROM projection.group_erasure AS e WHERE e.issue = u.stream)
    END
    UNION ALL
    SELECT 7, 'AV409', format('the grouping rule %s was deleted or made again since', u.stream), NULL
    FROM undone AS u
    LEFT JOIN projection.grouping_rule AS r ON r.id = u.stream
    WHERE u.type LIKE 'grouping\_rule.%' AND (u.type = 'grouping_rule.created') <> (r.id IS NOT NULL)
  )
  SELECT * INTO _refusal FROM refusal ORDER BY step LIMIT 1;

  IF FOUND THEN
    RAISE EXCEPTION '%', _refusal.message
    USING ERRCODE = _refusal.code, DETAIL = coalesce(_refusal.position::text, '');
  END IF;
END $$;
