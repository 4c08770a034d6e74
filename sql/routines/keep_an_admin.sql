-- Refuses, at the commit, whatever would leave accounts and no admin among them. The log's lock is held until
-- then, so of two that go at once the second sees what the first has done.
CREATE OR REPLACE FUNCTION log.keep_an_admin() RETURNS trigger
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
  IF NOT EXISTS (SELECT FROM projection.app_user WHERE role = 'admin') THEN
    RAISE EXCEPTION 'the last admin can be neither deleted nor demoted' USING ERRCODE = 'restrict_violation';
  END IF;

  RETURN NULL;
END $$;
