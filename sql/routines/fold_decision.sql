-- What people (and policies) decided about issues, one fact at a time in their order, and their comments. A purge takes
-- those on deleted issues away, and on issues that were merged into these; whoever is gone has no issues.
CREATE OR REPLACE FUNCTION log.fold_decision() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = projection, pg_catalog, pg_temp
AS $$
DECLARE
  _fact record;
  _state jsonb;
BEGIN
  -- An append holds reports or facts, never both.
  IF (SELECT type FROM fresh LIMIT 1) = 'error.reported' THEN
    RETURN NULL;
  END IF;

  FOR _fact IN SELECT * FROM fresh WHERE type LIKE 'issue.%' OR type IN ('reports.purged', 'user.deleted') ORDER BY position LOOP
    CASE _fact.type
      WHEN 'issue.commented' THEN
        INSERT INTO issue_comment (id, issue, author, text, commented_at, position, name, email, report)
        VALUES (
          (_fact.data ->> 'comment')::uuid,
          _fact.stream,
          coalesce(_fact.data ->> 'author', _fact.actor),
          _fact.data ->> 'text',
          coalesce((_fact.data ->> 'commented_at')::timestamptz, _fact.occurred_at),
          coalesce((_fact.data ->> 'position')::bigint, _fact.position),
          _fact.data ->> 'name',
          _fact.data ->> 'email',
          (_fact.data ->> 'report')::uuid
        );
        UPDATE issue SET comments = comments + 1 WHERE id = _fact.stream;
        CONTINUE;
      WHEN 'issue.comment_deleted' THEN
        DELETE FROM issue_comment WHERE id = (_fact.data ->> 'comment')::uuid;
        IF FOUND THEN
          UPDATE issue SET comments = comments - 1 WHERE id = _fact.stream;
        END IF;
        CONTINUE;
      WHEN 'user.deleted' THEN
        UPDATE issue SET assignee = NULL WHERE assignee = _fact.stream;
        CONTINUE;
      WHEN 'reports.purged' THEN
        WITH RECURSIVE way AS (
          SELECT DISTINCT c.issue AS origin, c.issue
          FROM issue_comment AS c
          UNION
          SELECT w.origin, i.moved_to
          FROM way AS w
          JOIN issue AS i ON i.id = w.issue
          WHERE i.moved_to IS NOT NULL
        )
        DELETE FROM issue_comment AS c
        USING way AS w, group_erasure AS e
        WHERE c.issue = w.origin AND e.issue = w.issue AND e.position < _fact.position;
        CONTINUE;
      WHEN 'issue.assigned' THEN
        _state := jsonb_build_object('assignee', _fact.data -> 'assignee');
      WHEN 'issue.undone' THEN
        _state := _fact.data -> 'state';
      WHEN 'issue.deleted', 'issue.restored' THEN
        _state := '{}';
      WHEN 'issue.resolved' THEN
        _state := jsonb_build_object(
          'status', 'resolved',
          'substatus', CASE
            WHEN (_fact.data ->> 'in_next_release')::boolean THEN 'in_next_release'
            WHEN _fact.data ->> 'in_release' IS NOT NULL THEN 'in_release'
            ELSE ''
          END,
          'resolved_at', _fact.occurred_at,
          'resolved_in', _fact.data ->> 'in_release',
          'current_release', _fact.data ->> 'current_release'
        );
      WHEN 'issue.ignored', 'issue.muted' THEN
        _state := jsonb_build_object(
          'status', 'ignored',
          'substatus', split_part(_fact.type, '.', 2),
          'muted_until', _fact.data ->> 'until',
          'muted_events', (_fact.data ->> 'events_then')::bigint + (_fact.data ->> 'events')::bigint,
          'muted_users', (_fact.data ->> 'users_then')::bigint + (_fact.data ->> 'users')::bigint
        );
      WHEN 'issue.reopened', 'issue.unmuted' THEN
        _state := jsonb_build_object('status', 'unresolved', 'substatus', 'ongoing');
      WHEN 'issue.regressed' THEN
        _state := jsonb_build_object(
          'status', 'unresolved', 'substatus', 'regressed', 'regressed_at', _fact.occurred_at
        );
      ELSE
        CONTINUE;
    END CASE;

    -- Whoever sets a status ends what went with the one before.
    UPDATE issue AS i
    SET
      status = coalesce(_state ->> 'status', i.status),
      substatus = coalesce(_state ->> 'substatus', i.substatus),
      assignee = CASE WHEN _state ? 'assignee' THEN (_state ->> 'assignee')::uuid ELSE i.assignee END,
      regressed_at =
        CASE WHEN _state ? 'regressed_at' THEN (_state ->> 'regressed_at')::timestamptz ELSE i.regressed_at END,
      resolved_at = CASE WHEN _state ? 'status' THEN (_state ->> 'resolved_at')::timestamptz ELSE i.resolved_at END,
      resolved_in = CASE WHEN _state ? 'status' THEN _state ->> 'resolved_in' ELSE i.resolved_in END,
      current_release = CASE WHEN _state ? 'status' THEN _state ->> 'current_release' ELSE i.current_release END,
      muted_until = CASE WHEN _state ? 'status' THEN (_state ->> 'muted_until')::timestamptz ELSE i.muted_until END,
      muted_events = CASE WHEN _state ? 'status' THEN (_state ->> 'muted_events')::bigint ELSE i.muted_events END,
      muted_users = CASE WHEN _state ? 'status' THEN (_state ->> 'muted_users')::bigint ELSE i.muted_users END,
      position = _fact.position
    WHERE i.id = _fact.stream;
  END LOOP;

  RETURN NULL;
END $$;
