-- Groups add up their reports and the people who met them, and add them to their issue. A group keeps the first
-- 10,000 people, in the order of their first report. What is imported moves the thresholds of a mute along with the
-- issue's totals: it brings the mute's end no nearer.
CREATE OR REPLACE FUNCTION log.fold_issue_group() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = projection, pg_catalog, pg_temp
SET enable_hashjoin = off
SET enable_mergejoin = off
SET enable_seqscan = off
-- Or the statement would be planned at every append: it holds variables, and sessions plan those anew.
SET plan_cache_mode = force_generic_plan
AS $$
DECLARE
  _max_users CONSTANT bigint := 10000;
  _is_untitled boolean;
  _issues uuid[];
BEGIN
  IF (SELECT type FROM fresh LIMIT 1) IS DISTINCT FROM 'error.reported' THEN
    RETURN NULL;
  END IF;

  -- No join of one step with another: what is to be added up is put side by side, and grouped.
  WITH counted AS MATERIALIZED (
    SELECT c.*, g.issue, g.title_of IS NULL AS is_untitled
    FROM (
      SELECT
        stream AS id,
        min(service) AS service,
        max(log.severity(level)) AS severity,
        min(occurred_at) AS first_seen,
        date_bin('1 minute', max(occurred_at), 'epoch') AS last_seen,
        count(*) AS reports,
        count(*) FILTER (WHERE actor = 'import') AS imported,
        min(position) AS position
      FROM fresh
      GROUP BY stream
    ) AS c
    LEFT JOIN issue_group AS g ON g.id = c.id
  ),
  met AS (
    SELECT
      stream AS id,
      log.user_hash(data) AS user_hash,
      min(position) AS position,
      min(position) IS NOT DISTINCT FROM min(position) FILTER (WHERE actor = 'import') AS is_imported
    FROM fresh
    GROUP BY 1, 2
  ),
  newly_met AS (
    SELECT m.*, row_number() OVER (PARTITION BY m.id ORDER BY m.position) AS number
    FROM met AS m
    WHERE m.user_hash IS NOT NULL
      AND NOT EXISTS (SELECT FROM group_user AS u WHERE u.issue_group = m.id AND u.user_hash = m.user_hash)
  ),
  joined AS MATERIALIZED (
    SELECT n.id, n.user_hash, n.position, n.is_imported, g.issue
    FROM newly_met AS n
    LEFT JOIN issue_group AS g ON g.id = n.id
    WHERE n.number <= _max_users - coalesce(g.users, 0)
  ),
  listed AS (
    INSERT INTO group_user (issue_group, user_hash)
    SELECT id, user_hash
    FROM joined
  ),
  summed AS (
    INSERT INTO issue_group AS g (id, service, level, first_seen, last_seen, reports, users, position)
    SELECT
      id, max(service), log.level(max(severity)), min(first_seen), max(last_seen), sum(reports), sum(users), min(position)
    FROM (
      SELECT id, service, severity, first_seen, last_seen, reports, 0 AS users, position
      FROM counted
      UNION ALL
      SELECT id, NULL, NULL, NULL, NULL, 0, 1, NULL
      FROM joined
    ) AS part
    GROUP BY id
    ON CONFLICT (id) DO UPDATE
    SET
      level = log.level(greatest(log.severity(g.level), log.severity(excluded.level))),
      first_seen = least(g.first_seen, excluded.first_seen),
      last_seen = greatest(g.last_seen, excluded.last_seen),
      reports = g.reports + excluded.reports,
      users = g.users + excluded.users
  ),
  -- Somebody new to a group may be known to its issue by another group.
  new_to_issue AS (
    SELECT DISTINCT ON (j.issue, j.user_hash) j.issue, j.user_hash, j.is_imported
    FROM joined AS j
    WHERE CASE
      WHEN EXISTS (SELECT FROM issue_group AS other WHERE other.issue = j.issue AND other.id <> j.id)
        THEN NOT EXISTS (
          SELECT
          FROM group_user AS u
          WHERE u.user_hash = j.user_hash
            AND u.issue_group <> j.id
            AND (SELECT other.issue FROM issue_group AS other WHERE other.id = u.issue_group) = j.issue
        )
      ELSE j.issue IS NOT NULL
    END
    ORDER BY j.issue, j.user_hash, j.position
  ),
  added AS (
    UPDATE issue AS i
    SET
      events = i.events + a.reports,
      users = i.users + a.users,
      first_seen = least(i.first_seen, a.first_seen),
      last_seen = greatest(i.last_seen, a.last_seen),
      level = log.level(greatest(log.severity(i.level), a.severity)),
      is_hidden = false,
      muted_events = i.muted_events + a.imported_reports,
      muted_users = i.muted_users + a.imported_users
    FROM (
      SELECT
        issue,
        max(severity) AS severity,
        min(first_seen) AS first_seen,
        max(last_seen) AS last_seen,
        sum(reports) AS reports,
        sum(users) AS users,
        sum(imported_reports) AS imported_reports,
        sum(imported_users) AS imported_users
      FROM (
        SELECT
          issue, severity, first_seen, last_seen, reports, 0 AS users, imported AS imported_reports, 0 AS imported_users
        FROM counted
        WHERE issue IS NOT NULL
        UNION ALL
        SELECT issue, NULL, NULL, NULL, 0, 1, 0, is_imported::integer
        FROM new_to_issue
      ) AS part
      GROUP BY issue
    ) AS a
    WHERE i.id = a.issue
  )
  SELECT bool_or(is_untitled) INTO _is_untitled FROM counted;

  IF NOT _is_untitled THEN
    RETURN NULL;
  END IF;

  -- The first report that there is gives the title; after that report's deletion, the next one to come. Only then
  -- has the group an issue already.
  WITH titled AS (
    UPDATE issue_group AS g
    SET type = f.type, title = f.title, value = f.value, title_of = f.id, culprit = f.culprit, hashes = f.hashes
    FROM (
      SELECT DISTINCT ON (e.stream)
        e.stream,
        e.id,
        coalesce(e.data #>> '{grouping,type}', e.data #>> '{exceptions,-1,type}') AS type,
        left(e.data ->> 'message', 300) AS title,
        e.data #>> '{grouping,value}' AS value,
        left(coalesce(e.data #>> '{grouping,culprit}', e.data ->> 'path', e.data ->> 'transaction'), 300) AS culprit,
        ARRAY(SELECT jsonb_array_elements_text(coalesce(e.data #> '{grouping,hashes}', '[]'))) AS hashes
      FROM fresh AS e
      JOIN issue_group AS untitled ON untitled.id = e.stream AND untitled.title_of IS NULL
      ORDER BY e.stream, e.position
    ) AS f
    WHERE g.id = f.stream
    RETURNING g.issue
  )
  SELECT array_agg(DISTINCT issue) INTO _issues FROM titled WHERE issue IS NOT NULL;
  PERFORM log.title_issues(_issues) WHERE _issues IS NOT NULL;

  RETURN NULL;
END $$;
