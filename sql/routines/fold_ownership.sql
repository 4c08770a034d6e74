-- Which issue a group belongs to: moves between issues, groups that are bound to one before their first report, and
-- issues that are deleted and restored. In one fold and one loop, because what a deletion takes along depends on the
-- moves before it.
-- Deleting renames the issue's groups, in every table: the reports that come next make a group and an issue anew,
-- and all that was counted stands aside, for restoring, out of its service's counts.
-- A purge takes what stands aside away for good.
-- What the issues add up to then, and which of them are hidden, is for log.fold_issue_total.
CREATE OR REPLACE FUNCTION log.fold_ownership() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = projection, pg_catalog, pg_temp
SET enable_hashjoin = off
SET enable_mergejoin = off
SET enable_seqscan = off
AS $$
DECLARE
  _run record;
  _old uuid[];
  _new uuid[];
  _sign integer;
BEGIN
  -- An append holds reports or facts, never both.
  IF (SELECT type FROM fresh LIMIT 1) = 'error.reported' THEN
    RETURN NULL;
  END IF;

  -- What follows one another of one type is done at once; of moves of the same group the last one counts.
  FOR _run IN
    SELECT type, array_agg(position) AS positions
    FROM (
      SELECT
        type,
        position,
        row_number() OVER (ORDER BY position) - row_number() OVER (PARTITION BY type ORDER BY position) AS run
      FROM fresh
      WHERE type IN (
        'issue.groups_moved', 'issue.groups_bound', 'issue.groups_unbound', 'issue.deleted', 'issue.restored', 'reports.purged'
      )
    ) AS wanted
    GROUP BY type, run
    ORDER BY min(position)
  LOOP
    IF _run.type = 'issue.groups_bound' THEN
      INSERT INTO issue_group (id, issue, home, service, reports, position)
      SELECT listed.id::uuid, f.stream, f.stream, f.service, 0, f.position
      FROM fresh AS f
      CROSS JOIN LATERAL jsonb_array_elements_text(f.data -> 'groups') AS listed (id)
      WHERE f.position = ANY(_run.positions)
      ON CONFLICT (id) DO NOTHING;
      CONTINUE;
    END IF;

    -- What has been reported meanwhile stays.
    IF _run.type = 'issue.groups_unbound' THEN
      DELETE FROM issue_group AS g
      USING fresh AS f, jsonb_array_elements_text(f.data -> 'groups') AS listed (id)
      WHERE f.position = ANY(_run.positions)
        AND g.id = listed.id::uuid
        AND g.issue = f.stream
        AND g.first_seen IS NULL;
      CONTINUE;
    END IF;

    IF _run.type = 'issue.groups_moved' THEN
      INSERT INTO issue (id, service, substatus, opened_at, position)
      SELECT DISTINCT ON (stream) stream, service, 'ongoing', occurred_at, position
      FROM fresh
      WHERE position = ANY(_run.positions)
      ORDER BY stream, position
      ON CONFLICT (id) DO NOTHING;
      UPDATE issue_group AS g
      SET issue = moved.issue, home = coalesce(moved.home, g.home)
      FROM (
        SELECT
          listed.id::uuid AS id,
          (array_agg(f.stream ORDER BY f.position DESC))[1] AS issue,
          (array_agg((f.data ->> 'home')::uuid ORDER BY f.position DESC) FILTER (WHERE f.data ? 'home'))[1] AS home
        FROM fresh AS f
        CROSS JOIN LATERAL jsonb_array_elements_text(f.data -> 'groups') AS listed (id)
        WHERE f.position = ANY(_run.positions)
        GROUP BY listed.id
      ) AS moved
      WHERE g.id = moved.id;
      -- Whoever has no group left points to where the last ones went; whoever has some again points nowhere.
      UPDATE issue AS i
      SET moved_to = CASE WHEN NOT EXISTS (SELECT FROM issue_group AS g WHERE g.issue = i.id) THEN touched.target END
      FROM (
        SELECT id, (array_agg(target ORDER BY position DESC) FILTER (WHERE target IS NOT NULL))[1] AS target
        FROM (
          SELECT stream AS id, NULL::uuid AS target, position
          FROM fresh
          WHERE position = ANY(_run.positions)
          UNION ALL
          SELECT (data ->> 'from')::uuid, stream, position
          FROM fresh
          WHERE position = ANY(_run.positions)
        ) AS side
        GROUP BY id
      ) AS touched
      WHERE i.id = touched.id;
      CONTINUE;
    END IF;

    IF _run.type = 'reports.purged' THEN
      SELECT array_agg(e.tomb)
      INTO _old
      FROM group_erasure AS e
      JOIN fresh AS f ON f.position = ANY(_run.positions) AND f.position > e.position;
      DELETE FROM group_hour WHERE issue_group = ANY(_old);
      DELETE FROM group_minute WHERE issue_group = ANY(_old);
      DELETE FROM group_tag WHERE issue_group = ANY(_old);
      DELETE FROM group_user WHERE issue_group = ANY(_old);
      DELETE FROM issue_group WHERE id = ANY(_old);
      CONTINUE;
    END IF;

    IF _run.type = 'issue.deleted' THEN
      _sign := -1;
      WITH buried AS (
        INSERT INTO group_erasure (position, issue_group, tomb, issue)
        SELECT f.position, g.id, md5(g.id::text || f.position::text)::uuid, f.stream
        FROM fresh AS f
        JOIN issue_group AS g ON g.issue = f.stream
        WHERE f.position = ANY(_run.positions)
        RETURNING issue_group, tomb
      )
      SELECT array_agg(issue_group), array_agg(tomb) INTO _old, _new FROM buried;
    ELSE
      _sign := 1;
      WITH gone AS (
        DELETE FROM group_erasure AS e
        USING fresh AS f
        WHERE e.issue = f.stream AND f.position = ANY(_run.positions)
        RETURNING e.tomb, e.issue_group
      )
      SELECT array_agg(tomb), array_agg(issue_group) INTO _old, _new FROM gone;
    END IF;

    INSERT INTO hour_count AS c (service, hour, level, environment, reports)
    SELECT g.service, h.hour, h.level, h.environment, _sign * sum(h.reports)
    FROM group_hour AS h
    JOIN issue_group AS g ON g.id = h.issue_group
    -- Of which level the hours of days were that 0.1 let expire is not known (sql/upgrade.sql): they stay counted.
    WHERE h.issue_group = ANY(_old) AND h.level <> ''
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

    -- Reports in the overflow of a group's releases stay counted: of which ones they are is not known. A deletion by a
    -- replica of 0.1 left its report among the group's tags, so there may be more of these than the release has.
    UPDATE release AS r
    SET reports = greatest(r.reports + _sign * worn.reports, 0)
    FROM (
      SELECT g.service, t.value, sum(t.reports) AS reports
      FROM group_tag AS t
      JOIN issue_group AS g ON g.id = t.issue_group
      WHERE t.issue_group = ANY(_new) AND t.key = 'release' AND NOT t.is_overflow
      GROUP BY 1, 2
    ) AS worn
    WHERE r.service = worn.service AND r.version = worn.value;
  END LOOP;

  RETURN NULL;
END $$;
