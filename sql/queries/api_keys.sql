-- name: find_key
-- The key behind a secret, in whatever state it is; remaining_s is how long it still works, NULL for ever.
-- sha256: bytea
SELECT
  k.id,
  k.service,
  k.rate_per_minute,
  k.allowed_origins,
  k.scope,
  k.scrub_fields,
  k.drop_ip_addresses,
  k.is_active,
  extract(epoch FROM least(k.expires_at, s.expires_at) - clock_timestamp())::float AS remaining_s
FROM projection.api_key_secret AS s
JOIN projection.api_key AS k ON k.id = s.api_key
WHERE s.sha256 = %(sha256)s::bytea

-- name: list_keys
-- Keys, newest first: one of them, or those behind a cursor.
-- key: uuid or NULL; before: uuid or NULL; row_limit: integer
SELECT
  k.id,
  k.name,
  k.service,
  secret.prefix,
  k.is_active,
  k.last_used_at,
  k.created_at,
  coalesce(maker.username, k.created_by) AS created_by,
  k.expires_at,
  k.rate_per_minute,
  k.allowed_origins,
  k.scope,
  k.scrub_fields,
  k.drop_ip_addresses,
  coalesce(used.reports, 0)::bigint AS events_24h
FROM projection.api_key AS k
LEFT JOIN account.app_user AS maker ON k.created_by = 'user:' || maker.id
LEFT JOIN LATERAL (
  SELECT s.prefix
  FROM projection.api_key_secret AS s
  WHERE s.api_key = k.id
  ORDER BY s.expires_at DESC NULLS FIRST, s.created_at DESC
  LIMIT 1
) AS secret ON true
LEFT JOIN LATERAL (
  SELECT sum(h.reports) AS reports
  FROM projection.api_key_hour AS h
  WHERE h.api_key = k.id AND h.hour > clock_timestamp() - interval '24 hours'
) AS used ON true
WHERE (%(key)s::uuid IS NULL OR k.id = %(key)s::uuid)
  AND (%(before)s::uuid IS NULL OR k.id < %(before)s::uuid)
ORDER BY k.id DESC
LIMIT %(row_limit)s::integer

-- name: now
-- Postgres's clock, on which keys and their overlaps end.
SELECT clock_timestamp()
