-- The tags of groups, and under names of their own the environment, release and level of their reports. A group keeps
-- its first 50 keys besides those three, and of each key the first 100 values, in the order of their first report; the
-- rest is counted in the rows that are the overflow: of its key, or of all other keys under the key ''.
CREATE OR REPLACE FUNCTION log.fold_tag() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = projection, pg_catalog, pg_temp
SET enable_hashjoin = off
SET enable_mergejoin = off
SET enable_seqscan = off
AS $$
DECLARE
  _max_keys CONSTANT bigint := 50;
  _max_values CONSTANT bigint := 100;
  _has_unknown boolean;
BEGIN
  IF (SELECT type FROM fresh LIMIT 1) IS DISTINCT FROM 'error.reported' THEN
    RETURN NULL;
  END IF;

  WITH worn AS MATERIALIZED (
    SELECT
      e.stream,
      t.key COLLATE "C" AS key,
      t.value COLLATE "C" AS value,
      count(*) AS reports,
      min(e.occurred_at) AS first_seen,
      date_bin('1 minute', max(e.occurred_at), 'epoch') AS last_seen
    FROM fresh AS e
    CROSS JOIN LATERAL log.tags(e.environment, e.release, e.level, e.data) AS t
    GROUP BY 1, 2, 3
  ),
  known AS (
    UPDATE group_tag AS t
    SET
      reports = t.reports + w.reports,
      first_seen = least(t.first_seen, w.first_seen),
      last_seen = greatest(t.last_seen, w.last_seen)
    FROM worn AS w
    WHERE t.issue_group = w.stream AND t.key = w.key AND t.value = w.value AND NOT t.is_overflow
    RETURNING 1
  )
  SELECT (SELECT count(*) FROM worn) > (SELECT count(*) FROM known) INTO _has_unknown;

  IF NOT _has_unknown THEN
    RETURN NULL;
  END IF;

  -- What the update did not find: new values and keys in the order of their first report, while there is room.
  WITH unknown AS MATERIALIZED (
    SELECT
      e.stream,
      t.key COLLATE "C" AS key,
      t.value COLLATE "C" AS value,
      count(*) AS reports,
      min(e.occurred_at) AS first_seen,
      date_bin('1 minute', max(e.occurred_at), 'epoch') AS last_seen,
      min(e.position) AS position
    FROM fresh AS e
    CROSS JOIN LATERAL log.tags(e.environment, e.release, e.level, e.data) AS t
    WHERE NOT EXISTS (
      SELECT
      FROM group_tag AS k
      WHERE k.issue_group = e.stream AND k.key = t.key AND k.value = t.value AND NOT k.is_overflow
    )
    GROUP BY 1, 2, 3
  ),
  numbered AS (
    SELECT
      u.*,
      row_number() OVER (PARTITION BY u.stream, u.key ORDER BY u.position) AS value_number,
      min(u.position) OVER (PARTITION BY u.stream, u.key) AS key_position
    FROM unknown AS u
  ),
  -- How many values a key has. Where its overflow has begun it takes none any more: nothing needs counting.
  with_values AS (
    SELECT
      n.*,
      max(
        CASE
          WHEN n.value_number > 1 THEN NULL
          WHEN EXISTS (SELECT FROM group_tag AS t WHERE t.issue_group = n.stream AND t.key = n.key AND t.is_overflow)
            THEN _max_values
          ELSE (SELECT count(*) FROM group_tag AS t WHERE t.issue_group = n.stream AND t.key = n.key)
        END
      ) OVER (PARTITION BY n.stream, n.key) AS known_values
    FROM numbered AS n
  ),
  ranked AS (
    SELECT
      v.*,
      v.known_values = 0 AND v.key NOT IN ('environment', 'release', 'level') AS is_new_key,
      dense_rank() OVER (
        PARTITION BY v.stream, v.known_values = 0 AND v.key NOT IN ('environment', 'release', 'level')
        ORDER BY v.key_position, v.key
      ) AS key_number
    FROM with_values AS v
  ),
  with_keys AS (
    SELECT
      r.*,
      max(
        CASE
          WHEN NOT r.is_new_key OR r.key_number > 1 OR r.value_number > 1 THEN NULL
          WHEN EXISTS (SELECT FROM group_tag AS t WHERE t.issue_group = r.stream AND t.key = '' AND t.is_overflow)
            THEN _max_keys
          ELSE (
            SELECT count(DISTINCT t.key)
            FROM group_tag AS t
            WHERE t.issue_group = r.stream AND t.key NOT IN ('environment', 'release', 'level')
          )
        END
      ) OVER (PARTITION BY r.stream) AS known_keys
    FROM ranked AS r
  ),
  placed AS (
    SELECT
      k.*,
      k.is_new_key AND k.known_keys + k.key_number > _max_keys AS is_beyond_keys,
      k.known_values + k.value_number > _max_values AS is_beyond_values
    FROM with_keys AS k
  )
  INSERT INTO group_tag AS t (issue_group, key, value, is_overflow, reports, first_seen, last_seen)
  SELECT
    stream,
    CASE WHEN is_beyond_keys THEN '' ELSE key END,
    CASE WHEN is_beyond_keys OR is_beyond_values THEN '' ELSE value END,
    is_beyond_keys OR is_beyond_values,
    sum(reports),
    min(first_seen),
    max(last_seen)
  FROM placed
  GROUP BY 1, 2, 3, 4
  ON CONFLICT (issue_group, key, value, is_overflow) DO UPDATE
  SET
    reports = t.reports + excluded.reports,
    first_seen = least(t.first_seen, excluded.first_seen),
    last_seen = greatest(t.last_seen, excluded.last_seen);

  RETURN NULL;
END $$;
