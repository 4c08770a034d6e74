-- Policy: issues whose mute is over by the clock are told of again, whether they are reported or not. Every replica
-- calls this from time to time; one works, and appends nothing where nothing is due. Says how many issues it was.
CREATE OR REPLACE FUNCTION log.unmute_due() RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  _unmuted integer;
BEGIN
  IF NOT EXISTS (SELECT FROM projection.issue WHERE muted_until <= now() AND NOT is_hidden)
    OR NOT pg_try_advisory_xact_lock(4714)
  THEN
    RETURN 0;
  END IF;
  PERFORM pg_advisory_xact_lock(4711);

  INSERT INTO log.event (id, type, stream, service, occurred_at, actor, data)
  SELECT
    gen_random_uuid(),
    'issue.unmuted',
    i.id,
    i.service,
    log.recorded_at(),
    'policy:unmute',
    jsonb_build_object('reason', 'until', 'was', log.decision_state(i))
  FROM projection.issue AS i
  WHERE i.muted_until <= now() AND NOT i.is_hidden
  ORDER BY i.muted_until, i.id
  LIMIT 500;
  GET DIAGNOSTICS _unmuted = ROW_COUNT;
  RETURN _unmuted;
END $$;
