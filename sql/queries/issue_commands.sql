-- name: change
-- Appends decisions or comments about issues; says how many issues it was.
-- issues: uuid[]; changes: jsonb, an array of {type, data}; actor: text; action: uuid; expected: bigint or NULL, the
-- position that was seen; is_bulk: boolean, issues that are gone are left out
SELECT log.change_issues(
  %(issues)s::uuid[],
  %(changes)s::jsonb,
  %(actor)s::text,
  %(action)s::uuid,
  %(expected)s::bigint,
  %(is_bulk)s::boolean
)

-- name: merge
-- Appends that the groups of some issues belong to another; says how many issues it was.
-- target: uuid; others: uuid[]; actor: text; action: uuid
SELECT log.merge_issues(%(target)s::uuid, %(others)s::uuid[], %(actor)s::text, %(action)s::uuid)

-- name: unmerge
-- Appends that groups of an issue go back where they came from; says how many groups it was.
-- issue: uuid; groups: uuid[] or NULL, all that came from elsewhere; actor: text; action: uuid
SELECT log.unmerge_issue(%(issue)s::uuid, %(groups)s::uuid[], %(actor)s::text, %(action)s::uuid)

-- name: undo
-- Appends what takes a fact, or what stands of an action, back; says how many facts it was, how many are left for the next
-- part, and how many issues belong to nobody then because their assignee is gone.
-- id: uuid, the fact's or the action's; actor: text; is_admin: boolean; action: uuid, the new one; part: integer, facts
SELECT changed, remaining, unassigned
FROM log.undo(%(id)s::uuid, %(actor)s::text, %(is_admin)s::boolean, %(action)s::uuid, %(part)s::integer)

-- name: delete_comment
-- Appends that a comment is deleted; no row where there is none, or it is somebody else's.
-- issue, comment: uuid; author: text or NULL, anybody's; fact: uuid, the new event's id; actor: text; data: jsonb
INSERT INTO log.event (id, type, stream, service, occurred_at, actor, data)
SELECT
  %(fact)s::uuid,
  'issue.comment_deleted',
  i.id,
  i.service,
  log.recorded_at(),
  %(actor)s::text,
  %(data)s::jsonb
FROM projection.issue_comment AS c
JOIN projection.issue AS i ON i.id = c.issue
WHERE c.id = %(comment)s::uuid
  AND i.id = %(issue)s::uuid
  AND c.author = coalesce(%(author)s::text, c.author)
RETURNING position

-- name: unmute_due
-- Appends that mutes whose time is over have ended; says how many issues it was.
SELECT log.unmute_due()

-- name: absent
-- Those of some issues that nothing can be done with, in their order: there is none, or it was merged into another one.
-- issues: uuid[]; row_limit: integer
SELECT listed.id, log.moved_to(listed.id) AS moved_to, count(*) OVER () AS total
FROM unnest(%(issues)s::uuid[]) WITH ORDINALITY AS listed (id, place)
LEFT JOIN projection.issue AS i ON i.id = listed.id
WHERE i.is_hidden IS NOT FALSE
ORDER BY listed.place
LIMIT %(row_limit)s::integer

-- name: user
-- Who has this name, in whatever case.
-- username: text
SELECT id
FROM account.app_user
WHERE lower(username) = lower(%(username)s::text)
