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
