-- The tags of groups, and under names of their own the environment, release and level of their reports. A group keeps
-- its first 50 keys besides those three, and of each key the first 100 values, in the order of their first report; the
-- rest is counted in the rows that are the overflow: of its key, or of all other keys under the key ''.
CREATE OR REPLACE FUNCTION log.fold_tag() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = projection, pg_catalog, pg_temp
SET enable_hashjoin = off
SET enable_mergejoin = off
SET enable_seqscan = off
-- Or the statement would be planned at every append: it holds variables, and sessions plan those anew.
SET plan_cache_mode = force_generic_plan
AS $$
DECLARE
  _max_keys CONSTANT bigint := 50;
  _max_values CONSTANT bigint := 100;
BEGIN
  IF (SELECT type FROM fresh LIMIT 1) IS DISTINCT FROM 'error.reported' THEN
    RETURN NULL;
  END IF;

  -- Each tag is looked up once: by its row's place it is updated, and without one it is new. Nobody else writes here.
  -- Rows are compared with the front of the primary key, because no other index may be taken for this: by key and value
  -- there are as many rows as groups.
  WITH worn AS MATERIALIZED (
    SELECT w.*, t.ctid AS place
    FROM (
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
      GROUP BY 1, 2, 3
    ) AS w
    LEFT JOIN group_tag AS t
      ON (t.issue_group, t.key, t.value) >= (w.stream, w.key, w.value)
      AND (t.issue_group, t.key, t.value) <= (w.stream, w.key, w.value)
      AND NOT t.is_overflow
  ),
  known AS (
    UPDATE group_tag AS t
    SET
      reports = t.reports + w.reports,
      first_seen = least(t.first_seen, w.first_seen),
      last_seen = greatest(t.last_seen, w.last_seen)
    FROM worn AS w
    WHERE t.ctid = w.place
  ),
  unknown AS (
    SELECT
      w.*,
      row_number() OVER (PARTITION BY w.stream, w.key ORDER BY w.position) AS value_number,
      min(w.position) OVER (PARTITION BY w.stream, w.key) AS key_position
    FROM worn AS w
    WHERE w.place IS NULL
  ),
  -- How many values a key has. Where its overflow has begun it takes none any more: nothing needs counting.
  with_values AS (
    SELECT
      u.*,
      max(
        CASE
          WHEN u.value_number > 1 THEN NULL
          WHEN EXISTS (
            SELECT FROM group_tag AS t WHERE (t.issue_group, t.key, t.value, t.is_overflow) = (u.stream, u.key, '', true)
          )
            THEN _max_values
          ELSE (
            SELECT count(*)
            FROM group_tag AS t
            WHERE (t.issue_group, t.key) >= (u.stream, u.key) AND (t.issue_group, t.key) <= (u.stream, u.key)
          )
        END
      ) OVER (PARTITION BY u.stream, u.key) AS known_values
    FROM unknown AS u
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
          WHEN EXISTS (
            SELECT FROM group_tag AS t WHERE (t.issue_group, t.key, t.value, t.is_overflow) = (r.stream, '', '', true)
          )
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
