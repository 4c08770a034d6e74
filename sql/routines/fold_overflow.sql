-- The groups beyond the cap on new issues: an issue of their service's takes them all. It may hold very many, so theirs is
-- added to it rather than computed again.
CREATE OR REPLACE FUNCTION log.fold_overflow() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = projection, pg_catalog, pg_temp
SET enable_hashjoin = off
SET enable_mergejoin = off
SET enable_seqscan = off
AS $$
DECLARE
  _title CONSTANT text := 'New errors beyond the hourly limit of a key';
  _fact record;
BEGIN
  IF (SELECT type FROM fresh LIMIT 1) = 'error.reported' THEN
    RETURN NULL;
  END IF;

  FOR _fact IN SELECT * FROM fresh WHERE type = 'issue.overflowed' ORDER BY position LOOP
    INSERT INTO issue (id, service, opened_at, position, level, first_seen, last_seen, type, title, search)
    VALUES (
      _fact.stream,
      _fact.service,
      _fact.occurred_at,
      _fact.position,
      _fact.level,
      _fact.occurred_at,
      _fact.occurred_at,
      'Overflow',
      _title,
      to_tsvector('simple', _title)
    )
    ON CONFLICT (id) DO NOTHING;

    WITH taken AS MATERIALIZED (
      SELECT g.*
      FROM jsonb_array_elements_text(_fact.data -> 'groups') AS listed (id)
      JOIN issue_group AS g ON g.id = listed.id::uuid
      WHERE g.issue IS NULL
    ),
    bound AS (
      UPDATE issue_group AS g
      SET issue = _fact.stream, home = _fact.stream
      FROM taken AS t
      WHERE g.id = t.id
    ),
    new_user AS (
      SELECT DISTINCT u.user_hash
      FROM taken AS t
      JOIN group_user AS u ON u.issue_group = t.id
      WHERE NOT EXISTS (
        SELECT
        FROM group_user AS known
        WHERE known.user_hash = u.user_hash
          AND (SELECT other.issue FROM issue_group AS other WHERE other.id = known.issue_group) = _fact.stream
      )
    )
    UPDATE issue AS i
    SET
      events = i.events + s.events,
      users = i.users + (SELECT count(*) FROM new_user),
      first_seen = least(i.first_seen, s.first_seen),
      last_seen = greatest(i.last_seen, s.last_seen),
      level = log.level(greatest(log.severity(i.level), s.severity)),
      is_hidden = false,
      moved_to = NULL
    FROM (
      SELECT
        sum(reports) AS events,
        min(first_seen) AS first_seen,
        max(last_seen) AS last_seen,
        max(log.severity(level)) AS severity
      FROM taken
    ) AS s
    WHERE i.id = _fact.stream AND s.events IS NOT NULL;
  END LOOP;

  RETURN NULL;
END $$;
