-- name: lock
-- Whether this session is the only one that imports from now on.
-- lock: bigint
SELECT pg_try_advisory_lock(%(lock)s::bigint)

-- name: find_stored
-- Which of these ids stand in the log already as reports of a service, on any day that is kept.
-- ids: uuid[]; service: text
SELECT id
FROM log.event
WHERE type = 'error.reported' AND id = ANY(%(ids)s::uuid[]) AND service = %(service)s::text
