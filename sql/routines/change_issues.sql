-- Appends decisions or comments about issues: each of `changes`, an array of {type, data}, for each issue. A single
-- issue must be there, and stand at the position that was expected; of many those that are there are taken, and none
-- may have been decided about since that position. Says how many issues it was.
CREATE OR REPLACE FUNCTION log.change_issues(
  issues uuid[],
  changes jsonb,
  actor text,
  action uuid,
  expected bigint,
  is_bulk boolean
) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  _change jsonb;
  _issue record;
BEGIN
  PERFORM pg_advisory_xact_lock(4711);

  IF is_bulk THEN
    issues := ARRAY(SELECT i.id FROM projection.issue AS i WHERE i.id = ANY(issues) AND NOT i.is_hidden ORDER BY i.id);
    FOR _issue IN SELECT id, position FROM projection.issue WHERE id = ANY(issues) AND position > expected LOOP
      PERFORM log.check_issue(_issue.id, expected);
    END LOOP;
  ELSE
    PERFORM log.check_issue(issues[1], expected);
  END IF;
  IF changes @> '[{"type": "issue.deleted"}]' THEN
    PERFORM log.keep_overflow(issues);
  END IF;

  -- One after the other: the second change of an issue must find what the first one made of it.
  FOR _change IN SELECT * FROM jsonb_array_elements(changes) LOOP
    PERFORM log.check_change(issues, _change ->> 'type', _change -> 'data');
    INSERT INTO log.event (id, type, stream, service, occurred_at, actor, data)
    SELECT
      gen_random_uuid(),
      _change ->> 'type',
      i.id,
      i.service,
      log.recorded_at(),
      change_issues.actor,
      jsonb_build_object('action', action) || log.change_data(i, _change ->> 'type', _change -> 'data')
    FROM projection.issue AS i
    WHERE i.id = ANY(issues)
    ORDER BY i.id;
  END LOOP;

  RETURN cardinality(issues);
END $$;
