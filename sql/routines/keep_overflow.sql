-- Raises AV409 where one of these issues is the overflow of its service: it takes what is still to come, so it can
-- neither be deleted nor be merged into another.
CREATE OR REPLACE FUNCTION log.keep_overflow(issues uuid[]) RETURNS void
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  _found record;
BEGIN
  SELECT i.id, i.position INTO _found
  FROM projection.issue AS i
  WHERE i.id = ANY(issues) AND i.id = log.overflow_issue(i.service)
  LIMIT 1;
  IF FOUND THEN
    RAISE EXCEPTION 'issue % takes the overflow of its service: it can be neither deleted nor merged', _found.id
    USING ERRCODE = 'AV409', DETAIL = _found.position::text;
  END IF;
END $$;
