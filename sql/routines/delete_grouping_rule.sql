-- Appends that a rule of the grouping ends; what it has brought together stays. AV404 where there is none.
CREATE OR REPLACE FUNCTION log.delete_grouping_rule(id uuid, actor text, action uuid) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
  PERFORM pg_advisory_xact_lock(4711);

  INSERT INTO log.event (id, type, stream, service, occurred_at, actor, data)
  SELECT
    gen_random_uuid(),
    'grouping_rule.deleted',
    r.id,
    r.service,
    log.recorded_at(),
    delete_grouping_rule.actor,
    jsonb_build_object('action', action) || log.rule_data(r)
  FROM projection.grouping_rule AS r
  WHERE r.id = delete_grouping_rule.id;
  IF NOT FOUND THEN
    RAISE EXCEPTION 'there is no such rule' USING ERRCODE = 'AV404';
  END IF;
END $$;
