-- A text that sorts (COLLATE "C") as the release does: semantic versions (semver.org, §11) with any number of parts up
-- to six, with or without "v", a package ("web@1.2.3") and a build ("+7"), and dates (2026-11-02, 2026.11.2). NULL for
-- what is no version, a hash for instance: then the order in which releases were first seen decides.
-- A number is 3 and 20 digits, the end of the numbers 2, or 1 where a prerelease follows, so 1.2-rc < 1.2 < 1.2.1-rc.
CREATE OR REPLACE FUNCTION log.release_key(release text) RETURNS text
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE STRICT
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  _parts text[] := regexp_match(
    regexp_replace(regexp_replace(release, '^.*@', ''), '^(\d{4})-(\d{1,2})-(\d{1,2})$', '\1.\2.\3'),
    '^[vV]?(\d{1,18}(?:\.\d{1,18}){0,5})(?:-([0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*))?(?:\+[0-9A-Za-z.-]+)?$'
  );
  _numbers text;
  _prerelease text;
BEGIN
  IF _parts IS NULL THEN
    RETURN NULL;
  END IF;

  SELECT string_agg('3' || lpad(part, 20, '0'), '' ORDER BY number)
  INTO _numbers
  FROM unnest(string_to_array(regexp_replace(_parts[1], '(\.0+)+$', ''), '.')) WITH ORDINALITY AS n (part, number);

  -- Numbers before words, and a blank behind each word, so that fewer fields come first.
  SELECT string_agg(CASE WHEN part ~ '^\d{1,20}$' THEN '1' || lpad(part, 20, '0') ELSE '2' || part || ' ' END, '' ORDER BY number)
  INTO _prerelease
  FROM unnest(string_to_array(_parts[2], '.')) WITH ORDINALITY AS p (part, number);

  RETURN _numbers || coalesce('1' || _prerelease, '2');
END $$;
