-- Rings the doorbell. It carries nothing: listeners read the log from their own cursor.
CREATE OR REPLACE FUNCTION log.announce() RETURNS trigger
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
  IF EXISTS (SELECT FROM fresh) THEN
    PERFORM pg_notify('log', '');
  END IF;
  RETURN NULL;
END $$;

-- Blanks the payload of every report of one day that is deleted or erased, up to a position that the baseline
-- has been sealed past. Says how many it blanked. For the owner only.
CREATE OR REPLACE FUNCTION log.blank(day date, sealed bigint) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
SET timezone = 'UTC'
AS $$
DECLARE
  _blanked bigint;
BEGIN
  PERFORM set_config('avalon.purge', 'on', true);

  UPDATE log.event AS e
  SET data = '{"purged": true}'
  WHERE e.type = 'error.reported'
    AND e.recorded_at >= blank.day::timestamptz
    AND e.recorded_at < (blank.day + 1)::timestamptz
    AND e.position <= blank.sealed
    AND e.data <> '{"purged": true}'
    AND (
      EXISTS (SELECT FROM projection.deleted_report AS d WHERE d.position = e.position)
      OR EXISTS (
        SELECT FROM projection.erasure AS r
        WHERE r.service = e.service AND r.position > e.position AND r.before > e.occurred_at
      )
    );
  GET DIAGNOSTICS _blanked = ROW_COUNT;

  PERFORM set_config('avalon.purge', 'off', true);
  RETURN _blanked;
END $$;

-- Makes the partition of one UTC day and says whether it had to. LIKE and ATTACH take a lock that lets
-- readers and writers go on; PARTITION OF would wait for every open SELECT while all appends wait behind it.
CREATE OR REPLACE FUNCTION log.create_day(day date) RETURNS boolean
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
SET timezone = 'UTC'
AS $$
DECLARE
  _leaf text := 'report_' || to_char(create_day.day, 'YYYYMMDD');
BEGIN
  IF EXISTS (SELECT FROM pg_class WHERE relnamespace = 'log'::regnamespace AND relname = _leaf) THEN
    RETURN false;
  END IF;

  EXECUTE format(
    'CREATE TABLE log.%I (LIKE log.report INCLUDING DEFAULTS INCLUDING CONSTRAINTS INCLUDING STORAGE INCLUDING COMPRESSION)',
    _leaf
  );
  EXECUTE format('CREATE UNIQUE INDEX %I ON log.%I (id, service)', _leaf || '_id', _leaf);
  EXECUTE format(
    'ALTER TABLE log.report ATTACH PARTITION log.%I FOR VALUES FROM (%L) TO (%L)',
    _leaf, create_day.day::timestamptz, (create_day.day + 1)::timestamptz
  );
  RETURN true;
END $$;

-- API keys: what they are (facts, one at a time in their order) and how they are used (reports, in sets).
CREATE OR REPLACE FUNCTION log.fold_api_key() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = projection, pg_catalog, pg_temp
AS $$
DECLARE
  _fact record;
