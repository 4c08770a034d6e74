-- The tags of a report: the client's own, and its environment, release and level, whose names nobody else may take.
CREATE OR REPLACE FUNCTION log.tags(environment text, release text, level text, data jsonb)
RETURNS TABLE (key text, value text)
LANGUAGE sql IMMUTABLE PARALLEL SAFE ROWS 8
AS $$
  SELECT t.key, left(t.value, 200)
  FROM jsonb_each_text(CASE WHEN jsonb_typeof(data -> 'tags') = 'object' THEN data -> 'tags' END) AS t
  WHERE t.key NOT IN ('', 'environment', 'release', 'level') AND t.value IS NOT NULL
  UNION ALL
  SELECT own.key, own.value
  FROM (VALUES ('environment', environment), ('release', release), ('level', level)) AS own (key, value)
  WHERE own.value IS NOT NULL
$$;
