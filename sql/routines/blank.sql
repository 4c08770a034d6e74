-- Blanks the payload of every report of one day that was deleted or erased before the position of a purge, past which the
-- baseline has been sealed. What is deleted with its issue later can be restored. Says how many it blanked. For the
-- owner only.
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
    AND e.position < blank.sealed
    AND e.data <> '{"purged": true}'
    AND (
      EXISTS (SELECT FROM projection.deleted_report AS d WHERE d.position = e.position)
      OR EXISTS (
        SELECT FROM projection.erasure AS r
        WHERE r.service = e.service AND r.position > e.position AND r.before > e.occurred_at
      )
      OR EXISTS (
        SELECT
        FROM projection.group_erasure AS x
        WHERE x.issue_group = e.stream AND x.position > e.position AND x.position < blank.sealed
      )
    );
  GET DIAGNOSTICS _blanked = ROW_COUNT;

  PERFORM set_config('avalon.purge', 'off', true);
  RETURN _blanked;
END $$;
