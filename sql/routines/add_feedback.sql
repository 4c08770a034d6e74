-- Appends what the user of a program says about a report as a comment on the issue that the report is of now. `report_at`
-- is the report's position, and `recorded_at` its day. Says what became of it: 'added'; 'known', the comment of this id
-- was made before, and may be deleted since; 'gone', the report was deleted; 'full', the issue has as many such comments
-- as it may have, because keys in web pages are everybody's.
CREATE OR REPLACE FUNCTION log.add_feedback(
  report_at bigint,
  recorded_at timestamptz,
  service text,
  comment uuid,
  actor text,
  data jsonb,
  most integer
) RETURNS text
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  _issue uuid;
BEGIN
  PERFORM pg_advisory_xact_lock(4711);

  IF EXISTS (SELECT FROM log.fact AS f WHERE f.id = comment) THEN
    RETURN 'known';
  END IF;

  SELECT i.id
  INTO _issue
  FROM projection.visible_report AS r
  JOIN projection.issue_group AS g ON g.id = r.stream
  JOIN projection.issue AS i ON i.id = g.issue AND NOT i.is_hidden
  WHERE r.position = report_at AND r.recorded_at = add_feedback.recorded_at AND r.service = add_feedback.service;
  IF NOT FOUND THEN
    RETURN 'gone';
  END IF;

  IF (SELECT count(*) FROM projection.issue_comment AS c WHERE c.issue = _issue AND c.author LIKE 'key:%') >= most THEN
    RETURN 'full';
  END IF;

  INSERT INTO log.event (id, type, stream, service, occurred_at, actor, data)
  VALUES (comment, 'issue.commented', _issue, service, log.recorded_at(), actor, data);
  RETURN 'added';
END $$;
