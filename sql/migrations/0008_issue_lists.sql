-- For the lists of issues. text_pattern_ops, so that a pattern with a star behind it is a range too.
CREATE INDEX issue_type ON projection.issue (type text_pattern_ops) WHERE NOT is_hidden;

-- A value goes with its key: taken apart, the planner believes that a frequent value is rare.
CREATE STATISTICS projection.group_tag_value (mcv) ON key, value FROM projection.group_tag;
