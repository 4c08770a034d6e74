-- The rows of the benchmark `lists`, and of the test of plans. How often what is reported follows a power law: the loudest
-- of a million issues has some percent of all reports, most have a handful. The same numbers give the same rows.

-- name: indexes
-- The indexes of tables, with how to make them again.
SELECT i.tablename, i.indexname, coalesce(pg_get_constraintdef(c.oid), i.indexdef), c.oid IS NOT NULL
FROM pg_indexes AS i
LEFT JOIN pg_constraint AS c ON c.conname = i.indexname AND c.connamespace = 'projection'::regnamespace
WHERE i.schemaname = 'projection' AND i.tablename = ANY(%s);

-- name: words
-- Words of which identifiers are made, so that many identifiers are rare and their words are not.
CREATE TEMPORARY TABLE word AS
SELECT n AS number, (ARRAY['user','order','cart','invoice','session','token','payment','image','cache','queue',
  'event','mail','login','profile','search','index','report','stock','price','address','country','device','page','route',
  'socket','thread','worker','buffer','stream','packet','config','schema','record','column','cursor','window'])[1 + n] AS word
FROM generate_series(0, 35) AS n;

-- name: issues
-- Issues by number.
INSERT INTO projection.issue (id, service, status, opened_at, position, substatus, type, title, culprit, level, first_seen,
  last_seen, events, users, assignee, search)
SELECT id, service, status, first_seen, n, substatus, type, title, culprit, level, first_seen, last_seen, events,
  least(events, 1 + events / 3, 10000), CASE WHEN n %% 50 = 0 THEN md5('user' || n %% 7)::uuid END,
  to_tsvector('simple', log.search_text(concat_ws(' ', type, title, culprit)))
FROM (
  SELECT n, md5('issue' || n)::uuid AS id, 'service-' || floor(40 * (r.b ^ 2))::int AS service,
    CASE WHEN n %% 4 = 1 THEN 'resolved' WHEN n %% 20 = 2 THEN 'ignored' ELSE 'unresolved' END AS status,
    CASE WHEN n %% 4 = 1 THEN '' WHEN n %% 40 = 2 THEN 'muted' WHEN n %% 20 = 2 THEN 'ignored' WHEN n %% 200 = 3 THEN 'regressed'
      WHEN age < interval '7 days' THEN 'new' ELSE 'ongoing' END AS substatus,
    (ARRAY['TypeError','ValueError','KeyError','TimeoutError','NullPointerException','IllegalStateException','RuntimeError',
      'ConnectionRefusedError','HTTPError','OperationalError'])[1 + floor(10 * r.a * r.b)::int]
      || CASE WHEN n %% 10 = 0 THEN n %% 400 ELSE 0 END AS type,
    (ARRAY['cannot read property','could not parse','failed to load','connection lost while reading','timeout waiting for'])
      [1 + n %% 5] || ' ' || w.word || initcap(v.word) || initcap(x.word) || ' of ' || v.word || ' ' || n %% 100000 AS title,
    'app/' || w.word || '/' || v.word || '_' || x.word || '.py in get' || initcap(x.word) AS culprit,
    CASE WHEN n %% 100 = 0 THEN 'fatal' WHEN n %% 10 = 0 THEN 'warning' ELSE 'error' END AS level,
    now() - age - (%(days)s * interval '1 day' - age) * r.c AS first_seen, now() - age AS last_seen, events
  FROM (
    SELECT n, greatest(1, %(reports)s * (n ^ 0.25 - (n - 1) ^ 0.25) / %(issues)s ^ 0.25)::bigint AS events
    FROM generate_series(%(first)s::bigint, %(last)s::bigint) AS n
  ) AS counted
  CROSS JOIN LATERAL (
    SELECT ((n * 7919) %% 10007) / 10007.0 AS a, ((n * 104729) %% 10009) / 10009.0 AS b, ((n * 1299709) %% 10037) / 10037.0 AS c
  ) AS r
  CROSS JOIN LATERAL (
    SELECT CASE WHEN n < 3000 THEN interval '1 hour' * r.a ELSE %(days)s * interval '1 day' * r.a ^ 2 END AS age
  ) AS aged
  JOIN word AS w ON w.number = n %% 36
  JOIN word AS v ON v.number = (n / 36) %% 36
  JOIN word AS x ON x.number = (n / 1296) %% 36
) AS made;

