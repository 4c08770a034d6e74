-- Takes the words of deleted comments, and of those on deleted issues, out of the facts before the position of a purge,
-- past which the baseline has been sealed; with them what users of programs gave as their names and addresses. Says how
-- many facts that were. For the owner only.
CREATE OR REPLACE FUNCTION log.blank_comments(sealed bigint) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  _blanked bigint;
BEGIN
  PERFORM set_config('avalon.purge', 'on', true);

  UPDATE log.event AS e
  SET data = e.data - 'text' - 'name' - 'email'
  WHERE e.type = 'issue.commented'
    AND e.position < blank_comments.sealed
    AND e.data ? 'text'
    AND NOT EXISTS (SELECT FROM projection.issue_comment AS c WHERE c.id = (e.data ->> 'comment')::uuid);
  GET DIAGNOSTICS _blanked = ROW_COUNT;

  PERFORM set_config('avalon.purge', 'off', true);
  RETURN _blanked;
END $$;
