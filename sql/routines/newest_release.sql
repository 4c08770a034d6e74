-- The newest release of a service that has reports left: by the order of versions where it has any, else the one first
-- seen last. One whose reports were deleted is none: a report that names a release far ahead can be taken back.
CREATE OR REPLACE FUNCTION log.newest_release(service text) RETURNS text
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
  SELECT r.version
  FROM projection.release AS r
  WHERE r.service = newest_release.service AND r.reports > 0
  ORDER BY r.sort_key DESC NULLS LAST, r.first_seen DESC, r.version DESC
  LIMIT 1
$$;