BEGIN
  UPDATE api_key AS k
  SET last_used_at = f.minute
  FROM (
    SELECT substr(actor, 5)::uuid AS id, date_bin('1 minute', max(recorded_at), 'epoch') AS minute
    FROM fresh
    WHERE type = 'error.reported' AND actor LIKE 'key:%'
    GROUP BY actor
  ) AS f
  WHERE k.id = f.id AND (k.last_used_at IS NULL OR k.last_used_at < f.minute);

  INSERT INTO api_key_hour AS h (api_key, hour, reports)
  SELECT substr(actor, 5)::uuid, date_bin('1 hour', recorded_at, 'epoch'), count(*)
  FROM fresh
  WHERE type = 'error.reported' AND actor LIKE 'key:%'
  GROUP BY 1, 2
  ON CONFLICT (api_key, hour) DO UPDATE
  SET reports = h.reports + excluded.reports;

  INSERT INTO api_key_minute AS m (api_key, minute, reports)
  SELECT k.id, date_bin('1 minute', f.recorded_at, 'epoch'), count(*)
  FROM fresh AS f
  JOIN api_key AS k ON k.id = substr(f.actor, 5)::uuid AND k.rate_per_minute IS NOT NULL
  WHERE f.type = 'error.reported' AND f.actor LIKE 'key:%'
  GROUP BY 1, 2
  ON CONFLICT (api_key, minute) DO UPDATE
  SET reports = m.reports + excluded.reports;

  DELETE FROM api_key_minute AS m
  USING (
    SELECT substr(actor, 5)::uuid AS id, max(recorded_at) AS recorded_at
    FROM fresh
    WHERE type = 'error.reported' AND actor LIKE 'key:%'
    GROUP BY actor
  ) AS f
  WHERE m.api_key = f.id AND m.minute < f.recorded_at - interval '10 minutes';

  FOR _fact IN SELECT * FROM fresh WHERE type LIKE 'api\_key.%' ORDER BY position LOOP
    CASE _fact.type
      WHEN 'api_key.created' THEN
        INSERT INTO api_key (
          id, name, service, is_active, expires_at, rate_per_minute, allowed_origins, created_at, created_by, position
        )
        VALUES (
          _fact.stream,
          _fact.data ->> 'name',
          _fact.service,
          true,
          (_fact.data ->> 'expires_at')::timestamptz,
          (_fact.data ->> 'rate_per_minute')::integer,
          ARRAY(SELECT jsonb_array_elements_text(coalesce(_fact.data -> 'allowed_origins', '[]'))),
          _fact.recorded_at,
          _fact.actor,
          _fact.position
        );
        INSERT INTO api_key_secret (sha256, api_key, prefix, created_at)
        VALUES (decode(_fact.data ->> 'sha256', 'hex'), _fact.stream, _fact.data ->> 'prefix', _fact.recorded_at);

      WHEN 'api_key.changed' THEN
        UPDATE api_key
        SET
          name = CASE WHEN _fact.data ? 'name' THEN _fact.data ->> 'name' ELSE name END,
          is_active = CASE WHEN _fact.data ? 'is_active' THEN (_fact.data ->> 'is_active')::boolean ELSE is_active END,
          expires_at =
            CASE WHEN _fact.data ? 'expires_at' THEN (_fact.data ->> 'expires_at')::timestamptz ELSE expires_at END,
          rate_per_minute =
            CASE
              WHEN _fact.data ? 'rate_per_minute' THEN (_fact.data ->> 'rate_per_minute')::integer
              ELSE rate_per_minute
            END,
          allowed_origins =
            CASE
              WHEN _fact.data ? 'allowed_origins'
                THEN ARRAY(SELECT jsonb_array_elements_text(_fact.data -> 'allowed_origins'))
              ELSE allowed_origins
            END,
          position = _fact.position
        WHERE id = _fact.stream;

      WHEN 'api_key.rotated' THEN
        UPDATE api_key_secret
        SET expires_at = least(expires_at, (_fact.data ->> 'previous_expires_at')::timestamptz)
        WHERE api_key = _fact.stream;
        INSERT INTO api_key_secret (sha256, api_key, prefix, created_at)
        VALUES (decode(_fact.data ->> 'sha256', 'hex'), _fact.stream, _fact.data ->> 'prefix', _fact.recorded_at);
        UPDATE api_key SET position = _fact.position WHERE id = _fact.stream;

      WHEN 'api_key.deleted' THEN
        DELETE FROM api_key_secret WHERE api_key = _fact.stream;
        DELETE FROM api_key WHERE id = _fact.stream;
      ELSE
        NULL;
    END CASE;
  END LOOP;

  RETURN NULL;
END $$;

-- Users as the log knows them: ids and roles. Names and passwords stand in schema account.
CREATE OR REPLACE FUNCTION log.fold_app_user() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = projection, pg_catalog, pg_temp
AS $$
DECLARE
  _fact record;
