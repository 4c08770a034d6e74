-- The words of a report that a search looks through: its message, its stack, what its exceptions are and say, and where
-- they were raised.
CREATE OR REPLACE FUNCTION log.report_text(data jsonb) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN coalesce(data ->> 'message', '')
  || chr(10) || coalesce(data ->> 'stack', '')
  || chr(10) || coalesce(data #>> '{grouping,value}', '')
  || CASE
    WHEN data ? 'exceptions' THEN
      jsonb_path_query_array(
        data,
        '$.exceptions[*] ? (@.type() == "object").keyvalue() ? (@.key == "type" || @.key == "value").value'
      )::text
      || jsonb_path_query_array(
        data,
        '$.exceptions[*].frames[*] ? (@.type() == "object").keyvalue()
          ? (@.key == "function" || @.key == "module" || @.key == "filename").value'
      )::text
    ELSE ''
  END;
