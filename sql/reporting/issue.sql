-- No security_barrier, which would keep ORDER BY … LIMIT from the indexes: Postgres looks at the cheapest condition
-- first, and none is cheaper than a plain column. So is_hidden comes before any that can fail (title::int).
CREATE OR REPLACE VIEW reporting.issue AS
SELECT
  i.id,
  i.service,
  i.status,
  CASE
    WHEN i.substatus = 'new' AND i.first_seen < now() - interval '7 days' THEN 'ongoing'
    ELSE i.substatus
  END AS substatus,
  i.level,
  i.type,
  i.title,
  i.culprit,
  i.first_seen,
  greatest(i.last_seen, i.first_seen) AS last_seen,
  now() - i.first_seen AS age,
  i.events,
  i.users,
  a.username AS assignee,
  i.opened_at,
  i.resolved_at,
  i.resolved_in,
  i.regressed_at,
  i.muted_until,
  i.comments
FROM projection.issue AS i
LEFT JOIN account.app_user AS a ON a.id = i.assignee
WHERE NOT i.is_hidden;

COMMENT ON VIEW reporting.issue IS 'One row per issue; those that were deleted or merged into another are not there.';
COMMENT ON COLUMN reporting.issue.id IS 'The issue''s id, as in its address on the page';
COMMENT ON COLUMN reporting.issue.service IS 'The service of its reports';
COMMENT ON COLUMN reporting.issue.status IS 'unresolved, resolved or ignored';
COMMENT ON COLUMN reporting.issue.substatus IS
'new (for seven days), ongoing, regressed; in_release, in_next_release; ignored, muted; or empty';
COMMENT ON COLUMN reporting.issue.level IS 'The most severe level seen';
COMMENT ON COLUMN reporting.issue.type IS 'The type of the exception; NULL where there is none';
COMMENT ON COLUMN reporting.issue.title IS 'The message of the report that gave the title; NULL while there is none';
COMMENT ON COLUMN reporting.issue.culprit IS 'Where it happens: a function, or a path';
COMMENT ON COLUMN reporting.issue.first_seen IS 'When it first happened, by the clients'' clocks';
COMMENT ON COLUMN reporting.issue.last_seen IS
'When it last happened, to the minute; first_seen where it happened only within that minute';
COMMENT ON COLUMN reporting.issue.age IS 'Time since first_seen';
COMMENT ON COLUMN reporting.issue.events IS 'How many reports it has had, without deleted ones, also of days that are not kept any more';
COMMENT ON COLUMN reporting.issue.users IS 'How many users met it';
COMMENT ON COLUMN reporting.issue.assignee IS 'The username of who it is assigned to; NULL for nobody';
COMMENT ON COLUMN reporting.issue.opened_at IS 'When Avalon opened it';
COMMENT ON COLUMN reporting.issue.resolved_at IS 'When it was resolved; NULL unless it is';
COMMENT ON COLUMN reporting.issue.resolved_in IS 'The release that it was resolved in; NULL where none was named';
COMMENT ON COLUMN reporting.issue.regressed_at IS 'When it last came back after it had been resolved; NULL for never';
COMMENT ON COLUMN reporting.issue.muted_until IS 'Until when it is muted; NULL where no time was set';
COMMENT ON COLUMN reporting.issue.comments IS 'How many comments it has';
