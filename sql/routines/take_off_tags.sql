-- Takes a deleted report's tags off its group's counts. tags: the hash of each key, and that of its pair (log.tag_hash),
-- because a fact outlives the words that it is about. What is no value any more was counted in the overflow of its key,
-- what is no key in that of all others.
-- For folds only: its tables are those of the caller's search_path, a replay's too.
CREATE OR REPLACE FUNCTION log.take_off_tags(issue_group uuid, tags jsonb) RETURNS void
LANGUAGE plpgsql
AS $$
BEGIN
  WITH kept AS (
    SELECT t.*, log.tag_hash(t.key) AS key_hash, log.tag_hash(t.key, t.value) AS hash
    FROM group_tag AS t
    WHERE t.issue_group = take_off_tags.issue_group
  ),
  worn AS (
    SELECT key AS key_hash, value AS hash
    FROM jsonb_each_text(tags)
  ),
  found AS (
    SELECT
      count(*) AS reports,
      coalesce(k.key, o.key, '') AS key,
      coalesce(k.value, '') AS value,
      k.key IS NULL AS is_overflow
    FROM worn AS w
    LEFT JOIN kept AS k ON k.hash = w.hash AND NOT k.is_overflow
    LEFT JOIN kept AS o ON o.key_hash = w.key_hash AND o.key <> '' AND o.is_overflow
    GROUP BY 2, 3, 4
  )
  UPDATE group_tag AS t
  SET reports = t.reports - f.reports
  FROM found AS f
  WHERE t.issue_group = take_off_tags.issue_group
    AND t.key = f.key
    AND t.value = f.value
    AND t.is_overflow = f.is_overflow;

  -- What nobody said any more is forgotten; an overflow stays, because it closes its key to further values.
  DELETE FROM group_tag AS t
  WHERE t.issue_group = take_off_tags.issue_group AND t.reports <= 0 AND NOT t.is_overflow;
END $$;
