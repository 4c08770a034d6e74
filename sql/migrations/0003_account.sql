-- What must be erasable, and therefore stands outside the log: names, password hashes, sessions, secrets.

CREATE SCHEMA account;
COMMENT ON SCHEMA account IS 'Secrets and personal data in plain tables; the log says only that they changed and who did it';

CREATE TABLE account.app_user (
  id uuid PRIMARY KEY,
  username text NOT NULL,
  password_hash text NOT NULL,
  session_version integer NOT NULL DEFAULT 1
);
CREATE UNIQUE INDEX app_user_username ON account.app_user (lower(username));

CREATE TABLE account.session (
  id uuid PRIMARY KEY,
  app_user uuid NOT NULL REFERENCES account.app_user ON DELETE CASCADE,
  created_at timestamptz NOT NULL DEFAULT now(),
  expires_at timestamptz NOT NULL,
  user_agent text NOT NULL,
  address text NOT NULL
);
CREATE INDEX ON account.session (app_user);

CREATE TABLE account.secret (
  name text PRIMARY KEY,
  value bytea NOT NULL
);

CREATE TABLE account.sink_secret (
  sink uuid PRIMARY KEY,
  url text NOT NULL
);
