-- A text with the parts of its identifiers and paths beside them, for full-text search: "getUserName" is also found by
-- "user", "app/models.py" by "models".
CREATE OR REPLACE FUNCTION log.search_text(text text) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN text || ' ' || regexp_replace(
  regexp_replace(text, '([[:lower:][:digit:]])([[:upper:]])', '\1 \2', 'g'),
  '[^[:alnum:]]+',
  ' ',
  'g'
);
