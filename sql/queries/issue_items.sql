-- name: items
-- Issues with what their groups say of them: the newest environments and releases, and reports by hour. The
-- overflow's value is empty: to match is_overflow in the key's index, Postgres 18 would skip over all values. An issue
-- whose groups have all gone elsewhere is told as it was opened.
-- ids: uuid[]; recent: timestamptz, from when on a new issue is still called new; since: timestamptz, the first hour;
-- names: integer, so many environments and releases; groups: integer, of so many groups
SELECT
  i.id,
  i.service,
  i.type,
  i.title,
  i.culprit,
  coalesce(i.level, 'error') AS level,
  i.status,
  CASE
    WHEN i.substatus = 'new' AND i.first_seen <= %(recent)s::timestamptz THEN 'ongoing'
    ELSE i.substatus
  END AS substatus,
  coalesce(i.first_seen, i.opened_at) AS first_seen,
  coalesce(greatest(i.last_seen, i.first_seen), i.opened_at) AS last_seen,
  i.events,
  i.users,
  coalesce(e.names, '{}') AS environments,
  coalesce(r.names, '{}') AS releases,
  i.assignee,
  a.username AS assignee_name,
  coalesce(h.hours, '{}') AS hours,
  coalesce(h.reports, '{}') AS reports,
  i.position,
  i.comments,
  i.resolved_in,
  i.muted_until,
  i.moved_to
FROM projection.issue AS i
LEFT JOIN account.app_user AS a ON a.id = i.assignee
CROSS JOIN LATERAL (
  SELECT array_agg(n.value ORDER BY n.last_seen DESC, n.value) AS names
  FROM (
    SELECT t.value, max(t.last_seen) AS last_seen
    FROM (SELECT id FROM projection.issue_group WHERE issue = i.id LIMIT %(groups)s::integer) AS g
    CROSS JOIN LATERAL (
      SELECT tag.value, tag.last_seen
      FROM projection.group_tag AS tag
      WHERE tag.issue_group = g.id AND tag.key = 'environment' AND tag.value <> '' AND tag.reports > 0
    ) AS t
    GROUP BY t.value
    ORDER BY 2 DESC, 1
    LIMIT %(names)s::integer
  ) AS n
) AS e
CROSS JOIN LATERAL (
  SELECT array_agg(n.value ORDER BY n.last_seen DESC, n.value) AS names
  FROM (
    SELECT t.value, max(t.last_seen) AS last_seen
    FROM (SELECT id FROM projection.issue_group WHERE issue = i.id LIMIT %(groups)s::integer) AS g
    CROSS JOIN LATERAL (
      SELECT tag.value, tag.last_seen
      FROM projection.group_tag AS tag
      WHERE tag.issue_group = g.id AND tag.key = 'release' AND tag.value <> '' AND tag.reports > 0
    ) AS t
    GROUP BY t.value
    ORDER BY 2 DESC, 1
    LIMIT %(names)s::integer
  ) AS n
) AS r
CROSS JOIN LATERAL (
  SELECT array_agg(n.hour) AS hours, array_agg(n.reports) AS reports
  FROM (
    SELECT (extract(epoch FROM g_hour.hour - %(since)s::timestamptz) / 3600)::integer AS hour, sum(g_hour.reports)::bigint AS reports
    FROM projection.issue_group AS g
    JOIN projection.group_hour AS g_hour ON g_hour.issue_group = g.id
    WHERE g.issue = i.id
      AND g.last_seen >= %(since)s::timestamptz
      AND g_hour.hour >= %(since)s::timestamptz
    GROUP BY 1
  ) AS n
) AS h
WHERE i.id = ANY(%(ids)s::uuid[])

-- name: find
-- Whether an issue is there to be seen, where it went, from when to when it has reports, and whether of so many groups.
-- id: uuid; groups: integer
SELECT
  i.id,
  coalesce(i.last_seen, i.opened_at) AS last_seen,
  i.is_hidden,
  i.moved_to,
  coalesce(i.first_seen, i.opened_at) AS first_seen,
  (SELECT count(*) FROM (SELECT FROM projection.issue_group WHERE issue = i.id LIMIT %(groups)s::integer) AS g)
    >= %(groups)s::integer AS is_large
