-- The releases of services, with the key that they sort by. A service keeps its first 10,000, in the order of their first
-- report: programs that send a release of its own with each report would fill the disk. What comes then is counted
-- nowhere, and counts as newer than what is known.
CREATE OR REPLACE FUNCTION log.fold_release() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = projection, pg_catalog, pg_temp
SET enable_hashjoin = off
SET enable_mergejoin = off
SET enable_seqscan = off
AS $$
DECLARE
  _max_releases CONSTANT bigint := 10000;
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
      date_bin('1 minute', max(occurred_at), 'epoch') AS last_seen,
      min(position) AS position
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
  ),
  unknown AS MATERIALIZED (
    SELECT c.*, row_number() OVER (PARTITION BY c.service ORDER BY c.position) AS number
    FROM counted AS c
    WHERE NOT EXISTS (SELECT FROM release AS r WHERE r.service = c.service AND r.version = c.release)
  ),
  room AS MATERIALIZED (
    SELECT u.service, _max_releases - (SELECT count(*) FROM release AS r WHERE r.service = u.service) AS releases
    FROM unknown AS u
    WHERE u.number = 1
  )
  INSERT INTO release (service, version, sort_key, first_seen, last_seen, reports)
  SELECT u.service, u.release, log.release_key(u.release), u.first_seen, u.last_seen, u.reports
  FROM unknown AS u
  JOIN room AS r ON r.service = u.service AND u.number <= r.releases;

  RETURN NULL;
END $$;
