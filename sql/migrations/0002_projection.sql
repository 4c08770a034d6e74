-- What the dashboard reads. All of it is folded from the log and can be dropped and made again.

CREATE SCHEMA projection;
COMMENT ON SCHEMA projection IS 'Folded from log.event by the functions log.fold_*; avalon rebuild makes it again';

CREATE TABLE projection.service (
  name text PRIMARY KEY,
  first_seen timestamptz NOT NULL,
  last_seen timestamptz NOT NULL
);

CREATE TABLE projection.hour_count (
  service text NOT NULL,
  hour timestamptz NOT NULL,
  level text NOT NULL,
  environment text NOT NULL,
  reports bigint NOT NULL,
  PRIMARY KEY (service, hour, level, environment)
);
CREATE INDEX ON projection.hour_count (hour);

CREATE TABLE projection.minute_count (
  service text NOT NULL,
  minute timestamptz NOT NULL,
  level text NOT NULL,
  environment text NOT NULL,
  reports bigint NOT NULL,
  PRIMARY KEY (service, minute, level, environment)
);
CREATE INDEX ON projection.minute_count (minute);

CREATE TABLE projection.issue (
  id uuid PRIMARY KEY,
  service text NOT NULL,
  status text NOT NULL DEFAULT 'unresolved',
  opened_at timestamptz NOT NULL,
  position bigint NOT NULL
);

-- title_of is the report that gave the title, so that deleting that report takes its words away.
CREATE TABLE projection.issue_group (
  id uuid PRIMARY KEY,
  issue uuid,
  service text NOT NULL,
  type text,
  title text,
  title_of uuid,
  level text NOT NULL,
  first_seen timestamptz NOT NULL,
  last_seen timestamptz NOT NULL,
  reports bigint NOT NULL
);
CREATE INDEX ON projection.issue_group (issue);
CREATE INDEX ON projection.issue_group (service);

CREATE TABLE projection.group_hour (
  issue_group uuid NOT NULL,
  hour timestamptz NOT NULL,
  reports bigint NOT NULL,
  PRIMARY KEY (issue_group, hour)
);

CREATE TABLE projection.api_key (
  id uuid PRIMARY KEY,
  name text NOT NULL,
  service text NOT NULL,
  is_active boolean NOT NULL,
  expires_at timestamptz,
  rate_per_minute integer,
  allowed_origins text[] NOT NULL,
  created_at timestamptz NOT NULL,
  created_by text NOT NULL,
  last_used_at timestamptz,
  position bigint NOT NULL
);

-- A key has one secret; during a rotation's overlap, two.
CREATE TABLE projection.api_key_secret (
  sha256 bytea PRIMARY KEY,
  api_key uuid NOT NULL,
  prefix text NOT NULL,
  created_at timestamptz NOT NULL,
  expires_at timestamptz
);
CREATE INDEX ON projection.api_key_secret (api_key);

CREATE TABLE projection.api_key_hour (
  api_key uuid NOT NULL,
  hour timestamptz NOT NULL,
  reports bigint NOT NULL,
  PRIMARY KEY (api_key, hour)
);

-- By recorded_at, and only of keys that have a rate: clients' clocks can't forge it.
CREATE TABLE projection.api_key_minute (
  api_key uuid NOT NULL,
  minute timestamptz NOT NULL,
  reports bigint NOT NULL,
  PRIMARY KEY (api_key, minute)
);

CREATE TABLE projection.app_user (
  id uuid PRIMARY KEY,
  role text NOT NULL,
  must_change_password boolean NOT NULL,
  created_at timestamptz NOT NULL,
  created_by text NOT NULL,
  last_login_at timestamptz,
  position bigint NOT NULL
);

CREATE TABLE projection.sink (
  id uuid PRIMARY KEY,
  kind text NOT NULL,
  name text NOT NULL,
  is_active boolean NOT NULL,
  levels text[] NOT NULL,
  switched_off_reason text,
  delivered bigint NOT NULL DEFAULT 0,
  suppressed bigint NOT NULL DEFAULT 0,
  failed bigint NOT NULL DEFAULT 0,
  last_delivered_at timestamptz,
  last_failed_at timestamptz,
  last_error text,
  created_at timestamptz NOT NULL,
  created_by text NOT NULL,
  position bigint NOT NULL
);

-- By position, not by id: a retry over midnight may stand twice, and each is deleted by itself.
CREATE TABLE projection.deleted_report (
  position bigint PRIMARY KEY,
  recorded_at timestamptz NOT NULL
);

-- Hides the reports of a service up to a position, all of them or those that occurred before an instant.
CREATE TABLE projection.erasure (
  position bigint PRIMARY KEY,
  service text NOT NULL,
  before timestamptz NOT NULL
);
CREATE INDEX ON projection.erasure (service);

CREATE TABLE projection.expired_day (
  day date PRIMARY KEY,
  last_position bigint NOT NULL,
  reports bigint NOT NULL
);

-- One row a timeline of this database; positions between previous_head and position belong to a lost one.
CREATE TABLE projection.epoch (
  position bigint PRIMARY KEY,
  previous_head bigint NOT NULL,
  system_identifier text NOT NULL,
  timeline integer NOT NULL
);
