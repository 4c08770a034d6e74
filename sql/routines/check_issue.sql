-- Raises unless an issue can be worked on: AV404 where there is none (any more), AV409 where it was merged into
-- another, or was decided about since the position that was seen: then the detail is the position that stands.
CREATE OR REPLACE FUNCTION log.check_issue(issue uuid, expected bigint DEFAULT NULL) RETURNS void
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  _found record;
BEGIN
  SELECT i.id, i.position, i.is_hidden, CASE WHEN i.is_hidden THEN log.moved_to(i.id) END AS moved_to
  INTO _found
  FROM projection.issue AS i
  WHERE i.id = check_issue.issue;

  IF NOT FOUND OR (_found.is_hidden AND _found.moved_to IS NULL) THEN
    RAISE EXCEPTION 'there is no issue %', check_issue.issue USING ERRCODE = 'AV404';
  ELSIF _found.is_hidden THEN
    RAISE EXCEPTION 'issue % was merged into %', _found.id, _found.moved_to USING ERRCODE = 'AV409';
  ELSIF _found.position <> expected THEN
    RAISE EXCEPTION 'somebody was faster: issue % stands at position %', _found.id, _found.position
    USING ERRCODE = 'AV409', DETAIL = _found.position::text;
  END IF;
END $$;
