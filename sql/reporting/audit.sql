-- Names are looked up as they are now; that of an issue only while it is to be seen.
CREATE OR REPLACE VIEW reporting.audit AS
SELECT
  f.recorded_at,
  f.actor,
  who.username,
  f.type,
  CASE f.type
    WHEN 'issue.opened' THEN 'opened the issue'
    WHEN 'issue.regressed' THEN 'saw the issue again' || coalesce(' in ' || f.release, '')
    WHEN 'issue.resolved' THEN
      'resolved the issue' || CASE
        WHEN f.data ->> 'in_next_release' = 'true' THEN ' in the next release'
        ELSE coalesce(' in ' || (f.data ->> 'in_release'), '')
      END
    WHEN 'issue.reopened' THEN 'reopened the issue'
    WHEN 'issue.ignored' THEN 'ignored the issue'
    WHEN 'issue.muted' THEN
      'muted the issue' || coalesce(
        ' until ' || (f.data ->> 'until'),
        ' for ' || (f.data ->> 'events') || ' more events',
        ' for ' || (f.data ->> 'users') || ' more users',
        ''
      )
    WHEN 'issue.unmuted' THEN 'unmuted the issue'
    WHEN 'issue.assigned' THEN
      'assigned the issue to ' || CASE
        WHEN f.data ->> 'assignee' IS NULL THEN 'nobody'
        ELSE coalesce(chosen.username, 'somebody who is gone')
      END
    WHEN 'issue.commented' THEN
      CASE WHEN f.actor LIKE 'key:%' THEN 'passed a user''s feedback on the issue on' ELSE 'commented on the issue' END
    WHEN 'issue.comment_deleted' THEN 'deleted a comment'
    WHEN 'issue.groups_moved' THEN
      CASE f.data ->> 'kind'
        WHEN 'merge' THEN 'merged another issue into the issue'
        WHEN 'unmerge' THEN 'split the issue off another one'
        WHEN 'undo' THEN 'moved reports back to the issue'
        ELSE 'moved reports to the issue'
      END
    WHEN 'issue.deleted' THEN 'deleted the issue'
    WHEN 'issue.restored' THEN 'restored the issue'
    WHEN 'issue.undone' THEN 'undid something about the issue'
    WHEN 'issue.overflowed' THEN 'put what would have been further new issues into the issue'
    WHEN 'error.deleted' THEN 'deleted a report'
    WHEN 'service.erased' THEN 'deleted the reports of ' || f.service || ' before ' || (f.data ->> 'before')
    WHEN 'minutes.expired' THEN 'dropped the counts by minute before ' || (f.data ->> 'before')
    WHEN 'reports.expired' THEN 'dropped the reports of ' || (f.data ->> 'day')
    WHEN 'reports.purged' THEN 'purged the content of deleted reports'
    WHEN 'api_key.created' THEN 'made the key'
    WHEN 'api_key.changed' THEN
      CASE f.data ->> 'is_active'
        WHEN 'false' THEN 'switched the key off'
        WHEN 'true' THEN 'switched the key on'
        ELSE 'changed the key'
      END
    WHEN 'api_key.rotated' THEN 'gave the key a new secret'
    WHEN 'api_key.deleted' THEN 'deleted the key'
    WHEN 'user.created' THEN 'made the account as ' || (f.data ->> 'role')
    WHEN 'user.changed' THEN 'made the account ' || coalesce(f.data ->> 'role', 'another')
    WHEN 'user.renamed' THEN 'renamed the account'
    WHEN 'user.password_changed' THEN 'changed the account''s password'
    WHEN 'user.deleted' THEN 'deleted the account'
    WHEN 'session.started' THEN 'signed in'
    WHEN 'session.ended' THEN 'signed out'
    WHEN 'sink.created' THEN 'made the ' || (f.data ->> 'kind') || ' sink'
    WHEN 'sink.changed' THEN
      CASE f.data ->> 'is_active'
        WHEN 'false' THEN 'switched the sink off'
        WHEN 'true' THEN 'switched the sink on'
        ELSE 'changed the sink'
      END
    WHEN 'sink.switched_off' THEN 'gave the sink up: ' || (f.data ->> 'reason')
    WHEN 'sink.deleted' THEN 'deleted the sink'
    WHEN 'rule.created' THEN 'made the alert rule'
    WHEN 'rule.changed' THEN
      CASE f.data ->> 'is_active'
        WHEN 'false' THEN 'switched the alert rule off'
        WHEN 'true' THEN 'switched the alert rule on'
        ELSE 'changed the alert rule'
      END
    WHEN 'rule.deleted' THEN 'deleted the alert rule'
    WHEN 'grouping_rule.created' THEN 'made a rule of the grouping'
    WHEN 'grouping_rule.deleted' THEN 'ended a rule of the grouping'
    WHEN 'issue.groups_bound' THEN 'joined reports to come to the issue'
    WHEN 'issue.groups_unbound' THEN 'parted reports to come from the issue'
    WHEN 'source_maps.uploaded' THEN 'uploaded source maps' || coalesce(' for ' || (f.data ->> 'release'), '')
    WHEN 'source_maps.deleted' THEN
      CASE f.data ->> 'reason'
        WHEN 'unused' THEN 'deleted source maps that nobody used'
        WHEN 'room' THEN 'deleted source maps to make room for others'
        ELSE 'deleted source maps'
      END
    WHEN 'epoch.started' THEN 'noted a failover or a restore of the database'
    ELSE translate(f.type, '._', '  ')
  END AS what,
  f.service,
  coalesce(u.username, k.name, s.name, r.name, i.title) AS subject,
  f.stream AS subject_id,
  (f.data ->> 'action')::uuid AS action,
  f.position,
  -- Each undo takes back a fact or another undo, and so turns the matter over.
  (
    WITH RECURSIVE turn AS (
      SELECT u.id
      FROM log.fact AS u
      WHERE u.data ? 'undoes' AND u.data ->> 'undoes' = f.id::text
      UNION ALL
      SELECT u.id
      FROM turn AS t
      JOIN log.fact AS u ON u.data ? 'undoes' AND u.data ->> 'undoes' = t.id::text
    )
    SELECT count(*) % 2 = 1
    FROM turn
  ) AS undone
