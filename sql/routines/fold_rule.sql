-- Alert rules as they stand; a sink that is deleted takes its rules along.
CREATE OR REPLACE FUNCTION log.fold_rule() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = projection, pg_catalog, pg_temp
AS $$
DECLARE
  _fact record;
BEGIN
  IF (SELECT type FROM fresh LIMIT 1) = 'error.reported' THEN
    RETURN NULL;
  END IF;

  FOR _fact IN SELECT * FROM fresh WHERE type LIKE 'rule.%' OR type = 'sink.deleted' ORDER BY position LOOP
    CASE _fact.type
      WHEN 'rule.created' THEN
        INSERT INTO rule (
          id, sink, name, is_active, definition, created_at, created_by, created_position, position
        )
        VALUES (
          _fact.stream,
          (_fact.data ->> 'sink')::uuid,
          _fact.data ->> 'name',
          true,
          _fact.data -> 'definition',
          _fact.recorded_at,
          _fact.actor,
          _fact.position,
          _fact.position
        );
      WHEN 'rule.changed' THEN
        UPDATE rule
        SET
          name = coalesce(_fact.data ->> 'name', name),
          is_active = coalesce((_fact.data ->> 'is_active')::boolean, is_active),
          definition = definition || coalesce(_fact.data -> 'definition', '{}'),
          position = _fact.position
        WHERE id = _fact.stream;
      WHEN 'rule.deleted' THEN
        DELETE FROM rule WHERE id = _fact.stream;
      WHEN 'sink.deleted' THEN
        DELETE FROM rule WHERE sink = _fact.stream;
      ELSE
        NULL;
    END CASE;
  END LOOP;

  RETURN NULL;
END $$;
