-- Takes from everybody what Postgres gives to everybody, and what somebody gave by mistake: who may do what stands in
-- privileges.sql and reporting_privileges.sql. Applied by every migrate, whatever logins there are.

REVOKE ALL ON SCHEMA log, projection, baseline, account, runtime, source_map, reporting FROM PUBLIC;
REVOKE ALL ON ALL TABLES IN SCHEMA log, projection, baseline, account, runtime, source_map, reporting FROM PUBLIC;
REVOKE ALL ON ALL SEQUENCES IN SCHEMA log FROM PUBLIC;
REVOKE ALL ON ALL FUNCTIONS IN SCHEMA log, projection, reporting FROM PUBLIC;
