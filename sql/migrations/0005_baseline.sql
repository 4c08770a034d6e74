-- The projections as they stood at a sealed position. Nothing before it is ever replayed, and whatever
-- destroys payload seals past it first. Its tables are made LIKE those of projection by avalon.migrations.

CREATE SCHEMA baseline;
COMMENT ON SCHEMA baseline IS 'The projections as of a sealed position: where rebuild and verify start';

CREATE TABLE baseline.sealed (
  is_only boolean PRIMARY KEY DEFAULT true CHECK (is_only),
  position bigint NOT NULL,
  recorded_at timestamptz NOT NULL
);
INSERT INTO baseline.sealed (position, recorded_at) VALUES (0, '2000-01-01 00:00:00+00');
