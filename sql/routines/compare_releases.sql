-- Whether a release of a service comes before another (-1), is the same (0) or comes after it (1): by their keys where
-- both have one, else by when they were first seen; what was never seen is yet to come, and what has no reports left was
-- never seen. NULL where it can't be said.
CREATE OR REPLACE FUNCTION log.compare_releases(service text, one text, other text) RETURNS integer
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  _one record;
  _other record;
BEGIN
  IF one IS NULL OR other IS NULL OR one = other THEN
    RETURN CASE WHEN one = other THEN 0 END;
  END IF;

  SELECT coalesce(r.sort_key, log.release_key(one)) AS key, coalesce(r.first_seen, 'infinity') AS first_seen
  INTO _one
  FROM (VALUES (1)) AS always
  LEFT JOIN projection.release AS r
    ON r.service = compare_releases.service AND r.version = one AND r.reports > 0;
  SELECT coalesce(r.sort_key, log.release_key(other)) AS key, coalesce(r.first_seen, 'infinity') AS first_seen
  INTO _other
  FROM (VALUES (1)) AS always
  LEFT JOIN projection.release AS r
    ON r.service = compare_releases.service AND r.version = other AND r.reports > 0;

  IF _one.key IS NOT NULL AND _other.key IS NOT NULL THEN
    RETURN CASE
      WHEN _one.key COLLATE "C" < _other.key COLLATE "C" THEN -1
      WHEN _one.key COLLATE "C" > _other.key COLLATE "C" THEN 1
      ELSE 0
    END;
  END IF;
  RETURN CASE
    WHEN _one.first_seen < _other.first_seen THEN -1
    WHEN _one.first_seen > _other.first_seen THEN 1
  END;
END $$;
