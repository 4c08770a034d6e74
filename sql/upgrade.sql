-- Counts in the baseline what releases before 0.2 did not fold, from the reports of the sealed past that are kept
-- and not deleted. Totals stay as they are. Nobody has decided anything about an issue by then, so each has the
-- groups that it opened with. Run by avalon.upgrade, in a transaction; a second time it finds the same.

SET LOCAL search_path = baseline, pg_catalog;

CREATE TEMPORARY VIEW kept AS
SELECT e.*
FROM log.event AS e
WHERE e.type = 'error.reported'
  AND e.position <= (SELECT position FROM baseline.sealed)
  AND e.position > (SELECT coalesce(max(last_position), 0) FROM baseline.expired_day)
  AND NOT EXISTS (SELECT FROM baseline.deleted_report AS d WHERE d.position = e.position)
  AND NOT EXISTS (
    SELECT
    FROM baseline.erasure AS r
    WHERE r.service = e.service AND r.position > e.position AND r.before > e.occurred_at
  );

-- Of days that are not kept only the sum of an hour is known: it stands under no level and no environment.
CREATE TEMPORARY TABLE total ON COMMIT DROP AS
SELECT issue_group, hour, sum(reports) AS reports
FROM group_hour
GROUP BY 1, 2;

DELETE FROM group_hour;
INSERT INTO group_hour (issue_group, hour, level, environment, reports)
SELECT stream, date_bin('1 hour', occurred_at, 'epoch'), level, coalesce(environment, ''), count(*)
FROM kept
GROUP BY 1, 2, 3, 4;
INSERT INTO group_hour (issue_group, hour, level, environment, reports)
SELECT t.issue_group, t.hour, '', '', t.reports - coalesce(sum(h.reports), 0)
FROM total AS t
LEFT JOIN group_hour AS h ON h.issue_group = t.issue_group AND h.hour = t.hour
GROUP BY t.issue_group, t.hour, t.reports
HAVING t.reports > coalesce(sum(h.reports), 0);

DELETE FROM group_minute;
INSERT INTO group_minute (issue_group, minute, level, environment, reports)
SELECT stream, date_bin('1 minute', occurred_at, 'epoch'), level, coalesce(environment, ''), count(*)
FROM kept
WHERE occurred_at > recorded_at - interval '1 day'
  AND occurred_at >= (
    SELECT coalesce((max(day) + 1)::timestamp AT TIME ZONE 'UTC', '-infinity')
    FROM expired_day
  )
GROUP BY 1, 2, 3, 4;

-- The caps are those of log.fold_release, log.fold_issue_group and log.fold_tag.
DELETE FROM release;
INSERT INTO release (service, version, sort_key, first_seen, last_seen, reports)
SELECT service, version, log.release_key(version), first_seen, last_seen, reports
FROM (
  SELECT
    service,
    release AS version,
    min(occurred_at) AS first_seen,
    date_bin('1 minute', max(occurred_at), 'epoch') AS last_seen,
    count(*) AS reports,
    row_number() OVER (PARTITION BY service ORDER BY min(position)) AS number
  FROM kept
  WHERE release IS NOT NULL
  GROUP BY 1, 2
) AS known
WHERE number <= 10000;

DELETE FROM group_user;
INSERT INTO group_user (issue_group, user_hash)
SELECT met.id, met.user_hash
FROM (
  SELECT
    k.stream AS id,
    log.user_hash(k.data) AS user_hash,
    row_number() OVER (PARTITION BY k.stream ORDER BY min(k.position)) AS number
  FROM kept AS k
  WHERE log.user_hash(k.data) IS NOT NULL
  GROUP BY 1, 2
) AS met
WHERE met.number <= 10000;

