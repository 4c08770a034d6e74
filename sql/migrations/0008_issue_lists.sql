-- For the lists of issues, newest first. text_pattern_ops, so that a pattern with a star behind it is a range too.
CREATE INDEX issue_type ON projection.issue (type text_pattern_ops, last_seen DESC, id DESC) WHERE NOT is_hidden;

-- What few issues are: among the newest there may be none.
CREATE INDEX issue_level ON projection.issue (level, last_seen DESC, id DESC)
WHERE NOT is_hidden AND level <> 'error';
CREATE INDEX issue_substatus ON projection.issue (substatus, last_seen DESC, id DESC)
WHERE NOT is_hidden AND substatus IN ('regressed', 'muted');

-- Which of these go together: taken apart, the planner believes in what is never both.
CREATE STATISTICS projection.issue_kind (mcv) ON service, status, substatus, level FROM projection.issue;

-- A value goes with its key: taken apart, the planner believes that a frequent value is rare.
CREATE STATISTICS projection.group_tag_value (mcv) ON key, value FROM projection.group_tag;