BEGIN
  FOR _fact IN SELECT * FROM fresh WHERE type LIKE 'user.%' OR type = 'session.started' ORDER BY position LOOP
    CASE _fact.type
      WHEN 'user.created' THEN
        INSERT INTO app_user (id, role, must_change_password, created_at, created_by, position)
        VALUES (
          _fact.stream,
          _fact.data ->> 'role',
          (_fact.data ->> 'must_change_password')::boolean,
          _fact.recorded_at,
          _fact.actor,
          _fact.position
        );
      WHEN 'user.changed' THEN
        UPDATE app_user
        SET role = coalesce(_fact.data ->> 'role', role), position = _fact.position
        WHERE id = _fact.stream;
      WHEN 'user.password_changed' THEN
        UPDATE app_user
        SET must_change_password = (_fact.data ->> 'must_change_password')::boolean, position = _fact.position
        WHERE id = _fact.stream;
      WHEN 'user.deleted' THEN
        DELETE FROM app_user WHERE id = _fact.stream;
      WHEN 'session.started' THEN
        UPDATE app_user SET last_login_at = _fact.recorded_at WHERE id = _fact.stream;
      ELSE
        NULL;
    END CASE;
  END LOOP;

  RETURN NULL;
END $$;

-- Reports per hour, and per minute where they came less than a day late. Always by the clamped occurred_at.
CREATE OR REPLACE FUNCTION log.fold_count() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = projection, pg_catalog, pg_temp
AS $$
BEGIN
  INSERT INTO hour_count AS c (service, hour, level, environment, reports)
  SELECT service, date_bin('1 hour', occurred_at, 'epoch'), level, coalesce(environment, ''), count(*)
  FROM fresh
  WHERE type = 'error.reported'
  GROUP BY 1, 2, 3, 4
  ON CONFLICT (service, hour, level, environment) DO UPDATE
  SET reports = c.reports + excluded.reports;

  INSERT INTO minute_count AS c (service, minute, level, environment, reports)
  SELECT service, date_bin('1 minute', occurred_at, 'epoch'), level, coalesce(environment, ''), count(*)
  FROM fresh
  WHERE type = 'error.reported' AND occurred_at > recorded_at - interval '1 day'
  GROUP BY 1, 2, 3, 4
  ON CONFLICT (service, minute, level, environment) DO UPDATE
  SET reports = c.reports + excluded.reports;

  RETURN NULL;
END $$;

-- Deleting hides at once and takes the report out of every count. Facts are folded one at a time, in their
-- order: a report that an erasure covers already is not taken off twice.
CREATE OR REPLACE FUNCTION log.fold_deletion() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = projection, pg_catalog, pg_temp
AS $$
DECLARE
  _fact record;
BEGIN
  FOR _fact IN
    SELECT * FROM fresh WHERE type IN ('error.deleted', 'service.erased', 'reports.expired') ORDER BY position
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

        UPDATE hour_count
        SET reports = reports - 1
        WHERE service = _fact.service
          AND hour = date_bin('1 hour', (_fact.data ->> 'occurred_at')::timestamptz, 'epoch')
          AND level = _fact.level
          AND environment = coalesce(_fact.environment, '');
        UPDATE minute_count
        SET reports = reports - 1
        WHERE service = _fact.service
          AND minute = date_bin('1 minute', (_fact.data ->> 'occurred_at')::timestamptz, 'epoch')
          AND level = _fact.level
          AND environment = coalesce(_fact.environment, '')
          AND (_fact.data ->> 'occurred_at')::timestamptz > (_fact.data ->> 'recorded_at')::timestamptz - interval '1 day';
        UPDATE group_hour
        SET reports = reports - 1
        WHERE issue_group = (_fact.data ->> 'group')::uuid
          AND hour = date_bin('1 hour', (_fact.data ->> 'occurred_at')::timestamptz, 'epoch');
        UPDATE issue_group
        SET
          reports = reports - 1,
          title = CASE WHEN title_of = (_fact.data ->> 'report')::uuid THEN NULL ELSE title END,
          title_of = NULLIF(title_of, (_fact.data ->> 'report')::uuid)
        WHERE id = (_fact.data ->> 'group')::uuid;

      -- before is a full hour, so whole buckets go; what is folded later comes after this position.
      WHEN 'service.erased' THEN
        INSERT INTO erasure (position, service, before)
        VALUES (_fact.position, _fact.service, (_fact.data ->> 'before')::timestamptz);
        DELETE FROM hour_count
        WHERE service = _fact.service AND hour < (_fact.data ->> 'before')::timestamptz;
        DELETE FROM minute_count
        WHERE service = _fact.service AND minute < (_fact.data ->> 'before')::timestamptz;
        WITH gone AS (
          DELETE FROM group_hour AS h
          USING issue_group AS g
          WHERE g.id = h.issue_group
            AND g.service = _fact.service
            AND h.hour < (_fact.data ->> 'before')::timestamptz
          RETURNING h.issue_group, h.reports
        )
        UPDATE issue_group AS g
        SET reports = g.reports - gone.reports, title = NULL, title_of = NULL
        FROM (SELECT issue_group, sum(reports) AS reports FROM gone GROUP BY issue_group) AS gone
        WHERE g.id = gone.issue_group;

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
        -- The hours stay, for the charts of a year; nobody looks at the minutes of a day that is gone.
        DELETE FROM minute_count
        WHERE minute < ((_fact.data ->> 'day') || ' 00:00:00+00')::timestamptz + interval '1 day';
    END CASE;
  END LOOP;

  RETURN NULL;
