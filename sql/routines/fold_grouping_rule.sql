-- Rules of the grouping. One that an undo brings back is as it was.
CREATE OR REPLACE FUNCTION log.fold_grouping_rule() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = projection, pg_catalog, pg_temp
AS $$
DECLARE
  _fact record;
BEGIN
  IF (SELECT type FROM fresh LIMIT 1) = 'error.reported' THEN
    RETURN NULL;
  END IF;

  FOR _fact IN SELECT * FROM fresh WHERE type LIKE 'grouping\_rule.%' ORDER BY position LOOP
    IF _fact.type = 'grouping_rule.created' THEN
      INSERT INTO grouping_rule (id, service, kind, function, module, pattern, created_at, created_by, position)
      VALUES (
        _fact.stream,
        _fact.service,
        _fact.data ->> 'kind',
        coalesce(_fact.data ->> 'function', ''),
        coalesce(_fact.data ->> 'module', ''),
        coalesce(_fact.data ->> 'pattern', ''),
        coalesce((_fact.data ->> 'created_at')::timestamptz, _fact.occurred_at),
        coalesce(_fact.data ->> 'created_by', _fact.actor),
        coalesce((_fact.data ->> 'position')::bigint, _fact.position)
      );
    ELSIF _fact.type = 'grouping_rule.deleted' THEN
      DELETE FROM grouping_rule WHERE id = _fact.stream;
    END IF;
  END LOOP;

  RETURN NULL;
END $$;
