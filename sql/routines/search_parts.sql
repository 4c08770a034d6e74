-- The parts of a text, in small letters with blanks between them: getHTTPServer/user_id is get http server user id.
CREATE OR REPLACE FUNCTION log.search_parts(_text text) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $$
  SELECT lower(
    regexp_replace(
      regexp_replace(
        regexp_replace(_text, '([a-z0-9])([A-Z])', '\1 \2', 'g'),
        '([A-Z])([A-Z][a-z])', '\1 \2', 'g'
      ),
      '[\u0001-\u002f\u003a-\u0040\u005b-\u0060\u007b-\u00a9\u00ab-\u00b1\u00b6-\u00b8\u00bb\u00bf'
        || '\u2000-\u206f\u3000-\u3004\u3008-\u3020]+',
      ' ', 'g'
    )
  )
$$;
