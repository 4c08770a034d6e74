-- API keys: what they are (facts, one at a time in their order) and how they are used (reports, in sets; and what users of
-- programs say, which counts against the rate).
CREATE OR REPLACE FUNCTION log.fold_api_key() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = projection, pg_catalog, pg_temp
AS $$
DECLARE
  _fact record;
BEGIN
  IF (SELECT type FROM fresh LIMIT 1) = 'error.reported' THEN
    INSERT INTO api_key_hour AS h (api_key, hour, reports)
    SELECT substr(actor, 5)::uuid, date_bin('1 hour', recorded_at, 'epoch'), count(*)
    FROM fresh
    WHERE actor LIKE 'key:%'
    GROUP BY 1, 2
    ON CONFLICT (api_key, hour) DO UPDATE
    SET reports = h.reports + excluded.reports;

    UPDATE api_key AS k
    SET last_used_at = f.minute
    FROM (
      SELECT substr(actor, 5)::uuid AS id, date_bin('1 minute', max(recorded_at), 'epoch') AS minute
      FROM fresh
      WHERE actor LIKE 'key:%'
      GROUP BY actor
    ) AS f
    WHERE k.id = f.id AND (k.last_used_at IS NULL OR k.last_used_at < f.minute);

    INSERT INTO api_key_minute AS m (api_key, minute, reports)
    SELECT f.id, f.minute, f.reports
    FROM (
      SELECT substr(actor, 5)::uuid AS id, date_bin('1 minute', recorded_at, 'epoch') AS minute, count(*) AS reports
      FROM fresh
      WHERE actor LIKE 'key:%'
      GROUP BY 1, 2
    ) AS f
    JOIN api_key AS k ON k.id = f.id AND k.rate_per_minute IS NOT NULL
    ON CONFLICT (api_key, minute) DO UPDATE
    SET reports = m.reports + excluded.reports;

    IF FOUND THEN
      DELETE FROM api_key_minute AS m
      USING (
        SELECT k.id, f.recorded_at
        FROM (
          SELECT substr(actor, 5)::uuid AS id, max(recorded_at) AS recorded_at
          FROM fresh
          WHERE actor LIKE 'key:%'
          GROUP BY actor
        ) AS f
        JOIN api_key AS k ON k.id = f.id AND k.rate_per_minute IS NOT NULL
      ) AS used
      WHERE m.api_key = used.id AND m.minute < used.recorded_at - interval '10 minutes';
    END IF;

    RETURN NULL;
  END IF;

  FOR _fact IN
    SELECT *
    FROM fresh
    WHERE type LIKE 'api\_key.%' OR (type = 'issue.commented' AND actor LIKE 'key:%')
    ORDER BY position
  LOOP
    CASE _fact.type
      WHEN 'api_key.created' THEN
        INSERT INTO api_key (
          id, name, service, is_active, expires_at, rate_per_minute, allowed_origins, scope, scrub_fields,
          drop_ip_addresses, created_at, created_by, position
        )
        VALUES (
          _fact.stream,
          _fact.data ->> 'name',
          _fact.service,
          true,
          (_fact.data ->> 'expires_at')::timestamptz,
          (_fact.data ->> 'rate_per_minute')::integer,
          ARRAY(SELECT jsonb_array_elements_text(coalesce(_fact.data -> 'allowed_origins', '[]'))),
          coalesce(_fact.data ->> 'scope', 'report'),
          ARRAY(SELECT jsonb_array_elements_text(coalesce(_fact.data -> 'scrub_fields', '[]'))),
          coalesce((_fact.data ->> 'drop_ip_addresses')::boolean, false),
          _fact.recorded_at,
          _fact.actor,
          _fact.position
        );
        INSERT INTO api_key_secret (sha256, api_key, prefix, created_at)
        VALUES (decode(_fact.data ->> 'sha256', 'hex'), _fact.stream, _fact.data ->> 'prefix', _fact.recorded_at);

      WHEN 'api_key.changed' THEN
        UPDATE api_key
        SET
          name = CASE WHEN _fact.data ? 'name' THEN _fact.data ->> 'name' ELSE name END,
          is_active = CASE WHEN _fact.data ? 'is_active' THEN (_fact.data ->> 'is_active')::boolean ELSE is_active END,
          expires_at =
            CASE WHEN _fact.data ? 'expires_at' THEN (_fact.data ->> 'expires_at')::timestamptz ELSE expires_at END,
          rate_per_minute =
            CASE
              WHEN _fact.data ? 'rate_per_minute' THEN (_fact.data ->> 'rate_per_minute')::integer
              ELSE rate_per_minute
            END,
          allowed_origins =
            CASE
              WHEN _fact.data ? 'allowed_origins'
                THEN ARRAY(SELECT jsonb_array_elements_text(_fact.data -> 'allowed_origins'))
              ELSE allowed_origins
            END,
          scope = coalesce(_fact.data ->> 'scope', scope),
          scrub_fields =
            CASE
              WHEN _fact.data ? 'scrub_fields'
                THEN ARRAY(SELECT jsonb_array_elements_text(_fact.data -> 'scrub_fields'))
              ELSE scrub_fields
            END,
          drop_ip_addresses = coalesce((_fact.data ->> 'drop_ip_addresses')::boolean, drop_ip_addresses),
          position = _fact.position
        WHERE id = _fact.stream;

      WHEN 'api_key.rotated' THEN
        UPDATE api_key_secret
        SET expires_at = least(expires_at, (_fact.data ->> 'previous_expires_at')::timestamptz)
        WHERE api_key = _fact.stream;
        INSERT INTO api_key_secret (sha256, api_key, prefix, created_at)
        VALUES (decode(_fact.data ->> 'sha256', 'hex'), _fact.stream, _fact.data ->> 'prefix', _fact.recorded_at);
        UPDATE api_key SET position = _fact.position WHERE id = _fact.stream;

      WHEN 'issue.commented' THEN
        INSERT INTO api_key_minute AS m (api_key, minute, reports)
        SELECT k.id, date_bin('1 minute', _fact.recorded_at, 'epoch'), 1
        FROM api_key AS k
        WHERE k.id = substr(_fact.actor, 5)::uuid AND k.rate_per_minute IS NOT NULL
        ON CONFLICT (api_key, minute) DO UPDATE
        SET reports = m.reports + 1;
        IF FOUND THEN
          DELETE FROM api_key_minute
          WHERE api_key = substr(_fact.actor, 5)::uuid AND minute < _fact.recorded_at - interval '10 minutes';
        END IF;

      WHEN 'api_key.deleted' THEN
        DELETE FROM api_key_secret WHERE api_key = _fact.stream;
        DELETE FROM api_key WHERE id = _fact.stream;
      ELSE
        NULL;
    END CASE;
  END LOOP;

  RETURN NULL;
END $$;
