-- What the service's login may do. Applied by every migrate, because roles are not part of a dump.
-- psql -v service=avalon_app -f privileges.sql

REVOKE ALL ON ALL TABLES IN SCHEMA log, projection, baseline, account, runtime, source_map FROM :"service";

GRANT USAGE ON SCHEMA log, projection, baseline, account, runtime, source_map TO :"service";

-- Through the parent only, and neither position nor recorded_at.
GRANT SELECT ON log.event TO :"service";
GRANT INSERT (id, type, stream, service, level, environment, release, occurred_at, actor, data)
ON log.event TO :"service";
GRANT EXECUTE ON FUNCTION
  log.recorded_at(), log.start_epoch(), log.tags(text, text, text, jsonb), log.tag_hash(text, text), log.user_hash(jsonb),
  log.search_parts(text), log.search_text(text), log.search_query(text, boolean),
  log.overflow_issue(text), log.moved_to(uuid), log.report_text(jsonb)
TO :"service";
-- What people do with issues: these take the log's lock, look, and append.
GRANT EXECUTE ON FUNCTION
  log.change_issues(uuid[], jsonb, text, uuid, bigint, boolean),
  log.merge_issues(uuid, uuid[], text, uuid),
  log.unmerge_issue(uuid, uuid[], text, uuid),
  log.regroup(jsonb, uuid, text, jsonb, text, uuid),
  log.delete_grouping_rule(uuid, text, uuid),
  log.undo(uuid, text, boolean, uuid, integer, bigint[]),
  log.add_feedback(bigint, timestamptz, text, uuid, text, jsonb, integer),
  log.unmute_due()
TO :"service";

GRANT SELECT ON ALL TABLES IN SCHEMA projection TO :"service";
GRANT SELECT ON baseline.sealed TO :"service";
GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA account, source_map TO :"service";
GRANT SELECT ON ALL TABLES IN SCHEMA runtime TO :"service";
GRANT INSERT, UPDATE, DELETE ON runtime.subscription, runtime.login_attempt TO :"service";
