-- The releases of services, with the key that they sort by.
CREATE OR REPLACE FUNCTION log.fold_release() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = projection, pg_catalog, pg_temp
SET enable_hashjoin = off
SET enable_mergejoin = off
SET enable_seqscan = off
AS $$
DECLARE
  _is_new boolean;
BEGIN
  IF (SELECT type FROM fresh LIMIT 1) IS DISTINCT FROM 'error.reported' THEN
    RETURN NULL;
  END IF;

  WITH counted AS MATERIALIZED (
    SELECT
      service,
      release,
      count(*) AS reports,
      min(occurred_at) AS first_seen,
      date_bin('1 minute', max(occurred_at), 'epoch') AS last_seen
    FROM fresh
    WHERE release IS NOT NULL
    GROUP BY 1, 2
  ),
  known AS (
    UPDATE release AS r
    SET
      reports = r.reports + c.reports,
      first_seen = least(r.first_seen, c.first_seen),
      last_seen = greatest(r.last_seen, c.last_seen)
    FROM counted AS c
    WHERE r.service = c.service AND r.version = c.release
    RETURNING 1
  )
  SELECT (SELECT count(*) FROM counted) > (SELECT count(*) FROM known) INTO _is_new;

  IF _is_new THEN
    INSERT INTO release (service, version, sort_key, first_seen, last_seen, reports)
    SELECT
      e.service,
      e.release,
      log.release_key(e.release),
      min(e.occurred_at),
      date_bin('1 minute', max(e.occurred_at), 'epoch'),
      count(*)
    FROM fresh AS e
    WHERE e.release IS NOT NULL
      AND NOT EXISTS (SELECT FROM release AS r WHERE r.service = e.service AND r.version = e.release)
    GROUP BY 1, 2;
  END IF;

  RETURN NULL;
END $$;
