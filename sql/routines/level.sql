-- The level of a severity: what log.severity undoes.
CREATE OR REPLACE FUNCTION log.level(severity integer) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN ('{debug,info,warning,error,fatal,critical}'::text[])[severity];
