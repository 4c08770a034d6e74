-- Rules that people add to the grouping; of one service, or of all where it is NULL.
CREATE TABLE projection.grouping_rule (
  id uuid PRIMARY KEY,
  service text,
  kind text NOT NULL,
  function text NOT NULL,
  module text NOT NULL,
  pattern text NOT NULL,
  created_at timestamptz NOT NULL,
  created_by text NOT NULL,
  position bigint NOT NULL
);

-- A group may be bound to an issue before its first report: then nothing is known of it yet.
DO $$
DECLARE
  _schema text;
BEGIN
  FOREACH _schema IN ARRAY ARRAY['projection', 'baseline'] LOOP
    CONTINUE WHEN to_regclass(_schema || '.issue_group') IS NULL;
    EXECUTE format($sql$
      ALTER TABLE %1$I.issue_group
        ALTER COLUMN level DROP NOT NULL,
        ALTER COLUMN first_seen DROP NOT NULL,
        ALTER COLUMN last_seen DROP NOT NULL
    $sql$, _schema);
  END LOOP;
END $$;