-- name: groups
-- One group an issue, and a second one of each hundredth.
INSERT INTO projection.issue_group (id, issue, service, type, title, title_of, level, first_seen, last_seen, reports, home,
  culprit, hashes, users)
SELECT CASE s WHEN 0 THEN i.id ELSE md5('second' || i.position)::uuid END, i.id, i.service, i.type, i.title, i.id, i.level,
  i.first_seen, i.last_seen, greatest(1, i.events / (s + 1)), i.id, i.culprit, ARRAY[left(md5(i.type), 16),
  left(md5(i.culprit), 16), left(md5(i.title), 16), left(md5(i.title || s), 16)], i.users
FROM projection.issue AS i
CROSS JOIN LATERAL generate_series(0, (i.position %% 100 = 0)::int) AS s
WHERE i.position BETWEEN %(first)s AND %(last)s;

-- name: tags
-- Six tags of each group, two of them releases.
INSERT INTO projection.group_tag (issue_group, key, value, is_overflow, reports, first_seen, last_seen)
SELECT g.id, t.key, t.value, false, greatest(1, g.reports / t.share), g.first_seen, g.last_seen
FROM projection.issue_group AS g
JOIN projection.issue AS i ON i.id = g.issue
CROSS JOIN LATERAL (
  VALUES ('environment', CASE WHEN i.position %% 10 < 8 THEN 'prod' WHEN i.position %% 1000 = 9 THEN 'canary' ELSE 'staging' END, 1),
    ('level', i.level, 1),
    ('release', '1.' || i.position %% 9 || '.' || i.position %% 70, 2),
    ('release', '2.' || i.position %% 4 || '.' || i.position %% 30, 2),
    ('browser', (ARRAY['chrome','firefox','safari','edge','lynx'])[1 + floor(5 * (i.position %% 997 / 997.0) ^ 3)::int], 1),
    ('server', 'web-' || i.position %% 300, 1)
) AS t (key, value, share)
WHERE i.position BETWEEN %(first)s AND %(last)s;

-- name: hours
-- The hours of each group: all of the last weeks, of the loudest. In the order in which they would have come.
INSERT INTO projection.group_hour (issue_group, hour, reports, level, environment)
SELECT DISTINCT g.id, date_bin('1 hour', g.last_seen - (g.last_seen - g.first_seen) * (k / hours::float8), 'epoch'),
  greatest(1, g.reports / hours), g.level, 'prod'
FROM projection.issue_group AS g
JOIN projection.issue AS i ON i.id = g.issue
CROSS JOIN LATERAL (SELECT least(g.reports, CASE WHEN i.position < 2000 THEN 1000 ELSE 12 END) AS hours) AS h
CROSS JOIN LATERAL generate_series(0, hours - 1) AS k
WHERE i.position BETWEEN %(first)s AND %(last)s
ORDER BY 2;

-- name: users
-- Who met them, of half a million people.
INSERT INTO projection.group_user (issue_group, user_hash)
SELECT DISTINCT g.id, ('x' || left(md5(((i.position * 31 + k * k * 17) %% 500000)::text), 16))::bit(64)::bigint
FROM projection.issue_group AS g
JOIN projection.issue AS i ON i.id = g.issue
CROSS JOIN LATERAL generate_series(1, least(g.users, 50)) AS k
WHERE i.position BETWEEN %(first)s AND %(last)s;

-- name: reports
-- The reports of a day, in its partition.
INSERT INTO log.{day} (position, id, type, stream, service, level, environment, release, occurred_at, recorded_at, actor, data)
OVERRIDING SYSTEM VALUE
SELECT nextval('log.event_position_seq'), gen_random_uuid(), 'error.reported', md5('issue' || number)::uuid,
  'service-' || floor(40 * (((number * 104729) %% 10009) / 10009.0) ^ 2)::int,
  CASE WHEN number %% 100 = 0 THEN 'fatal' WHEN number %% 10 = 0 THEN 'warning' ELSE 'error' END, 'prod', '1.4.2', at, at, 'key:bench',
  jsonb_build_object('message', 'could not load order ' || number, 'stack', 'at load (app.js:1:2)')
FROM (
  SELECT 1 + floor(%(issues)s * (((k * 7919 + %(seed)s) %% 1000003) / 1000003.0) ^ 4)::bigint AS number,
    %(day)s::timestamptz + %(span)s::interval * k / %(each)s AS at
  FROM generate_series(0, %(each)s - 1) AS k
) AS made;