FROM log.fact AS f
LEFT JOIN account.app_user AS who ON f.actor = 'user:' || who.id
LEFT JOIN account.app_user AS chosen ON f.type = 'issue.assigned' AND f.data ->> 'assignee' = chosen.id::text
LEFT JOIN account.app_user AS u ON u.id = f.stream
LEFT JOIN projection.api_key AS k ON k.id = f.stream
LEFT JOIN projection.sink AS s ON s.id = f.stream
LEFT JOIN projection.rule AS r ON r.id = f.stream
LEFT JOIN projection.issue AS i ON i.id = f.stream AND NOT i.is_hidden
WHERE f.type NOT LIKE 'alert.%' AND f.type <> 'reports.dropped';

COMMENT ON VIEW reporting.audit IS
'Who did what, and when: every fact of the log but those about alerts and counts of what was not taken, for ever. Ask
for a range of recorded_at, or a type.';
COMMENT ON COLUMN reporting.audit.recorded_at IS 'When it was done';
COMMENT ON COLUMN reporting.audit.actor IS 'user:<id>, key:<id>, policy:<name> (a rule of Avalon''s) or system';
COMMENT ON COLUMN reporting.audit.username IS 'The user''s name as of now; NULL where it was no user, or one whose account is deleted';
COMMENT ON COLUMN reporting.audit.type IS 'The type of the fact, such as issue.resolved';
COMMENT ON COLUMN reporting.audit.what IS 'The same in words that go on after the name';
COMMENT ON COLUMN reporting.audit.service IS 'The service that it was about; NULL where it was about none';
COMMENT ON COLUMN reporting.audit.subject IS
'The name of what it was done to: an issue''s title, or the name of a user, key, sink or alert rule; NULL where that is gone';
COMMENT ON COLUMN reporting.audit.subject_id IS 'The id of what it was done to';
COMMENT ON COLUMN reporting.audit.action IS 'What was done in one go shares it; NULL for a single deed';
COMMENT ON COLUMN reporting.audit.position IS 'Its place in the log: unique, and in the order of time';
COMMENT ON COLUMN reporting.audit.undone IS 'Whether it was taken back later, and that was not taken back in turn';
