-- name: lock
-- Lets this session alone import from now on; waits for one that does.
-- lock: bigint
SELECT pg_advisory_lock(%(lock)s::bigint)

-- name: find_stored
-- Which of these ids stand in the log already as reports of a service, on any day that is kept.
-- ids: uuid[]; service: text
SELECT id
FROM log.event
WHERE type = 'error.reported' AND id = ANY(%(ids)s::uuid[]) AND service = %(service)s::text
