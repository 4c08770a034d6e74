-- Deleting hides at once and takes the report out of every count. Facts are folded one at a time, in their
-- order: a report that an erasure covers already is not taken off twice. One whose issue was deleted in the same
-- moment is taken off what stands aside, under the name of its tomb, for restoring; the service's counts lost it before.
CREATE OR REPLACE FUNCTION log.fold_deletion() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = projection, pg_catalog, pg_temp
AS $$
DECLARE
  _fact record;
  _tomb uuid;
  _group uuid;
BEGIN
  IF (SELECT type FROM fresh LIMIT 1) = 'error.reported' THEN
    RETURN NULL;
  END IF;

  FOR _fact IN
    SELECT *
    FROM fresh
    WHERE type IN ('error.deleted', 'service.erased', 'minutes.expired', 'reports.expired')
    ORDER BY position
  LOOP
    CASE _fact.type
      WHEN 'error.deleted' THEN
        CONTINUE WHEN EXISTS (
          SELECT FROM erasure AS e
          WHERE e.service = _fact.service
            AND e.position > (_fact.data ->> 'position')::bigint
            AND e.before > (_fact.data ->> 'occurred_at')::timestamptz
        );
        INSERT INTO deleted_report (position, recorded_at)
        VALUES ((_fact.data ->> 'position')::bigint, (_fact.data ->> 'recorded_at')::timestamptz)
        ON CONFLICT DO NOTHING;
        CONTINUE WHEN NOT FOUND;

        SELECT e.tomb
        INTO _tomb
        FROM group_erasure AS e
        WHERE e.issue_group = (_fact.data ->> 'group')::uuid AND e.position > (_fact.data ->> 'position')::bigint
        ORDER BY e.position
        LIMIT 1;
        _group := coalesce(_tomb, (_fact.data ->> 'group')::uuid);

        UPDATE hour_count
        SET reports = reports - 1
        WHERE _tomb IS NULL
          AND service = _fact.service
          AND hour = date_bin('1 hour', (_fact.data ->> 'occurred_at')::timestamptz, 'epoch')
          AND level = _fact.level
          AND environment = coalesce(_fact.environment, '');
        UPDATE minute_count
        SET reports = reports - 1
        WHERE _tomb IS NULL
          AND service = _fact.service
          AND minute = date_bin('1 minute', (_fact.data ->> 'occurred_at')::timestamptz, 'epoch')
          AND level = _fact.level
          AND environment = coalesce(_fact.environment, '')
          AND (_fact.data ->> 'occurred_at')::timestamptz > (_fact.data ->> 'recorded_at')::timestamptz - interval '1 day';
        UPDATE group_hour
        SET reports = reports - 1
        WHERE issue_group = _group
          AND hour = date_bin('1 hour', (_fact.data ->> 'occurred_at')::timestamptz, 'epoch')
          AND level = _fact.level
          AND environment = coalesce(_fact.environment, '');
        UPDATE group_minute
        SET reports = reports - 1
        WHERE issue_group = _group
          AND minute = date_bin('1 minute', (_fact.data ->> 'occurred_at')::timestamptz, 'epoch')
          AND level = _fact.level
          AND environment = coalesce(_fact.environment, '')
          AND (_fact.data ->> 'occurred_at')::timestamptz > (_fact.data ->> 'recorded_at')::timestamptz - interval '1 day';
        UPDATE issue_group SET reports = reports - 1 WHERE id = _group;
        UPDATE issue_group
        SET type = NULL, title = NULL, value = NULL, culprit = NULL, hashes = '{}', title_of = NULL
        WHERE id = _group AND title_of = (_fact.data ->> 'report')::uuid;
        UPDATE release
        SET reports = reports - 1
        WHERE _tomb IS NULL AND service = _fact.service AND version = _fact.release;
        PERFORM log.take_off_tags(_group, _fact.data -> 'tags');

      -- before is a full hour, so whole buckets go; what is folded later comes after this position.
      WHEN 'service.erased' THEN
        INSERT INTO erasure (position, service, before)
        VALUES (_fact.position, _fact.service, (_fact.data ->> 'before')::timestamptz);
        DELETE FROM hour_count
        WHERE service = _fact.service AND hour < (_fact.data ->> 'before')::timestamptz;
        DELETE FROM minute_count
        WHERE service = _fact.service AND minute < (_fact.data ->> 'before')::timestamptz;
        DELETE FROM group_minute AS m
        USING issue_group AS g
        WHERE g.id = m.issue_group
          AND g.service = _fact.service
          AND m.minute < (_fact.data ->> 'before')::timestamptz;
        WITH gone AS (
          DELETE FROM group_hour AS h
          USING issue_group AS g
          WHERE g.id = h.issue_group
            AND g.service = _fact.service
            AND h.hour < (_fact.data ->> 'before')::timestamptz
          RETURNING h.issue_group, h.reports
        )
        UPDATE issue_group AS g
        SET
          reports = g.reports - gone.reports,
          users = CASE WHEN g.reports > gone.reports THEN g.users ELSE 0 END,
          type = NULL,
          title = NULL,
          value = NULL,
          culprit = NULL,
          hashes = '{}',
          title_of = NULL
        FROM (
          SELECT issue_group, sum(reports) AS reports
          FROM gone
          GROUP BY issue_group
          HAVING sum(reports) > 0
        ) AS gone
        WHERE g.id = gone.issue_group;

        -- Whose tags and users went is not known of a group that goes on: it loses the tags that are as old.
        DELETE FROM group_tag AS t
        USING issue_group AS g
        WHERE g.id = t.issue_group
          AND g.service = _fact.service
          AND (g.reports = 0 OR t.last_seen < (_fact.data ->> 'before')::timestamptz);
        DELETE FROM group_user AS u
        USING issue_group AS g
        WHERE g.id = u.issue_group AND g.service = _fact.service AND g.reports = 0;
        UPDATE issue_group SET users = 0 WHERE service = _fact.service AND reports = 0 AND users > 0;
        DELETE FROM release WHERE service = _fact.service AND last_seen < (_fact.data ->> 'before')::timestamptz;
        DELETE FROM drop_hour WHERE service = _fact.service AND hour < (_fact.data ->> 'before')::timestamptz;

      -- The hours stay, for the charts of a year; not those of what was never taken. Of reports both minutes go, so that
      -- deleting an issue takes off what there is.
      WHEN 'minutes.expired' THEN
        DELETE FROM group_minute WHERE minute < (_fact.data ->> 'before')::timestamptz;
        DELETE FROM minute_count WHERE minute < (_fact.data ->> 'before')::timestamptz;
        DELETE FROM drop_hour WHERE hour < (_fact.data ->> 'before')::timestamptz;

      WHEN 'reports.expired' THEN
        INSERT INTO expired_day (day, last_position, reports)
        VALUES (
          (_fact.data ->> 'day')::date,
          (_fact.data ->> 'last_position')::bigint,
          (_fact.data ->> 'reports')::bigint
        )
        ON CONFLICT (day) DO NOTHING;
        DELETE FROM deleted_report
        WHERE recorded_at >= ((_fact.data ->> 'day') || ' 00:00:00+00')::timestamptz
          AND recorded_at < ((_fact.data ->> 'day') || ' 00:00:00+00')::timestamptz + interval '1 day';
        -- Most have gone before; these are what came late, or what release 0.1 kept.
        DELETE FROM group_minute
        WHERE minute < ((_fact.data ->> 'day') || ' 00:00:00+00')::timestamptz + interval '1 day';
        DELETE FROM minute_count
        WHERE minute < ((_fact.data ->> 'day') || ' 00:00:00+00')::timestamptz + interval '1 day';
    END CASE;
  END LOOP;

  RETURN NULL;
END $$;
