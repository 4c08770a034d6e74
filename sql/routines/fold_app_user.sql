-- Users as the log knows them: ids and roles. Names and passwords stand in schema account.
CREATE OR REPLACE FUNCTION log.fold_app_user() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = projection, pg_catalog, pg_temp
AS $$
DECLARE
  _fact record;
BEGIN
  IF (SELECT type FROM fresh LIMIT 1) = 'error.reported' THEN
    RETURN NULL;
  END IF;

  FOR _fact IN SELECT * FROM fresh WHERE type LIKE 'user.%' OR type = 'session.started' ORDER BY position LOOP
    CASE _fact.type
      WHEN 'user.created' THEN
        INSERT INTO app_user (id, role, must_change_password, created_at, created_by, position)
        VALUES (
          _fact.stream,
          _fact.data ->> 'role',
          (_fact.data ->> 'must_change_password')::boolean,
          _fact.recorded_at,
          _fact.actor,
          _fact.position
        );
      WHEN 'user.changed' THEN
        UPDATE app_user
        SET role = coalesce(_fact.data ->> 'role', role), position = _fact.position
        WHERE id = _fact.stream;
      WHEN 'user.password_changed' THEN
        UPDATE app_user
        SET must_change_password = (_fact.data ->> 'must_change_password')::boolean, position = _fact.position
        WHERE id = _fact.stream;
      WHEN 'user.deleted' THEN
        DELETE FROM app_user WHERE id = _fact.stream;
      WHEN 'session.started' THEN
        UPDATE app_user SET last_login_at = _fact.recorded_at WHERE id = _fact.stream;
      ELSE
        NULL;
    END CASE;
  END LOOP;

  RETURN NULL;
END $$;