DELETE FROM group_tag;
WITH worn AS (
  SELECT
    k.stream,
    t.key COLLATE "C" AS key,
    t.value COLLATE "C" AS value,
    count(*) AS reports,
    min(k.occurred_at) AS first_seen,
    date_bin('1 minute', max(k.occurred_at), 'epoch') AS last_seen,
    min(k.position) AS position
  FROM kept AS k
  CROSS JOIN LATERAL log.tags(k.environment, k.release, k.level, k.data) AS t
  GROUP BY 1, 2, 3
),
numbered AS (
  SELECT
    w.*,
    w.key IN ('environment', 'release', 'level') AS is_own,
    row_number() OVER (PARTITION BY w.stream, w.key ORDER BY w.position) AS value_number,
    min(w.position) OVER (PARTITION BY w.stream, w.key) AS key_position
  FROM worn AS w
),
placed AS (
  SELECT
    n.*,
    NOT n.is_own
      AND dense_rank() OVER (PARTITION BY n.stream, n.is_own ORDER BY n.key_position, n.key) > 50 AS is_beyond_keys,
    n.value_number > 100 AS is_beyond_values
  FROM numbered AS n
)
INSERT INTO group_tag (issue_group, key, value, is_overflow, reports, first_seen, last_seen)
SELECT
  stream,
  CASE WHEN is_beyond_keys THEN '' ELSE key END,
  CASE WHEN is_beyond_keys OR is_beyond_values THEN '' ELSE value END,
  is_beyond_keys OR is_beyond_values,
  sum(reports),
  min(first_seen),
  max(last_seen)
FROM placed
GROUP BY 1, 2, 3, 4;

-- A group whose title went with its report takes that of the first that is kept.
UPDATE issue_group AS g
SET
  home = coalesce(g.home, g.issue),
  position = coalesce(nullif(g.position, 0), k.position, i.position, 0),
  level = log.level(greatest(log.severity(g.level), k.severity)),
  type = CASE WHEN g.title_of IS NULL AND k.id IS NOT NULL THEN k.type ELSE g.type END,
  title = CASE WHEN g.title_of IS NULL THEN k.title ELSE g.title END,
  value = CASE WHEN g.title_of IS NULL THEN k.value ELSE g.value END,
  title_of = coalesce(g.title_of, k.id),
  culprit = coalesce(g.culprit, k.culprit),
  hashes = coalesce(nullif(g.hashes, '{}'), k.hashes, '{}'),
  users = (SELECT count(*) FROM group_user AS u WHERE u.issue_group = g.id)
FROM issue_group AS own
LEFT JOIN issue AS i ON i.id = own.issue
LEFT JOIN (
  SELECT
    c.*,
    e.id,
    coalesce(e.data #>> '{grouping,type}', e.data #>> '{exceptions,-1,type}') AS type,
    left(e.data ->> 'message', 300) AS title,
    e.data #>> '{grouping,value}' AS value,
    left(coalesce(e.data #>> '{grouping,culprit}', e.data ->> 'path', e.data ->> 'transaction'), 300) AS culprit,
    ARRAY(SELECT jsonb_array_elements_text(coalesce(e.data #> '{grouping,hashes}', '[]'))) AS hashes
  FROM (
    SELECT
      r.stream,
      min(r.position) AS position,
      max(log.severity(r.level)) AS severity,
      coalesce(min(r.position) FILTER (WHERE r.id = named.title_of), min(r.position)) AS title_position
    FROM kept AS r
    JOIN issue_group AS named ON named.id = r.stream
    GROUP BY 1
  ) AS c
  JOIN kept AS e ON e.position = c.title_position
) AS k ON k.stream = own.id
WHERE g.id = own.id;

UPDATE issue AS i
SET
  events = g.events,
  users = (
    SELECT count(DISTINCT u.user_hash)
    FROM issue_group AS own
    JOIN group_user AS u ON u.issue_group = own.id
    WHERE own.issue = i.id
  ),
  first_seen = g.first_seen,
  last_seen = g.last_seen,
  level = log.level(g.severity),
  is_hidden = g.events = 0
FROM (
  SELECT
    issue,
    sum(reports) AS events,
    min(first_seen) AS first_seen,
    max(last_seen) AS last_seen,
    max(log.severity(level)) AS severity
  FROM issue_group
  GROUP BY 1
) AS g
WHERE g.issue = i.id;

SELECT log.title_issues(array_agg(id)) FROM issue;

DROP VIEW kept;
