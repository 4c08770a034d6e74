-- Raises AV400 where a change names what is not there: a user to assign to, or the current release of a service that
-- has told none.
CREATE OR REPLACE FUNCTION log.check_change(issues uuid[], type text, data jsonb) RETURNS void
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  _service text;
BEGIN
  IF type = 'issue.assigned'
    AND data ->> 'assignee' IS NOT NULL
    AND NOT EXISTS (SELECT FROM projection.app_user AS u WHERE u.id = (data ->> 'assignee')::uuid)
  THEN
    RAISE EXCEPTION 'assignee: there is no such user' USING ERRCODE = 'AV400';
  END IF;

  IF type = 'issue.resolved' AND data ->> 'in_release' = 'current' THEN
    SELECT i.service INTO _service
    FROM projection.issue AS i
    WHERE i.id = ANY(issues) AND log.newest_release(i.service) IS NULL
    LIMIT 1;
    IF FOUND THEN
      RAISE EXCEPTION 'in_release: % has not reported a release yet', _service USING ERRCODE = 'AV400';
    END IF;
  END IF;
END $$;
