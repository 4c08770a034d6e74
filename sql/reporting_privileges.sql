-- What the login avalon_reporting may do in this database. Applied by every migrate, because roles belong to the
-- cluster, and another database of Avalon's there has the same. Views read with their owner's rights.

REVOKE ALL ON SCHEMA log, projection, baseline, account, runtime, reporting FROM avalon_reporting;
REVOKE ALL ON ALL TABLES IN SCHEMA log, projection, baseline, account, runtime, reporting FROM avalon_reporting;
REVOKE ALL ON ALL SEQUENCES IN SCHEMA log FROM avalon_reporting;
REVOKE ALL ON ALL FUNCTIONS IN SCHEMA log, projection, reporting FROM avalon_reporting;

GRANT USAGE ON SCHEMA reporting TO avalon_reporting;
GRANT SELECT ON ALL TABLES IN SCHEMA reporting TO avalon_reporting;

-- What everybody may do in a database by default: temporary tables, and before Postgres 15 tables in public.
-- Avalon's database is its own. Who owns it can take that back; who does not gets a warning, not an error.
DO $$
BEGIN
  IF NOT has_database_privilege('avalon_reporting', current_database(), 'CONNECT') THEN
    EXECUTE format('GRANT CONNECT ON DATABASE %I TO avalon_reporting', current_database());
  END IF;
  EXECUTE format('REVOKE TEMPORARY ON DATABASE %I FROM PUBLIC', current_database());
  IF to_regnamespace('public') IS NOT NULL THEN
    REVOKE CREATE ON SCHEMA public FROM PUBLIC;
  END IF;
EXCEPTION
  WHEN insufficient_privilege THEN NULL;
END $$;