END $$;

-- The timelines that this database has lived on.
CREATE OR REPLACE FUNCTION log.fold_epoch() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = projection, pg_catalog, pg_temp
AS $$
BEGIN
  INSERT INTO epoch (position, previous_head, system_identifier, timeline)
  SELECT
    position,
    (data ->> 'previous_head')::bigint,
    data ->> 'system_identifier',
    (data ->> 'timeline')::integer
  FROM fresh
  WHERE type = 'epoch.started';

  RETURN NULL;
END $$;

-- Groups count their reports; an issue is opened by a fact, which also binds its first group to it.
CREATE OR REPLACE FUNCTION log.fold_issue() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = projection, pg_catalog, pg_temp
AS $$
BEGIN
  INSERT INTO issue_group AS g (id, service, level, first_seen, last_seen, reports)
  SELECT
    stream,
    min(service),
    (array_agg(level ORDER BY position))[1],
    min(occurred_at),
    date_bin('1 minute', max(occurred_at), 'epoch'),
    count(*)
  FROM fresh
  WHERE type = 'error.reported'
  GROUP BY stream
  ON CONFLICT (id) DO UPDATE
  SET
    first_seen = least(g.first_seen, excluded.first_seen),
    last_seen = greatest(g.last_seen, excluded.last_seen),
    reports = g.reports + excluded.reports;

  -- The first report that there is gives the title; after that report's deletion, the next one to come.
  UPDATE issue_group AS g
  SET type = f.type, title = f.title, title_of = f.id
  FROM (
    SELECT DISTINCT ON (e.stream)
      e.stream,
      e.id,
      e.data #>> '{exceptions,-1,type}' AS type,
      left(e.data ->> 'message', 300) AS title
    FROM fresh AS e
    JOIN issue_group AS untitled ON untitled.id = e.stream AND untitled.title_of IS NULL
    WHERE e.type = 'error.reported'
    ORDER BY e.stream, e.position
  ) AS f
  WHERE g.id = f.stream;

  INSERT INTO group_hour AS h (issue_group, hour, reports)
  SELECT stream, date_bin('1 hour', occurred_at, 'epoch'), count(*)
  FROM fresh
  WHERE type = 'error.reported'
  GROUP BY 1, 2
  ON CONFLICT (issue_group, hour) DO UPDATE
  SET reports = h.reports + excluded.reports;

  INSERT INTO issue (id, service, opened_at, position)
  SELECT stream, service, occurred_at, position
  FROM fresh
  WHERE type = 'issue.opened'
  ON CONFLICT (id) DO NOTHING;

  UPDATE issue_group AS g
  SET issue = f.stream
  FROM fresh AS f
  WHERE f.type = 'issue.opened' AND g.id = (f.data ->> 'group')::uuid;

  RETURN NULL;
END $$;

-- Services, by the minute that they were last heard of.
CREATE OR REPLACE FUNCTION log.fold_service() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = projection, pg_catalog, pg_temp
AS $$
BEGIN
  INSERT INTO service AS s (name, first_seen, last_seen)
  SELECT
    service,
    min(occurred_at),
    date_bin('1 minute', max(occurred_at), 'epoch')
  FROM fresh
  WHERE type = 'error.reported'
  GROUP BY service
  ORDER BY service
  ON CONFLICT (name) DO UPDATE
  SET
    first_seen = least(s.first_seen, excluded.first_seen),
    last_seen = greatest(s.last_seen, excluded.last_seen)
  WHERE excluded.last_seen > s.last_seen OR excluded.first_seen < s.first_seen;

  RETURN NULL;
