-- name: has_role
-- Whether the cluster has the login of schema reporting.
SELECT EXISTS (SELECT FROM pg_roles WHERE rolname = 'avalon_reporting')

-- name: may_create
-- Whether that login may make tables in this database, of whatever kind.
SELECT
  has_database_privilege('avalon_reporting', current_database(), 'CREATE, TEMPORARY')
  OR EXISTS (SELECT FROM pg_namespace WHERE has_schema_privilege('avalon_reporting', oid, 'CREATE'))
