-- The first 8 bytes of the MD5 of a tag's key, or of its key and value, in hex.
CREATE OR REPLACE FUNCTION log.tag_hash(key text, value text DEFAULT NULL) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN left(md5(key || coalesce(chr(31) || value, '')), 16);
