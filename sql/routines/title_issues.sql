-- Gives issues the title of their oldest group that has one; none where no group has. The overflow's stays.
-- For folds only: its tables are those of the caller's search_path, a replay's too.
CREATE OR REPLACE FUNCTION log.title_issues(issues uuid[]) RETURNS void
LANGUAGE plpgsql
AS $$
BEGIN
  UPDATE issue AS i
  SET
    type = g.type,
    title = g.title,
    culprit = g.culprit,
    search = to_tsvector('simple', log.search_text(concat_ws(' ', g.type, g.title, g.value, g.culprit)))
  FROM unnest(issues) AS wanted (id)
  LEFT JOIN LATERAL (
    SELECT type, title, value, culprit
    FROM issue_group
    WHERE issue = wanted.id AND title_of IS NOT NULL
    ORDER BY position, id
    LIMIT 1
  ) AS g ON true
  WHERE i.id = wanted.id AND i.id <> log.overflow_issue(i.service);
END $$;
