-- The reports that people may see: neither deleted one by one, nor with their issue, nor erased with their service.
-- Every list, count and lookup of single reports goes through here, so that what is deleted is gone everywhere at once.
CREATE OR REPLACE VIEW projection.visible_report AS
SELECT
  e.position,
  e.id,
  e.stream,
  e.service,
  e.level,
  e.environment,
  e.release,
  e.occurred_at,
  e.recorded_at,
  e.actor,
  e.data
FROM log.event AS e
WHERE e.type = 'error.reported'
  AND NOT EXISTS (SELECT FROM projection.deleted_report AS d WHERE d.position = e.position)
  AND NOT EXISTS (
    SELECT
    FROM projection.erasure AS r
    WHERE r.service = e.service AND r.position > e.position AND r.before > e.occurred_at
  )
  AND NOT EXISTS (
    SELECT
    FROM projection.group_erasure AS x
    WHERE x.issue_group = e.stream AND x.position > e.position
  );
