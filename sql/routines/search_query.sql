-- What to look for in a vector of log.search_text: the parts of these words one behind the other, the last of
-- them also as the beginning of a longer one. A text without a word finds nothing.
CREATE OR REPLACE FUNCTION log.search_query(_words text, _is_prefix boolean) RETURNS tsquery
LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $$
  SELECT to_tsquery(
    'simple',
    replace(quote_literal(trim(log.search_parts(_words))), ' ', ''' <-> ''') || CASE WHEN _is_prefix THEN ':*' ELSE '' END
  )
$$;
