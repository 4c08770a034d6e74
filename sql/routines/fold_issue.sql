-- Groups count their reports; an issue is opened by a fact, which also binds its first group to it.
CREATE OR REPLACE FUNCTION log.fold_issue() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = projection, pg_catalog, pg_temp
AS $$
BEGIN
  INSERT INTO issue_group AS g (id, service, level, first_seen, last_seen, reports)
  SELECT
    stream,
    min(service),
    (array_agg(level ORDER BY position))[1],
    min(occurred_at),
    date_bin('1 minute', max(occurred_at), 'epoch'),
    count(*)
  FROM fresh
  WHERE type = 'error.reported'
  GROUP BY stream
  ON CONFLICT (id) DO UPDATE
  SET
    first_seen = least(g.first_seen, excluded.first_seen),
    last_seen = greatest(g.last_seen, excluded.last_seen),
    reports = g.reports + excluded.reports;

  -- The first report that there is gives the title; after that report's deletion, the next one to come.
  UPDATE issue_group AS g
  SET type = f.type, title = f.title, title_of = f.id
  FROM (
    SELECT DISTINCT ON (e.stream)
      e.stream,
      e.id,
      e.data #>> '{exceptions,-1,type}' AS type,
      left(e.data ->> 'message', 300) AS title
    FROM fresh AS e
    JOIN issue_group AS untitled ON untitled.id = e.stream AND untitled.title_of IS NULL
    WHERE e.type = 'error.reported'
    ORDER BY e.stream, e.position
  ) AS f
  WHERE g.id = f.stream;

  INSERT INTO group_hour AS h (issue_group, hour, reports)
  SELECT stream, date_bin('1 hour', occurred_at, 'epoch'), count(*)
  FROM fresh
  WHERE type = 'error.reported'
  GROUP BY 1, 2
  ON CONFLICT (issue_group, hour) DO UPDATE
  SET reports = h.reports + excluded.reports;

  INSERT INTO issue (id, service, opened_at, position)
  SELECT stream, service, occurred_at, position
  FROM fresh
  WHERE type = 'issue.opened'
  ON CONFLICT (id) DO NOTHING;

  UPDATE issue_group AS g
  SET issue = f.stream
  FROM fresh AS f
  WHERE f.type = 'issue.opened' AND g.id = (f.data ->> 'group')::uuid;

  RETURN NULL;
END $$;
