-- What people who use a program say of its errors, and what was not taken of what their programs sent.

-- A comment by the user of a program: what they gave as their name and address, and the report that it is about.
DO $$
DECLARE
  _schema text;
BEGIN
  FOREACH _schema IN ARRAY ARRAY['projection', 'baseline'] LOOP
    CONTINUE WHEN to_regclass(_schema || '.issue_comment') IS NULL;
    EXECUTE format($sql$
      ALTER TABLE %1$I.issue_comment
        ADD COLUMN name text,
        ADD COLUMN email text,
        ADD COLUMN report uuid
    $sql$, _schema);
  END LOOP;
END $$;

-- dropped_by: sdk or avalon. By the time at which the log heard of it.
CREATE TABLE projection.drop_hour (
  service text NOT NULL,
  hour timestamptz NOT NULL,
  dropped_by text NOT NULL,
  category text NOT NULL,
  reason text NOT NULL,
  quantity bigint NOT NULL,
  last_at timestamptz NOT NULL,
  PRIMARY KEY (service, hour, dropped_by, category, reason)
)
WITH (fillfactor = 70);
CREATE INDEX ON projection.drop_hour (hour);
