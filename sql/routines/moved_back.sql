-- The data of the move that takes a move of groups to an issue back.
CREATE OR REPLACE FUNCTION log.moved_back(issue uuid, data jsonb) RETURNS jsonb
LANGUAGE sql IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $$
  SELECT jsonb_build_object('kind', 'undo', 'from', issue, 'groups', data -> 'groups')
    || CASE
      WHEN data ? 'home' THEN jsonb_build_object('home', data -> 'home_before', 'home_before', data -> 'home')
      ELSE '{}'
    END
$$;
