-- An issue is opened by a fact, which binds its first group to it, with all that the group has by then.
CREATE OR REPLACE FUNCTION log.fold_issue() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = projection, pg_catalog, pg_temp
AS $$
BEGIN
  IF (SELECT type FROM fresh LIMIT 1) = 'error.reported'
    OR NOT EXISTS (SELECT FROM fresh WHERE type = 'issue.opened')
  THEN
    RETURN NULL;
  END IF;

  WITH bound AS (
    UPDATE issue_group AS g
    SET issue = f.stream, home = f.stream
    FROM fresh AS f
    WHERE f.type = 'issue.opened' AND g.id = (f.data ->> 'group')::uuid
    RETURNING
      f.stream, f.service AS of_service, f.occurred_at, f.position AS opened,
      g.type, g.title, g.value, g.culprit, g.level, g.first_seen, g.last_seen, g.reports, g.users
  )
  INSERT INTO issue (
    id, service, opened_at, position, type, title, culprit, level, first_seen, last_seen, events, users, search
  )
  SELECT
    stream,
    of_service,
    occurred_at,
    opened,
    type,
    title,
    culprit,
    level,
    first_seen,
    last_seen,
    reports,
    users,
    to_tsvector('simple', log.search_text(concat_ws(' ', type, title, value, culprit)))
  FROM bound
  ON CONFLICT (id) DO NOTHING;

  INSERT INTO api_key_hour AS h (api_key, hour, reports, issues)
  SELECT (data ->> 'key')::uuid, date_bin('1 hour', recorded_at, 'epoch'), 0, count(*)
  FROM fresh
  WHERE type = 'issue.opened' AND data ? 'key'
  GROUP BY 1, 2
  ON CONFLICT (api_key, hour) DO UPDATE
  SET issues = h.issues + excluded.issues;

  RETURN NULL;
END $$;
