-- A text as words for the full-text search: identifiers in camelCase and snake_case, paths and dotted names
-- fall into their parts, in their order, so that phrases fit. Behind them stand the identifiers whole, for
-- people who write them in small letters. Letters of every script are kept; what is neither letter nor digit
-- is a gap.
CREATE OR REPLACE FUNCTION log.search_text(_text text) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $$
  SELECT concat_ws(
    ' ',
    log.search_parts(_text),
    (
      SELECT string_agg(DISTINCT lower(replace(whole[1], '_', '')), ' ')
      FROM regexp_matches(_text, '\m([A-Za-z0-9_]*(?:[a-z0-9][A-Z]|[A-Z][A-Z][a-z]|[A-Za-z0-9]_[A-Za-z0-9])[A-Za-z0-9_]*)', 'g')
        AS found (whole)
    )
  )
$$;