FROM projection.issue AS i
WHERE i.id = %(id)s::uuid

-- name: tags
-- The tags of an issue with their most frequent values. is_overflow: what came beyond the first values of a group.
-- id: uuid; top: integer, so many values of each key; groups: integer, of so many groups
SELECT
  v.key,
  v.value,
  v.is_overflow,
  v.reports,
  v.first_seen,
  v.last_seen,
  v.total,
  v.distinct_values
FROM (
  SELECT
    t.key,
    t.value,
    t.is_overflow,
    sum(t.reports)::bigint AS reports,
    min(t.first_seen) AS first_seen,
    max(t.last_seen) AS last_seen,
    (sum(sum(t.reports)) OVER (PARTITION BY t.key))::bigint AS total,
    count(*) FILTER (WHERE NOT t.is_overflow) OVER (PARTITION BY t.key) AS distinct_values,
    row_number() OVER (PARTITION BY t.key, t.is_overflow ORDER BY sum(t.reports) DESC, t.value) AS place
  FROM (SELECT id FROM projection.issue_group WHERE issue = %(id)s::uuid LIMIT %(groups)s::integer) AS g
  JOIN projection.group_tag AS t ON t.issue_group = g.id
  WHERE t.reports > 0
  GROUP BY t.key, t.value, t.is_overflow
) AS v
WHERE v.place <= %(top)s::integer
ORDER BY v.key, v.is_overflow, v.reports DESC, v.value

-- name: similar
-- Issues of the same service whose groups have hashes in common with this one's, by the share that they have in common.
-- The type, the first of a group's hashes, is too common to be looked for where there are others.
-- id: uuid; candidates: integer, so many groups are looked at; nearest: integer, so many of them, those that have the
-- most in common, are compared; row_limit: integer
WITH own AS MATERIALIZED (
  SELECT
    array_agg(DISTINCT one.hash) AS hashes,
    coalesce(
      array_agg(DISTINCT one.hash) FILTER (WHERE one.number > 1),
      array_agg(DISTINCT one.hash)
    ) AS telling
  FROM projection.issue_group AS g
  CROSS JOIN LATERAL unnest(g.hashes) WITH ORDINALITY AS one (hash, number)
  WHERE g.issue = %(id)s::uuid AND one.hash <> ''
),
near AS (
  SELECT g.issue, g.hashes
  FROM projection.issue_group AS g
  WHERE g.hashes && (SELECT own.telling FROM own)
    AND g.service = (SELECT i.service FROM projection.issue AS i WHERE i.id = %(id)s::uuid)
    AND g.issue <> %(id)s::uuid
  LIMIT %(candidates)s::integer
),
nearest AS (
  SELECT n.issue, n.hashes
  FROM near AS n
  ORDER BY
    (SELECT count(*) FROM unnest(n.hashes) AS one (hash) WHERE one.hash = ANY((SELECT own.hashes FROM own)::text[])) DESC,
    n.issue
  LIMIT %(nearest)s::integer
),
compared AS (
  SELECT
    n.issue,
    count(DISTINCT one.hash) FILTER (WHERE one.hash = ANY((SELECT own.hashes FROM own)::text[])) AS shared,
    count(DISTINCT one.hash) AS theirs
  FROM nearest AS n
  CROSS JOIN LATERAL unnest(n.hashes) AS one (hash)
  WHERE one.hash <> ''
  GROUP BY n.issue
)
SELECT
  i.id,
  i.type,
  i.title,
  i.culprit,
  i.level,
  i.status,
  i.last_seen,
  i.events,
  c.shared::double precision / (cardinality((SELECT own.hashes FROM own)) + c.theirs - c.shared) AS score
FROM compared AS c
JOIN projection.issue AS i ON i.id = c.issue
WHERE NOT i.is_hidden
ORDER BY score DESC, i.last_seen DESC, i.id DESC
LIMIT %(row_limit)s::integer
