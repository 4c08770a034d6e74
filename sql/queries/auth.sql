-- name: secret
-- A secret that all replicas share.
-- secret_name: text
SELECT value
FROM account.secret
WHERE name = %(secret_name)s::text

-- name: make_secret
-- Keeps a secret, unless another replica was faster.
-- secret_name: text; value: bytea
INSERT INTO account.secret (name, value)
VALUES (%(secret_name)s::text, %(value)s::bytea)
ON CONFLICT (name) DO NOTHING

-- name: count_attempt
-- Counts an attempt before it is tried; gives a row if it may be tried, none if its subject has to wait.
-- subject: text; free: integer, so many may fail before anybody waits; base_s, longest_s: float, the first and the
-- longest wait; window_s: float, after so long the count begins again
INSERT INTO runtime.login_attempt AS a (subject, failures, last_failed_at, blocked_until)
VALUES (%(subject)s::text, 1, clock_timestamp(), '-infinity')
ON CONFLICT (subject) DO UPDATE
SET
  failures =
    CASE
      WHEN a.last_failed_at < clock_timestamp() - %(window_s)s::float * interval '1 second' THEN 1
      ELSE a.failures + 1
    END,
  last_failed_at = clock_timestamp(),
  blocked_until =
    CASE
      WHEN a.last_failed_at < clock_timestamp() - %(window_s)s::float * interval '1 second' THEN '-infinity'
      WHEN a.failures + 1 < %(free)s::integer THEN '-infinity'
      ELSE
        clock_timestamp()
        + interval '1 second'
        * least(%(longest_s)s::float, %(base_s)s::float * 2 ^ least(a.failures + 1 - %(free)s::integer, 30))
    END
WHERE a.blocked_until <= clock_timestamp()
RETURNING failures

-- name: wait_s
-- For how long a subject has to wait yet, in seconds.
-- subject: text
SELECT extract(epoch FROM greatest(blocked_until, clock_timestamp()) - clock_timestamp())::float
FROM runtime.login_attempt
WHERE subject = %(subject)s::text

-- name: forget_attempts
-- After a success: the account's failures are forgotten, and so is what nobody has touched for a day.
-- subject: text
DELETE FROM runtime.login_attempt
WHERE subject = %(subject)s::text OR last_failed_at < clock_timestamp() - interval '1 day'

-- name: return_attempt
-- After a success: the address gets the one attempt back, and keeps its other failures.
-- subject: text
UPDATE runtime.login_attempt
SET failures = greatest(failures - 1, 0), blocked_until = '-infinity'
WHERE subject = %(subject)s::text

-- name: start_session
-- Starts a session, clears away the user's expired ones, and says so; no row if the password has changed meanwhile.
-- account: uuid; password_hash: text, that was verified; session: uuid; user_agent, address: text; facts: jsonb
WITH holder AS (
  SELECT u.id, u.session_version
  FROM account.app_user AS u
  WHERE u.id = %(account)s::uuid AND u.password_hash = %(password_hash)s::text
),

expired AS (
  DELETE FROM account.session AS s
  USING holder
  WHERE s.app_user = holder.id AND s.expires_at <= now()
),

started AS (
  INSERT INTO account.session (id, app_user, created_at, expires_at, user_agent, address)
  SELECT
    %(session)s::uuid,
    holder.id,
    now(),
    now() + interval '24 hours',
    %(user_agent)s::text,
    %(address)s::text
  FROM holder
  RETURNING created_at, expires_at
)

INSERT INTO log.event (id, type, stream, occurred_at, actor, data)
SELECT f.id, f.type, f.stream, log.recorded_at(), f.actor, f.data
FROM started
CROSS JOIN jsonb_to_recordset(%(facts)s::jsonb) AS f (id uuid, type text, stream uuid, actor text, data jsonb)
RETURNING
  (SELECT session_version FROM holder) AS session_version,
  (SELECT created_at FROM started) AS created_at,
  (SELECT expires_at FROM started) AS expires_at

-- name: find_session
-- A session that stands, and whose it is.
-- session: uuid
SELECT
  s.id AS session,
  u.id AS user_id,
  u.username,
  u.session_version,
  p.role,
  p.must_change_password,
  s.expires_at,
  extract(epoch FROM s.expires_at - clock_timestamp())::float AS remaining_s
FROM account.session AS s
JOIN account.app_user AS u ON u.id = s.app_user
JOIN projection.app_user AS p ON p.id = u.id
WHERE s.id = %(session)s::uuid AND s.expires_at > clock_timestamp()

-- name: list_sessions
-- The sessions of one user that stand, newest first.
-- account: uuid; row_limit: integer
SELECT id, created_at, expires_at, user_agent, address
FROM account.session
WHERE app_user = %(account)s::uuid AND expires_at > clock_timestamp()
ORDER BY created_at DESC, id DESC
LIMIT %(row_limit)s::integer

-- name: end_session
-- Ends one session of a user and says so; no row if there is none.
-- account, session: uuid; facts: jsonb
WITH ended AS (
  DELETE FROM account.session
  WHERE id = %(session)s::uuid AND app_user = %(account)s::uuid
  RETURNING id
)

INSERT INTO log.event (id, type, stream, occurred_at, actor, data)
SELECT f.id, f.type, f.stream, log.recorded_at(), f.actor, f.data
FROM ended
CROSS JOIN jsonb_to_recordset(%(facts)s::jsonb) AS f (id uuid, type text, stream uuid, actor text, data jsonb)
RETURNING position

-- name: end_other_sessions
-- Ends all sessions of a user but one, with a fact for each.
-- account, kept_session: uuid; actor: text
WITH ended AS (
  DELETE FROM account.session
  WHERE app_user = %(account)s::uuid AND id <> %(kept_session)s::uuid
  RETURNING id, app_user
)

INSERT INTO log.event (id, type, stream, occurred_at, actor, data)
SELECT
  gen_random_uuid(),
  'session.ended',
  ended.app_user,
  log.recorded_at(),
  %(actor)s::text,
  jsonb_build_object('session', ended.id)
FROM ended
RETURNING position
