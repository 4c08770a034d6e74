-- How severe a level is, from 1.
CREATE OR REPLACE FUNCTION log.severity(level text) RETURNS integer
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN array_position('{debug,info,warning,error,fatal,critical}'::text[], level);
