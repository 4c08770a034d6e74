-- name: find_login
-- What a login needs to know of a name, however its letters are cased.
-- username: text
SELECT
  u.id,
  u.username,
  u.password_hash,
  p.role,
  p.must_change_password
FROM account.app_user AS u
JOIN projection.app_user AS p ON p.id = u.id
WHERE lower(u.username) = lower(%(username)s::text)

-- name: list_users
-- Users in the order of their making: one of them, or those behind a cursor.
-- account: uuid or NULL; after: uuid or NULL; row_limit: integer
SELECT
  u.id,
  u.username,
  p.role,
  p.must_change_password,
  p.created_at,
  coalesce(maker.username, p.created_by) AS created_by,
  p.last_login_at
FROM account.app_user AS u
JOIN projection.app_user AS p ON p.id = u.id
LEFT JOIN account.app_user AS maker ON p.created_by = 'user:' || maker.id
WHERE (%(account)s::uuid IS NULL OR u.id = %(account)s::uuid)
  AND (%(after)s::uuid IS NULL OR u.id > %(after)s::uuid)
ORDER BY u.id
LIMIT %(row_limit)s::integer

-- name: create_user
-- Makes an account and says so. Raises a unique violation where the name is taken.
-- account: uuid; username, password_hash: text; facts: jsonb
WITH made AS (
  INSERT INTO account.app_user (id, username, password_hash)
  VALUES (%(account)s::uuid, %(username)s::text, %(password_hash)s::text)
  RETURNING id
)

INSERT INTO log.event (id, type, stream, occurred_at, actor, data)
SELECT f.id, f.type, f.stream, log.recorded_at(), f.actor, f.data
FROM made
CROSS JOIN jsonb_to_recordset(%(facts)s::jsonb) AS f (id uuid, type text, stream uuid, actor text, data jsonb)
RETURNING position

-- name: make_first_account
-- On the very first start, once in the cluster: the first account, and the facts of it and of the first API key.
-- account: uuid; username, password_hash: text; marker: text, the name of the secret that says it is done; facts: jsonb
WITH claimed AS (
  INSERT INTO account.secret (name, value)
  SELECT %(marker)s::text, ''
  WHERE NOT EXISTS (SELECT FROM account.app_user)
  ON CONFLICT (name) DO NOTHING
  RETURNING name
),

made AS (
  INSERT INTO account.app_user (id, username, password_hash)
  SELECT %(account)s::uuid, %(username)s::text, %(password_hash)s::text
  FROM claimed
  RETURNING id
)

INSERT INTO log.event (id, type, stream, service, occurred_at, actor, data)
SELECT f.id, f.type, f.stream, f.service, log.recorded_at(), f.actor, f.data
FROM made
CROSS JOIN
  jsonb_to_recordset(%(facts)s::jsonb)
  AS f (id uuid, type text, stream uuid, service text, actor text, data jsonb)
RETURNING position

-- name: is_unstarted
-- Whether nobody has an account yet.
SELECT NOT EXISTS (SELECT FROM account.app_user)

-- name: unchanged_passwords
-- The hashes of passwords that must be changed at the next login: few, and new.
-- row_limit: integer
SELECT u.password_hash
FROM account.app_user AS u
JOIN projection.app_user AS p ON p.id = u.id
WHERE p.must_change_password AND p.role = 'admin'
ORDER BY u.id
LIMIT %(row_limit)s::integer

-- name: change_user
-- Renames an account or gives it another password, and says so. A new password raises the session version and ends
-- all sessions but one. No row where there is no such account, or its password is not the expected one any more.
-- account: uuid; username, password_hash, expected_hash: text or NULL; kept_session: uuid or NULL; facts: jsonb
WITH changed AS (
  UPDATE account.app_user AS u
  SET
    username = coalesce(%(username)s::text, u.username),
    password_hash = coalesce(%(password_hash)s::text, u.password_hash),
    session_version = u.session_version + (%(password_hash)s::text IS NOT NULL)::integer
  WHERE u.id = %(account)s::uuid
    AND u.password_hash = coalesce(%(expected_hash)s::text, u.password_hash)
  RETURNING u.id, u.session_version
),

ended AS (
  DELETE FROM account.session AS s
  USING changed
  WHERE s.app_user = changed.id
    AND %(password_hash)s::text IS NOT NULL
    AND s.id IS DISTINCT FROM %(kept_session)s::uuid
)

INSERT INTO log.event (id, type, stream, occurred_at, actor, data)
SELECT f.id, f.type, f.stream, log.recorded_at(), f.actor, f.data
FROM changed
CROSS JOIN jsonb_to_recordset(%(facts)s::jsonb) AS f (id uuid, type text, stream uuid, actor text, data jsonb)
RETURNING (SELECT session_version FROM changed) AS session_version, recorded_at

-- name: delete_user
-- Erases an account with its sessions, and says so; no row where there is none.
-- account: uuid; facts: jsonb
WITH erased AS (
  DELETE FROM account.app_user
  WHERE id = %(account)s::uuid
  RETURNING id
)

INSERT INTO log.event (id, type, stream, occurred_at, actor, data)
SELECT f.id, f.type, f.stream, log.recorded_at(), f.actor, f.data
FROM erased
CROSS JOIN jsonb_to_recordset(%(facts)s::jsonb) AS f (id uuid, type text, stream uuid, actor text, data jsonb)
RETURNING position