END $$;

-- Alert sinks and what became of their messages.
CREATE OR REPLACE FUNCTION log.fold_sink() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = projection, pg_catalog, pg_temp
AS $$
DECLARE
  _fact record;
BEGIN
  FOR _fact IN SELECT * FROM fresh WHERE type LIKE 'sink.%' OR type LIKE 'alert.%' ORDER BY position LOOP
    CASE _fact.type
      WHEN 'sink.created' THEN
        INSERT INTO sink (id, kind, name, is_active, levels, created_at, created_by, position)
        VALUES (
          _fact.stream,
          _fact.data ->> 'kind',
          _fact.data ->> 'name',
          true,
          ARRAY(SELECT jsonb_array_elements_text(_fact.data -> 'levels')),
          _fact.recorded_at,
          _fact.actor,
          _fact.position
        );
      WHEN 'sink.changed' THEN
        UPDATE sink
        SET
          name = coalesce(_fact.data ->> 'name', name),
          levels =
            CASE
              WHEN _fact.data ? 'levels' THEN ARRAY(SELECT jsonb_array_elements_text(_fact.data -> 'levels'))
              ELSE levels
            END,
          is_active = coalesce((_fact.data ->> 'is_active')::boolean, is_active),
          switched_off_reason = CASE WHEN (_fact.data ->> 'is_active')::boolean THEN NULL ELSE switched_off_reason END,
          position = _fact.position
        WHERE id = _fact.stream;
      WHEN 'sink.switched_off' THEN
        UPDATE sink
        SET is_active = false, switched_off_reason = _fact.data ->> 'reason', position = _fact.position
        WHERE id = _fact.stream;
      WHEN 'sink.deleted' THEN
        DELETE FROM sink WHERE id = _fact.stream;
      WHEN 'alert.delivered' THEN
        UPDATE sink
        SET delivered = delivered + 1, last_delivered_at = _fact.recorded_at
        WHERE id = _fact.stream;
      WHEN 'alert.suppressed' THEN
        UPDATE sink SET suppressed = suppressed + (_fact.data ->> 'count')::bigint WHERE id = _fact.stream;
      WHEN 'alert.failed' THEN
        UPDATE sink
        SET failed = failed + 1, last_failed_at = _fact.recorded_at, last_error = _fact.data ->> 'reason'
        WHERE id = _fact.stream;
      ELSE
        NULL;
    END CASE;
  END LOOP;

  RETURN NULL;
END $$;

-- Refuses, at the commit, whatever would leave accounts and no admin among them. The log's lock is held until
-- then, so of two that go at once the second sees what the first has done.
CREATE OR REPLACE FUNCTION log.keep_an_admin() RETURNS trigger
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
  IF NOT EXISTS (SELECT FROM projection.app_user WHERE role = 'admin') THEN
    RAISE EXCEPTION 'the last admin can be neither deleted nor demoted' USING ERRCODE = 'restrict_violation';
  END IF;

  RETURN NULL;
END $$;

-- Policy: the first report of a group that belongs to no issue opens one, in the same transaction.
CREATE OR REPLACE FUNCTION log.open_issue() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
  -- Even an INSERT of no rows fires the whole pipeline again: look first.
  IF NOT EXISTS (
    SELECT
    FROM fresh AS e
    JOIN projection.issue_group AS g ON g.id = e.stream AND g.issue IS NULL
    WHERE e.type = 'error.reported'
  ) THEN
    RETURN NULL;
  END IF;

  INSERT INTO log.event (id, type, stream, service, level, environment, release, occurred_at, actor, data)
  SELECT
    gen_random_uuid(),
    'issue.opened',
    f.stream,
    f.service,
    f.level,
    f.environment,
    f.release,
    f.occurred_at,
    'policy:open_issue',
    jsonb_build_object('group', f.stream, 'report', f.id)
  FROM (
    SELECT DISTINCT ON (e.stream) e.*
    FROM fresh AS e
    JOIN projection.issue_group AS g ON g.id = e.stream AND g.issue IS NULL
    WHERE e.type = 'error.reported'
    ORDER BY e.stream, e.position
  ) AS f
  ORDER BY f.position;

  RETURN NULL;
END $$;

