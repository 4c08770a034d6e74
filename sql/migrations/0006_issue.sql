-- Issues with their whole state: what is folded of their reports, and what people decided.
-- Every table of projection has its twin in baseline; where the twin exists already, it is altered alike.

DO $$
DECLARE
  _schema text;
BEGIN
  FOREACH _schema IN ARRAY ARRAY['projection', 'baseline'] LOOP
    CONTINUE WHEN to_regclass(_schema || '.issue') IS NULL;

    -- Totals over the issue's groups, then the decisions. search is written with the title. While no group has a
    -- report there is no level, and no first or last time: any that stood here would count among the reports'.
    -- A rank grows with its number, in steps of a quarter. It is what is indexed: a report that leaves it as it was
    -- updates the row within its page, and none of the indexes.
    EXECUTE format($sql$
      ALTER TABLE %1$I.issue
        ADD COLUMN substatus text NOT NULL DEFAULT 'new',
        ADD COLUMN type text,
        ADD COLUMN title text,
        ADD COLUMN culprit text,
        ADD COLUMN level text,
        ADD COLUMN first_seen timestamptz,
        ADD COLUMN last_seen timestamptz,
        ADD COLUMN events bigint NOT NULL DEFAULT 0,
        ADD COLUMN users bigint NOT NULL DEFAULT 0,
        ADD COLUMN events_rank integer NOT NULL
          GENERATED ALWAYS AS ((4 * ln(greatest(events, 0) + 1))::integer) STORED,
        ADD COLUMN users_rank integer NOT NULL
          GENERATED ALWAYS AS ((4 * ln(greatest(users, 0) + 1))::integer) STORED,
        ADD COLUMN is_hidden boolean NOT NULL DEFAULT false,
        ADD COLUMN moved_to uuid,
        ADD COLUMN assignee uuid,
        ADD COLUMN resolved_at timestamptz,
        ADD COLUMN resolved_in text,
        ADD COLUMN current_release text,
        ADD COLUMN regressed_at timestamptz,
        ADD COLUMN muted_until timestamptz,
        ADD COLUMN muted_events bigint,
        ADD COLUMN muted_users bigint,
        ADD COLUMN comments integer NOT NULL DEFAULT 0,
        ADD COLUMN search tsvector NOT NULL DEFAULT ''
    $sql$, _schema);

    -- position is that of the first report: the order of an issue's groups. home is the issue that the group opened.
    -- value is what the exception says that the grouping went by, where the title doesn't: for the search.
    EXECUTE format($sql$
      ALTER TABLE %1$I.issue_group
        ADD COLUMN home uuid,
        ADD COLUMN position bigint NOT NULL DEFAULT 0,
        ADD COLUMN value text,
        ADD COLUMN culprit text,
        ADD COLUMN hashes text[] NOT NULL DEFAULT '{}',
        ADD COLUMN users bigint NOT NULL DEFAULT 0
    $sql$, _schema);

    -- Which of a group's hours were of which level and environment, so that whoever takes a group away can
    -- take it out of its service's counts. A database with reports gets them by `avalon rebuild`.
    EXECUTE format($sql$
      ALTER TABLE %1$I.group_hour
        ADD COLUMN level text NOT NULL DEFAULT '',
        ADD COLUMN environment text NOT NULL DEFAULT '',
        DROP CONSTRAINT group_hour_pkey,
        ADD PRIMARY KEY (issue_group, hour, level, environment)
    $sql$, _schema);
  END LOOP;
END $$;

CREATE INDEX issue_last_seen ON projection.issue (last_seen DESC, id DESC) WHERE NOT is_hidden;
CREATE INDEX issue_first_seen ON projection.issue (first_seen DESC, id DESC) WHERE NOT is_hidden;
CREATE INDEX issue_events ON projection.issue (events_rank DESC) WHERE NOT is_hidden;
CREATE INDEX issue_users ON projection.issue (users_rank DESC) WHERE NOT is_hidden;
CREATE INDEX issue_status ON projection.issue (status, last_seen DESC, id DESC) WHERE NOT is_hidden;
CREATE INDEX issue_service ON projection.issue (service, last_seen DESC, id DESC) WHERE NOT is_hidden;
CREATE INDEX issue_assignee ON projection.issue (assignee, last_seen DESC, id DESC) WHERE assignee IS NOT NULL;
CREATE INDEX issue_muted_until ON projection.issue (muted_until) WHERE muted_until IS NOT NULL;
CREATE INDEX issue_search ON projection.issue USING gin (search);
CREATE INDEX issue_group_hashes ON projection.issue_group USING gin (hashes);
CREATE INDEX group_hour_hour ON projection.group_hour (hour);

