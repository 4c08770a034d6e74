-- What was not taken, by hour. Of a service and an hour the first 200 kinds have rows; what comes of others is counted
-- as other, because keys in web pages are everybody's.
CREATE OR REPLACE FUNCTION log.fold_drop() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = projection, pg_catalog, pg_temp
AS $$
BEGIN
  IF (SELECT type FROM fresh LIMIT 1) = 'error.reported' OR NOT EXISTS (SELECT FROM fresh WHERE type = 'reports.dropped') THEN
    RETURN NULL;
  END IF;

  WITH told AS (
    SELECT
      f.service,
      date_bin('1 hour', f.recorded_at, 'epoch') AS hour,
      r.dropped_by,
      r.category,
      r.reason,
      sum(r.quantity) AS quantity,
      max(f.recorded_at) AS last_at,
      min(f.position) AS position
    FROM fresh AS f
    CROSS JOIN LATERAL jsonb_to_recordset(f.data -> 'rows') AS r (dropped_by text, category text, reason text, quantity bigint)
    WHERE f.type = 'reports.dropped'
    GROUP BY 1, 2, 3, 4, 5
  ),
  -- Those without a row yet, in the order in which they came; the overflow's own row counts for nothing.
  new AS (
    SELECT
      t.*,
      row_number() OVER (PARTITION BY t.service, t.hour ORDER BY t.position, t.dropped_by, t.category, t.reason) AS number
    FROM told AS t
    WHERE (t.category, t.reason) <> ('other', 'other')
      AND NOT EXISTS (
        SELECT
        FROM drop_hour AS d
        WHERE (d.service, d.hour, d.dropped_by, d.category, d.reason) = (t.service, t.hour, t.dropped_by, t.category, t.reason)
      )
  ),
  beyond AS (
    SELECT n.*
    FROM new AS n
    WHERE n.number + (
      SELECT count(*)
      FROM drop_hour AS d
      WHERE d.service = n.service AND d.hour = n.hour AND (d.category, d.reason) <> ('other', 'other')
    ) > 200
  )
  INSERT INTO drop_hour AS d (service, hour, dropped_by, category, reason, quantity, last_at)
  SELECT
    t.service,
    t.hour,
    t.dropped_by,
    CASE WHEN b.service IS NULL THEN t.category ELSE 'other' END,
    CASE WHEN b.service IS NULL THEN t.reason ELSE 'other' END,
    sum(t.quantity),
    max(t.last_at)
  FROM told AS t
  LEFT JOIN beyond AS b USING (service, hour, dropped_by, category, reason)
  GROUP BY 1, 2, 3, 4, 5
  ON CONFLICT (service, hour, dropped_by, category, reason) DO UPDATE
  SET
    quantity = d.quantity + excluded.quantity,
    last_at = greatest(d.last_at, excluded.last_at);

  RETURN NULL;
END $$;
