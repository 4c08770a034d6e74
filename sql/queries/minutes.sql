-- name: next_end
-- The end of the oldest minutes that go at once: they hold about so many rows. No row where none is older. With them go
-- the hours of what was not taken, which count from their first minute.
-- before: timestamptz, where those begin that stay; row_limit: integer
SELECT least(max(minute) + interval '1 minute', %(before)s::timestamptz)
FROM (
  (
    SELECT minute
    FROM projection.group_minute
    WHERE minute < %(before)s::timestamptz
    ORDER BY minute
    LIMIT %(row_limit)s::integer
  )
  UNION ALL
  (
    SELECT minute
    FROM projection.minute_count
    WHERE minute < %(before)s::timestamptz
    ORDER BY minute
    LIMIT %(row_limit)s::integer
  )
  UNION ALL
  (
    SELECT hour
    FROM projection.drop_hour
    WHERE hour < %(before)s::timestamptz
    ORDER BY hour
    LIMIT %(row_limit)s::integer
  )
  ORDER BY minute
  LIMIT %(row_limit)s::integer
) AS oldest
HAVING count(*) > 0
