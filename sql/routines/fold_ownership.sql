-- Which issue a group belongs to: moves between issues, groups that are bound to one before their first report, and
-- issues that are deleted and restored. In one fold and
-- one loop, because what a deletion takes along depends on the moves before it.
-- Deleting renames the issue's groups, in every table: the reports that come next make a group and an issue anew,
-- and all that was counted stands aside, for restoring, out of its service's counts.
-- What the issues add up to then, and which of them are hidden, is for log.fold_issue_total.
CREATE OR REPLACE FUNCTION log.fold_ownership() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = projection, pg_catalog, pg_temp
AS $$
DECLARE
  _fact record;
  _old uuid[];
  _new uuid[];
  _sign integer;
BEGIN
  -- An append holds reports or facts, never both.
  IF (SELECT type FROM fresh LIMIT 1) = 'error.reported' THEN
    RETURN NULL;
  END IF;

  FOR _fact IN
    SELECT *
    FROM fresh
    WHERE type IN ('issue.groups_moved', 'issue.groups_bound', 'issue.groups_unbound', 'issue.deleted', 'issue.restored')
    ORDER BY position
  LOOP
    IF _fact.type = 'issue.groups_bound' THEN
      INSERT INTO issue_group (id, issue, home, service, reports, position)
      SELECT listed.id::uuid, _fact.stream, _fact.stream, _fact.service, 0, _fact.position
      FROM jsonb_array_elements_text(_fact.data -> 'groups') AS listed (id)
      ON CONFLICT (id) DO NOTHING;
      CONTINUE;
    END IF;

    -- What has been reported meanwhile stays.
    IF _fact.type = 'issue.groups_unbound' THEN
      DELETE FROM issue_group
      WHERE id IN (SELECT jsonb_array_elements_text(_fact.data -> 'groups')::uuid)
        AND issue = _fact.stream
        AND first_seen IS NULL;
      CONTINUE;
    END IF;

    IF _fact.type = 'issue.groups_moved' THEN
      INSERT INTO issue (id, service, substatus, opened_at, position)
      VALUES (_fact.stream, _fact.service, 'ongoing', _fact.occurred_at, _fact.position)
      ON CONFLICT (id) DO NOTHING;
      UPDATE issue_group
      SET issue = _fact.stream, home = coalesce((_fact.data ->> 'home')::uuid, home)
      WHERE id IN (SELECT jsonb_array_elements_text(_fact.data -> 'groups')::uuid);
      UPDATE issue SET moved_to = NULL WHERE id = _fact.stream AND moved_to IS NOT NULL;
      UPDATE issue
      SET moved_to = _fact.stream
      WHERE id = (_fact.data ->> 'from')::uuid
        AND NOT EXISTS (SELECT FROM issue_group WHERE issue_group.issue = (_fact.data ->> 'from')::uuid);
      CONTINUE;
    END IF;

    IF _fact.type = 'issue.deleted' THEN
      _sign := -1;
      INSERT INTO group_erasure (position, issue_group, tomb, issue)
      SELECT _fact.position, g.id, md5(g.id::text || _fact.position::text)::uuid, _fact.stream
      FROM issue_group AS g
      WHERE g.issue = _fact.stream;
      SELECT array_agg(e.issue_group), array_agg(e.tomb)
      INTO _old, _new
      FROM group_erasure AS e
      WHERE e.issue = _fact.stream AND e.position = _fact.position;
    ELSE
      _sign := 1;
      WITH gone AS (
        DELETE FROM group_erasure WHERE issue = _fact.stream RETURNING tomb, issue_group
      )
      SELECT array_agg(tomb), array_agg(issue_group) INTO _old, _new FROM gone;
    END IF;

    INSERT INTO hour_count AS c (service, hour, level, environment, reports)
    SELECT g.service, h.hour, h.level, h.environment, _sign * sum(h.reports)
    FROM group_hour AS h
    JOIN issue_group AS g ON g.id = h.issue_group
    WHERE h.issue_group = ANY(_old)
    GROUP BY 1, 2, 3, 4
    ON CONFLICT (service, hour, level, environment) DO UPDATE
    SET reports = c.reports + excluded.reports;
    INSERT INTO minute_count AS c (service, minute, level, environment, reports)
    SELECT g.service, m.minute, m.level, m.environment, _sign * sum(m.reports)
    FROM group_minute AS m
    JOIN issue_group AS g ON g.id = m.issue_group
    WHERE m.issue_group = ANY(_old)
    GROUP BY 1, 2, 3, 4
    ON CONFLICT (service, minute, level, environment) DO UPDATE
    SET reports = c.reports + excluded.reports;

    UPDATE issue_group AS g SET id = n.new FROM unnest(_old, _new) AS n (old, new) WHERE g.id = n.old;
    UPDATE group_hour AS g SET issue_group = n.new FROM unnest(_old, _new) AS n (old, new) WHERE g.issue_group = n.old;
    UPDATE group_minute AS g SET issue_group = n.new FROM unnest(_old, _new) AS n (old, new) WHERE g.issue_group = n.old;
    UPDATE group_tag AS g SET issue_group = n.new FROM unnest(_old, _new) AS n (old, new) WHERE g.issue_group = n.old;
    UPDATE group_user AS g SET issue_group = n.new FROM unnest(_old, _new) AS n (old, new) WHERE g.issue_group = n.old;
  END LOOP;

  RETURN NULL;
END $$;
