-- A rule of the grouping as the fact of its deletion keeps it, so that it can be brought back as it was.
CREATE OR REPLACE FUNCTION log.rule_data(rule projection.grouping_rule) RETURNS jsonb
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
SET timezone = 'UTC'
AS $$
  SELECT to_jsonb(rule) - 'id' - 'service'
$$;
