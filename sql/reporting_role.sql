-- The login that reads schema reporting and nothing else. `avalon migrate` makes it where the owner may make
-- roles; elsewhere an administrator runs this once, and then `avalon migrate` again, which gives it its rights.
-- It has no password, and so nobody can use it from outside, until somebody sets one: \password avalon_reporting
-- A login of its own, and not a group: settings of a role do not go over to its members. They keep accidents
-- small and can be undone by who is logged in; what guards the rest of the database are the missing grants.

CREATE ROLE avalon_reporting LOGIN CONNECTION LIMIT 20;
ALTER ROLE avalon_reporting SET default_transaction_read_only = 'on';
ALTER ROLE avalon_reporting SET statement_timeout = '30s';
-- A snapshot that stays open keeps vacuum from its work.
ALTER ROLE avalon_reporting SET idle_in_transaction_session_timeout = '30s';
-- So that \d shows the views, and their names need no schema.
ALTER ROLE avalon_reporting SET search_path = reporting;
-- Days are UTC days everywhere in Avalon.
ALTER ROLE avalon_reporting SET timezone = 'UTC';
