-- Alert sinks and what became of their messages.
CREATE OR REPLACE FUNCTION log.fold_sink() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = projection, pg_catalog, pg_temp
AS $$
DECLARE
  _fact record;
BEGIN
  IF (SELECT type FROM fresh LIMIT 1) = 'error.reported' THEN
    RETURN NULL;
  END IF;

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
