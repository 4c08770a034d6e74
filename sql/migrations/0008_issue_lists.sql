-- Indexes for the lists of issues. text_pattern_ops, so that a pattern with a star behind it is a range too.
CREATE INDEX issue_type ON projection.issue (type text_pattern_ops) WHERE NOT is_hidden;