-- The log is append-only. The one change that it lets through is log.blank's, of a deleted report's payload.
CREATE OR REPLACE FUNCTION log.refuse_change() RETURNS trigger
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
  IF TG_OP = 'UPDATE'
    AND current_setting('avalon.purge', true) = 'on'
    AND NEW.data = '{"purged": true}'
    AND to_jsonb(NEW) - 'data' = to_jsonb(OLD) - 'data'
  THEN
    RETURN NEW;
  END IF;

  RAISE EXCEPTION 'log.event is append-only (% of position % refused)', TG_OP, OLD.position
  USING ERRCODE = 'restrict_violation';
END $$;

-- The log is append-only.
CREATE OR REPLACE FUNCTION log.refuse_truncate() RETURNS trigger
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
  RAISE EXCEPTION 'log.event is append-only (TRUNCATE refused)' USING ERRCODE = 'restrict_violation';
END $$;

-- After a failover or a restore, positions that readers saw may be drawn again for other events. Whoever
-- notices first appends this fact and jumps the positions, so that an old cursor can be told apart. Says
-- whether it had to.
-- A promoted standby's own timeline stands in its last checkpoint only minutes later; until then it is the end of
-- its recovery (as pg_rewind reads it, src/bin/pg_rewind/pg_rewind.c).
CREATE OR REPLACE FUNCTION log.start_epoch() RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  _system text := (SELECT system_identifier::text FROM pg_control_system());
  _timeline integer := (
    SELECT greatest(c.timeline_id, r.min_recovery_end_timeline)
    FROM pg_control_checkpoint() AS c
    CROSS JOIN pg_control_recovery() AS r
  );
  _known record;
  _head bigint;
BEGIN
  PERFORM pg_advisory_xact_lock(4711);

  SELECT system_identifier, timeline INTO _known FROM projection.epoch ORDER BY position DESC LIMIT 1;
  IF _known.system_identifier = _system AND _known.timeline = _timeline THEN
    RETURN false;
  END IF;

  SELECT coalesce(max(position), 0) INTO _head FROM log.event;
  IF _known.system_identifier IS NOT NULL THEN
    PERFORM setval(pg_get_serial_sequence('log.event', 'position'), _head + 1000000);
  END IF;

  INSERT INTO log.event (id, type, stream, occurred_at, actor, data)
  SELECT
    gen_random_uuid(), 'epoch.started', '00000000-0000-0000-0000-000000000000', log.recorded_at(), 'system',
    jsonb_build_object('system_identifier', _system, 'timeline', _timeline, 'previous_head', _head);
  RETURN true;
END $$;

-- Runs before a position is drawn: takes the log's lock until the commit, reads the clock under it, and makes
-- the day's partition where it is missing. So the order of positions is the order of commits, and a reader
-- with a bigint cursor can never miss an event that commits late.
CREATE OR REPLACE FUNCTION log.take_lock() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
SET timezone = 'UTC'
SET datestyle = 'ISO'
AS $$
DECLARE
  _now timestamptz;
BEGIN
  PERFORM pg_advisory_xact_lock(4711);

  SELECT greatest(clock_timestamp(), timestamptz 'epoch' + last_value * interval '1 microsecond')
  INTO _now
  FROM log.clock;

  PERFORM setval('log.clock', (extract(epoch FROM _now) * 1000000)::bigint);
  PERFORM set_config('avalon.recorded_at', _now::text, true);

  -- Tomorrow's ten minutes early, so that no append at midnight waits for it.
  IF to_regclass('log.report_' || to_char(_now, 'YYYYMMDD')) IS NULL
    OR to_regclass('log.report_' || to_char(_now + interval '10 minutes', 'YYYYMMDD')) IS NULL
  THEN
    PERFORM log.create_day(_now::date);
    PERFORM log.create_day((_now + interval '10 minutes')::date);
  END IF;

  RETURN NULL;
END $$;

-- The reports that people may see: neither deleted one by one nor erased with their service. Every list,
-- count and lookup of single reports goes through here, so that what is deleted is gone everywhere at once.
CREATE OR REPLACE VIEW projection.visible_report AS
SELECT
  e.position,
  e.id,
  e.stream,
  e.service,
  e.level,
  e.environment,
  e.release,
  e.occurred_at,
  e.recorded_at,
  e.actor,
  e.data
