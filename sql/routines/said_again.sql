-- The data of the fact that brings a deleted comment back as it was; NULL where its words were purged.
CREATE OR REPLACE FUNCTION log.said_again(issue uuid, data jsonb) RETURNS jsonb
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
SET timezone = 'UTC'
AS $$
  SELECT jsonb_build_object(
    'comment', f.data -> 'comment',
    'text', f.data -> 'text',
    'author', coalesce(f.data ->> 'author', f.actor),
    'commented_at', coalesce((f.data ->> 'commented_at')::timestamptz, f.occurred_at),
    'position', coalesce((f.data ->> 'position')::bigint, f.position)
  ) || jsonb_strip_nulls(jsonb_build_object('name', f.data -> 'name', 'email', f.data -> 'email', 'report', f.data -> 'report'))
  FROM log.fact AS f
  WHERE f.stream = issue
    AND f.type = 'issue.commented'
    AND f.data -> 'comment' = said_again.data -> 'comment'
    AND f.data ? 'text'
  ORDER BY f.position
  LIMIT 1
$$;
