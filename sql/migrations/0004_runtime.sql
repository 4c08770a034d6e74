-- What replicas share and may lose: leases, checkpoints, login attempts.
-- (Schema runtime itself stands already: the record of migrations lives in it.)

CREATE TABLE runtime.subscription (
  sink uuid PRIMARY KEY,
  position bigint NOT NULL,
  recorded_at timestamptz NOT NULL,
  state jsonb NOT NULL DEFAULT '{}',
  owner text,
  token bigint NOT NULL DEFAULT 0,
  lease_until timestamptz NOT NULL DEFAULT '-infinity'
);
COMMENT ON COLUMN runtime.subscription.token IS 'Fencing token: raised by every new owner; a write with an older one changes nothing';
COMMENT ON COLUMN runtime.subscription.state IS 'What is held back and when messages went out, saved with the checkpoint';

CREATE TABLE runtime.login_attempt (
  subject text PRIMARY KEY,
  failures integer NOT NULL,
  last_failed_at timestamptz NOT NULL,
  blocked_until timestamptz NOT NULL
);
COMMENT ON COLUMN runtime.login_attempt.subject IS 'account:<sha256 of the name> or address:<ip>';