-- By occurred_at, of reports that came less than a day late: for the alerts' windows and for deletions.
CREATE TABLE projection.group_minute (
  issue_group uuid NOT NULL,
  minute timestamptz NOT NULL,
  level text NOT NULL,
  environment text NOT NULL,
  reports bigint NOT NULL,
  PRIMARY KEY (issue_group, minute, level, environment)
)
WITH (fillfactor = 70);
CREATE INDEX ON projection.group_minute (minute);

-- The first values of each tag of a group; what is beyond the cap is counted in the row that is the overflow.
-- Also environment, release and level, under these names.
CREATE TABLE projection.group_tag (
  issue_group uuid NOT NULL,
  key text COLLATE "C" NOT NULL,
  value text COLLATE "C" NOT NULL,
  is_overflow boolean NOT NULL,
  reports bigint NOT NULL,
  first_seen timestamptz NOT NULL,
  last_seen timestamptz NOT NULL,
  PRIMARY KEY (issue_group, key, value, is_overflow)
)
WITH (fillfactor = 70);
CREATE INDEX ON projection.group_tag (key, value) INCLUDE (issue_group);

-- Who ever met the errors of a group: the first 8 bytes of the MD5 of the user's id, never the id. A report that is
-- deleted takes nobody out, because it is not known who has others. There is no salt: it would have to stand in this
-- database, beside the hashes that it protects, and outside the log, which alone must be enough to fold them again.
CREATE TABLE projection.group_user (
  issue_group uuid NOT NULL,
  user_hash bigint NOT NULL,
  PRIMARY KEY (issue_group, user_hash)
);
CREATE INDEX ON projection.group_user (user_hash, issue_group);

CREATE TABLE projection.release (
  service text NOT NULL,
  version text NOT NULL,
  sort_key text COLLATE "C",
  first_seen timestamptz NOT NULL,
  last_seen timestamptz NOT NULL,
  reports bigint NOT NULL,
  PRIMARY KEY (service, version)
)
WITH (fillfactor = 70);

-- Reports of a group up to a position went with their issue; the group's rows stand under the name tomb.
CREATE TABLE projection.group_erasure (
  position bigint NOT NULL,
  issue_group uuid NOT NULL,
  tomb uuid NOT NULL,
  issue uuid NOT NULL,
  PRIMARY KEY (issue_group, position)
);
CREATE INDEX ON projection.group_erasure (issue);

CREATE TABLE projection.issue_comment (
  id uuid PRIMARY KEY,
  issue uuid NOT NULL,
  author text NOT NULL,
  text text NOT NULL,
  commented_at timestamptz NOT NULL,
  position bigint NOT NULL
);
CREATE INDEX ON projection.issue_comment (issue, position);

-- New issues that the reports of a key opened in an hour of the log, for their cap.
ALTER TABLE projection.api_key_hour ADD COLUMN issues bigint NOT NULL DEFAULT 0;
DO $$
BEGIN
  IF to_regclass('baseline.api_key_hour') IS NOT NULL THEN
    ALTER TABLE baseline.api_key_hour ADD COLUMN issues bigint NOT NULL DEFAULT 0;
  END IF;
END $$;

-- Facts by the action that they belong to, and moves of groups by the issue that lost them.
CREATE INDEX fact_action ON log.fact ((data ->> 'action')) WHERE data ? 'action';
CREATE INDEX fact_moved_from ON log.fact ((data ->> 'from'), position) WHERE type = 'issue.groups_moved';

-- Room in their pages for the next counts: a row that stays in its page needs no new entry in an index.
ALTER TABLE projection.issue SET (fillfactor = 70);
ALTER TABLE projection.issue_group SET (fillfactor = 70);
ALTER TABLE projection.group_hour SET (fillfactor = 70);
