-- The append-only log: one event table, partitioned by type, reports again by day of recorded_at (UTC).

CREATE SCHEMA log;
COMMENT ON SCHEMA log IS 'The append-only event log: the only source of truth';

-- The last recorded_at in microseconds. A sequence, because an UPDATE per append would leave a dead row each.
CREATE SEQUENCE log.clock AS bigint MINVALUE 0 START 0;

-- What the lock's holder read on the clock; every row of one statement carries the same instant.
CREATE FUNCTION log.recorded_at() RETURNS timestamptz
LANGUAGE sql STABLE
AS $$ SELECT current_setting('avalon.recorded_at')::timestamptz $$;

CREATE TABLE log.event (
  position bigint GENERATED ALWAYS AS IDENTITY,
  id uuid NOT NULL,
  type text NOT NULL,
  stream uuid NOT NULL,
  service text,
  level text,
  environment text,
  release text,
  occurred_at timestamptz NOT NULL,
  recorded_at timestamptz NOT NULL DEFAULT log.recorded_at(),
  actor text NOT NULL,
  data jsonb NOT NULL,
  CONSTRAINT occurred_at_is_clamped CHECK (
    occurred_at >= '2000-01-01 00:00:00+00' AND occurred_at <= recorded_at + interval '1 minute'
  ),
  CONSTRAINT type_is_dotted CHECK (type ~ '^[a-z_]+\.[a-z_]+$')
) PARTITION BY LIST (type);

CREATE TABLE log.report
PARTITION OF log.event (
  CONSTRAINT report_has_a_service CHECK (service IS NOT NULL),
  CONSTRAINT report_has_a_level CHECK (level IN ('debug', 'info', 'warning', 'error', 'fatal', 'critical'))
)
FOR VALUES IN ('error.reported')
PARTITION BY RANGE (recorded_at);

CREATE TABLE log.fact PARTITION OF log.event DEFAULT;

CREATE INDEX report_position ON log.report (position);
CREATE INDEX report_occurred_at ON log.report (occurred_at, position);
CREATE INDEX report_service ON log.report (service, occurred_at, position);
CREATE INDEX report_stream ON log.report (stream, occurred_at, position);
-- Rare levels are what people filter by; plain errors are most of the log and need no index to be found.
CREATE INDEX report_level ON log.report (level, occurred_at, position) WHERE level <> 'error';

CREATE UNIQUE INDEX fact_id ON log.fact (id);
CREATE INDEX fact_position ON log.fact (position);
CREATE INDEX fact_stream ON log.fact (stream, position);
CREATE INDEX fact_type ON log.fact (type, position);

-- lz4 halves the cost of large reports; not every build has it, and pglz is then what there is.
DO $$
BEGIN
  ALTER TABLE log.report ALTER COLUMN data SET COMPRESSION lz4;
  ALTER TABLE log.fact ALTER COLUMN data SET COMPRESSION lz4;
EXCEPTION
  WHEN feature_not_supported OR invalid_parameter_value OR undefined_object THEN NULL;
END $$;

COMMENT ON COLUMN log.event.position IS 'Order of the log = order of commits. Gaps are dead: nothing ever appears in them';
COMMENT ON COLUMN log.event.id IS 'The event''s own name, given by the writer; the same id of the same service is the same event';
COMMENT ON COLUMN log.event.stream IS 'What it happened to: key, user, sink, issue; for a report its group';
COMMENT ON COLUMN log.event.occurred_at IS 'The client''s clock, at most one minute ahead of recorded_at';
COMMENT ON COLUMN log.event.recorded_at IS 'Our clock, read under the lock, never less than the one before';
COMMENT ON COLUMN log.event.actor IS 'key:<id>, user:<id>, policy:<name> or system; never a name or an address';
