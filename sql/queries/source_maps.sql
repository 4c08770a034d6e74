-- name: known_chunks
-- Which of these pieces of an upload are there; each is kept on from now.
-- service: text; sha1s: bytea[]
UPDATE source_map.chunk
SET created_at = now()
WHERE service = %(service)s::text AND sha1 = ANY(%(sha1s)s::bytea[])
RETURNING sha1, octet_length(content) AS size

-- name: chunk_bytes
-- How many bytes of unfinished uploads a service has.
-- service: text
SELECT coalesce(sum(octet_length(content)), 0)::bigint
FROM source_map.chunk
WHERE service = %(service)s::text

-- name: put_chunks
-- Keeps pieces of an upload.
-- service: text; sha1s and contents: bytea[], side by side
INSERT INTO source_map.chunk (service, sha1, content)
SELECT %(service)s::text, piece.sha1, piece.content
FROM unnest(%(sha1s)s::bytea[], %(contents)s::bytea[]) AS piece (sha1, content)
ON CONFLICT (service, sha1) DO UPDATE SET created_at = now()

-- name: read_chunk
-- One piece.
-- service: text; sha1: bytea
SELECT content
FROM source_map.chunk
WHERE service = %(service)s::text AND sha1 = %(sha1)s::bytea

-- name: drop_chunks
-- Forgets pieces that were put together.
-- service: text; sha1s: bytea[]
DELETE FROM source_map.chunk
WHERE service = %(service)s::text AND sha1 = ANY(%(sha1s)s::bytea[])

-- name: find_bundle
-- The complete upload of the same bytes for the same release, which counts as used now.
-- service: text; checksum: bytea; release, dist: text or NULL
UPDATE source_map.bundle
SET used_at = now()
WHERE service = %(service)s::text
  AND checksum = %(checksum)s::bytea
  AND release IS NOT DISTINCT FROM %(release)s::text
  AND dist IS NOT DISTINCT FROM %(dist)s::text
  AND is_complete
RETURNING id

-- name: begin_bundle
-- An upload that nobody sees yet.
-- id: uuid; service: text; checksum: bytea; release, dist: text or NULL; actor: text
INSERT INTO source_map.bundle (id, service, checksum, release, dist, created_by)
VALUES (
  %(id)s::uuid, %(service)s::text, %(checksum)s::bytea, %(release)s::text, %(dist)s::text, %(actor)s::text
)

-- name: put_scripts
-- Files of an upload that is under way, each once; gives the bytes that came to those that are kept.
-- bundle: uuid; sha256s and contents: bytea[], the files; urls: text[], debug_ids: uuid[], scripts and maps: bytea[],
-- what they are for
WITH added AS (
  INSERT INTO source_map.blob (sha256, content)
  SELECT file.sha256, file.content
  FROM unnest(%(sha256s)s::bytea[], %(contents)s::bytea[]) AS file (sha256, content)
  ON CONFLICT DO NOTHING
  RETURNING octet_length(content) AS bytes
),
named AS (
  INSERT INTO source_map.script (bundle, url, debug_id, script, map)
  SELECT %(bundle)s::uuid, one.url, one.debug_id, one.script, one.map
  FROM unnest(%(urls)s::text[], %(debug_ids)s::uuid[], %(scripts)s::bytea[], %(maps)s::bytea[])
    AS one (url, debug_id, script, map)
  ON CONFLICT DO NOTHING
)
SELECT coalesce(sum(bytes), 0)::bigint
FROM added

-- name: complete_bundle
-- The upload is there from now on, and the log says so.
-- bundle, id: uuid; scripts: integer; actor: text; data: jsonb, of source_maps.uploaded
WITH complete AS (
  UPDATE source_map.bundle
  SET is_complete = true, scripts = %(scripts)s::integer, used_at = now()
  WHERE id = %(bundle)s::uuid AND NOT is_complete
  RETURNING id, service
)
INSERT INTO log.event (id, type, stream, service, occurred_at, actor, data)
SELECT
  %(id)s::uuid,
  'source_maps.uploaded',
  complete.id,
  complete.service,
  log.recorded_at(),
  %(actor)s::text,
  %(data)s::jsonb
FROM complete
RETURNING position

-- name: abandon_bundle
-- Takes an upload away that came to nothing.
-- bundle: uuid
DELETE FROM source_map.bundle
WHERE id = %(bundle)s::uuid AND NOT is_complete

-- name: delete_bundle
-- Takes an upload away, and says so.
-- bundle, id: uuid; actor, reason: text
WITH gone AS (
  DELETE FROM source_map.bundle
  WHERE id = %(bundle)s::uuid AND is_complete
  RETURNING id, service, release, dist, scripts
)
INSERT INTO log.event (id, type, stream, service, occurred_at, actor, data)
SELECT
  %(id)s::uuid,
  'source_maps.deleted',
  gone.id,
  gone.service,
  log.recorded_at(),
  %(actor)s::text,
  jsonb_build_object(
    'release', gone.release, 'dist', gone.dist, 'scripts', gone.scripts, 'reason', %(reason)s::text
  )