FROM log.event AS e
WHERE e.type = 'error.reported'
  AND NOT EXISTS (SELECT FROM projection.deleted_report AS d WHERE d.position = e.position)
  AND NOT EXISTS (
    SELECT
    FROM projection.erasure AS r
    WHERE r.service = e.service AND r.position > e.position AND r.before > e.occurred_at
  );

-- The whole pipeline, in firing order (Postgres fires triggers of one kind by name).

-- Before a position is drawn: the log's lock, its clock, and the day's partition.
CREATE OR REPLACE TRIGGER event_10_take_lock
BEFORE INSERT ON log.event FOR EACH STATEMENT EXECUTE FUNCTION log.take_lock();

-- Append-only. The row trigger is cloned to every leaf, so it also stops the owner's own statements there.
CREATE OR REPLACE TRIGGER event_20_append_only
BEFORE UPDATE OR DELETE ON log.event FOR EACH ROW EXECUTE FUNCTION log.refuse_change();
CREATE OR REPLACE TRIGGER event_21_no_truncate
BEFORE TRUNCATE ON log.event FOR EACH STATEMENT EXECUTE FUNCTION log.refuse_truncate();

-- Folds, one per noun, into schema projection.
CREATE OR REPLACE TRIGGER event_50_fold_service
AFTER INSERT ON log.event REFERENCING NEW TABLE AS fresh FOR EACH STATEMENT EXECUTE FUNCTION log.fold_service();
CREATE OR REPLACE TRIGGER event_51_fold_count
AFTER INSERT ON log.event REFERENCING NEW TABLE AS fresh FOR EACH STATEMENT EXECUTE FUNCTION log.fold_count();
CREATE OR REPLACE TRIGGER event_52_fold_issue
AFTER INSERT ON log.event REFERENCING NEW TABLE AS fresh FOR EACH STATEMENT EXECUTE FUNCTION log.fold_issue();
CREATE OR REPLACE TRIGGER event_53_fold_api_key
AFTER INSERT ON log.event REFERENCING NEW TABLE AS fresh FOR EACH STATEMENT EXECUTE FUNCTION log.fold_api_key();
CREATE OR REPLACE TRIGGER event_54_fold_app_user
AFTER INSERT ON log.event REFERENCING NEW TABLE AS fresh FOR EACH STATEMENT EXECUTE FUNCTION log.fold_app_user();
CREATE OR REPLACE TRIGGER event_55_fold_sink
AFTER INSERT ON log.event REFERENCING NEW TABLE AS fresh FOR EACH STATEMENT EXECUTE FUNCTION log.fold_sink();
CREATE OR REPLACE TRIGGER event_56_fold_deletion
AFTER INSERT ON log.event REFERENCING NEW TABLE AS fresh FOR EACH STATEMENT EXECUTE FUNCTION log.fold_deletion();
CREATE OR REPLACE TRIGGER event_57_fold_epoch
AFTER INSERT ON log.event REFERENCING NEW TABLE AS fresh FOR EACH STATEMENT EXECUTE FUNCTION log.fold_epoch();

-- Policies: facts that follow from facts, appended in the same transaction. Replay finds them in the log.
CREATE OR REPLACE TRIGGER event_80_open_issue
AFTER INSERT ON log.event REFERENCING NEW TABLE AS fresh FOR EACH STATEMENT EXECUTE FUNCTION log.open_issue();

-- The doorbell.
CREATE OR REPLACE TRIGGER event_90_announce
AFTER INSERT ON log.event REFERENCING NEW TABLE AS fresh FOR EACH STATEMENT EXECUTE FUNCTION log.announce();

-- A rule of ours rather than a step of the pipeline: an admin always remains. Deferred, so that a rebuild may
-- take rows out and put them back; constraint triggers can't be replaced, only made again.
DROP TRIGGER IF EXISTS app_user_keep_an_admin ON projection.app_user;
CREATE CONSTRAINT TRIGGER app_user_keep_an_admin
AFTER UPDATE OF role OR DELETE ON projection.app_user DEFERRABLE INITIALLY DEFERRED
FOR EACH ROW WHEN (OLD.role = 'admin') EXECUTE FUNCTION log.keep_an_admin();

