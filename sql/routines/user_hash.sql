-- Who met an error, without saying who: the first 8 bytes of the MD5 of the first of the user's names that is not
-- empty. NULL where a report names nobody.
CREATE OR REPLACE FUNCTION log.user_hash(data jsonb) RETURNS bigint
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN (
  'x' || left(
    md5(
      coalesce(
        nullif(data #>> '{user,id}', ''),
        nullif(data #>> '{user,email}', ''),
        nullif(data #>> '{user,username}', ''),
        nullif(data #>> '{user,ip_address}', '')
      )
    ),
    16
  )
)::bit(64)::bigint;