FROM gone
RETURNING position

-- name: drop_orphans
-- Takes files away that no upload holds any more.
DELETE FROM source_map.blob AS b
WHERE NOT EXISTS (SELECT FROM source_map.script AS s WHERE s.script = b.sha256)
  AND NOT EXISTS (SELECT FROM source_map.script AS s WHERE s.map = b.sha256)

-- name: beyond_budget
-- The upload that goes first where all that are complete take more than so many bytes.
-- budget: bigint
SELECT id
FROM source_map.bundle
WHERE is_complete
  AND (
    SELECT sum(octet_length(blob.content))
    FROM source_map.blob
    WHERE blob.sha256 IN (
      SELECT held.sha256
      FROM source_map.script AS s
      JOIN source_map.bundle AS b ON b.id = s.bundle AND b.is_complete
      CROSS JOIN LATERAL (VALUES (s.script), (s.map)) AS held (sha256)
    )
  ) > %(budget)s::bigint
ORDER BY used_at, created_at, id
LIMIT 1

-- name: unused
-- Uploads that nobody needed for so long.
-- days: integer
SELECT id
FROM source_map.bundle
WHERE is_complete AND used_at < now() - %(days)s::integer * interval '1 day'
ORDER BY used_at
LIMIT 1000

-- name: expire_chunks
-- Forgets pieces of uploads that nobody finished.
-- hours: integer
DELETE FROM source_map.chunk
WHERE created_at < now() - %(hours)s::integer * interval '1 hour'

-- name: expire_begun
-- Forgets uploads that a replica began and could not finish.
-- hours: integer
DELETE FROM source_map.bundle
WHERE NOT is_complete AND created_at < now() - %(hours)s::integer * interval '1 hour'

-- name: has_bundle
-- Whether a service has uploaded anything.
-- service: text
SELECT EXISTS (SELECT FROM source_map.bundle WHERE service = %(service)s::text AND is_complete)

-- name: by_debug_id
-- For each debug id the script of the newest upload.
-- service: text; debug_ids: uuid[]
SELECT DISTINCT ON (s.debug_id) s.debug_id, s.bundle, s.script, s.map
FROM source_map.script AS s
JOIN source_map.bundle AS b ON b.id = s.bundle
WHERE b.service = %(service)s::text
  AND b.is_complete
  AND s.debug_id = ANY(%(debug_ids)s::uuid[])
ORDER BY s.debug_id, b.created_at DESC, s.bundle

-- name: by_url
-- For each address the script of the newest upload for a release.
-- service, release: text; dist: text or NULL; urls: text[]
SELECT DISTINCT ON (s.url) s.url, s.bundle, s.script, s.map
FROM source_map.script AS s
JOIN source_map.bundle AS b ON b.id = s.bundle
WHERE b.service = %(service)s::text
  AND b.release = %(release)s::text
  AND b.dist IS NOT DISTINCT FROM %(dist)s::text
  AND b.is_complete
  AND s.url = ANY(%(urls)s::text[])
ORDER BY s.url, b.created_at DESC, s.bundle

-- name: read_blobs
-- Files, compressed.
-- sha256s: bytea[]
SELECT sha256, content
FROM source_map.blob
WHERE sha256 = ANY(%(sha256s)s::bytea[])

-- name: touch
-- Remembers that uploads were of use, at most once an hour.
-- bundles: uuid[]
UPDATE source_map.bundle
SET used_at = now()
WHERE id = ANY(%(bundles)s::uuid[]) AND used_at < now() - interval '1 hour'

-- name: list
-- Uploads, newest first.
-- service, release: text or NULL; before: uuid or NULL, the last of the page before; row_limit: integer
SELECT
  b.id,
  b.service,
  b.release,
  b.dist,
  b.scripts,
  b.created_at,
  coalesce(key.name, b.created_by) AS created_by,
  b.used_at,
  coalesce(held.with_debug_id, 0) AS with_debug_id,
  coalesce(held.names, '{}') AS names,
  coalesce(held.bytes, 0)::bigint AS bytes
FROM source_map.bundle AS b
LEFT JOIN projection.api_key AS key ON b.created_by = 'key:' || key.id
LEFT JOIN LATERAL (
  SELECT
    count(s.debug_id) AS with_debug_id,
    (array_agg(s.url ORDER BY s.url))[:20] AS names,
    sum(octet_length(map.content) + coalesce(octet_length(script.content), 0)) AS bytes
  FROM source_map.script AS s
  JOIN source_map.blob AS map ON map.sha256 = s.map
  LEFT JOIN source_map.blob AS script ON script.sha256 = s.script
  WHERE s.bundle = b.id
) AS held ON true
WHERE b.is_complete
  AND (%(service)s::text IS NULL OR b.service = %(service)s::text)
  AND (%(release)s::text IS NULL OR b.release = %(release)s::text)
  AND (%(before)s::uuid IS NULL OR b.id < %(before)s::uuid)
ORDER BY b.id DESC
LIMIT %(row_limit)s::integer
