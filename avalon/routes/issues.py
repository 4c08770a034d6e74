"""What people do with issues. Everybody reads their history, members work on them, admins delete them."""

from __future__ import annotations

from typing import Any, Final
from uuid import UUID

import msgspec
from litestar import Request, delete, get, patch, post
from litestar.params import FromPath, FromQuery, JSONBody
from msgspec import UNSET

from avalon import issues
from avalon.errors import BadInput, Forbidden, NotFound
from avalon.events import IssueDeleted
from avalon.issues import Done, Undone
from avalon.read_models.history import HistoryPage, read_history
from avalon.read_models.issue_lists import find_ids
from avalon.read_models.issues import IssueItem, find_issue
from avalon.routes.answers import MAX_PAGE, Limit
from avalon.routes.dependencies import principal, requires, services
from avalon.routes.issue_bodies import (
    BulkBody,
    CommentBody,
    IssueChangeBody,
    UnmergeBody,
    facts_of_action,
    facts_of_change,
)

AnyRequest = Request[Any, Any, Any]


class ChangedIssue(IssueItem, kw_only=True):
    """The issue as it is now, and what the change can be undone by."""

    action: UUID


class NewComment(msgspec.Struct):
    id: UUID
    action: UUID


@patch("/api/issues/{id:uuid}", guards=[requires("member")], tags=["issues"])
async def change_issue(
    request: AnyRequest, id: FromPath[UUID], data: JSONBody[IssueChangeBody]
) -> ChangedIssue:
    """Resolve an issue, open it again, ignore or mute it, give it to somebody."""
    facts, database = facts_of_change(data), services(request).database
    done = await issues.change(
        database, id, facts, principal(request).actor, expected_position=data.expected_position
    )
    item = await find_issue(database, id)
    return ChangedIssue(**msgspec.structs.asdict(item), action=done.action)


@delete("/api/issues/{id:uuid}", status_code=200, guards=[requires("admin")], tags=["issues"])
async def delete_issue(request: AnyRequest, id: FromPath[UUID]) -> Done:
    """Delete an issue with all its reports; what is reported later opens a new one. It can be undone."""
    return await issues.change(services(request).database, id, [IssueDeleted()], principal(request).actor)


@post("/api/issues/bulk", status_code=200, guards=[requires("member")], tags=["issues"])
async def change_many(request: AnyRequest, data: JSONBody[BulkBody]) -> Done:
    """Do the same with many issues, as one action: up to 500 at once or not at all, at most 10,000."""
    who, database = principal(request), services(request).database
    if data.action == "delete" and who.role != "admin":
        raise Forbidden("this needs the role admin")
    facts, ids = facts_of_action(data), await _ids(request, data)
    if not ids:
        raise NotFound("there is no such issue")
    if data.action == "merge":
        return await issues.merge(database, data.into or ids[0], ids, who.actor)
    return await issues.change_all(database, ids, facts, who.actor, expected_position=data.expected_position)


@post("/api/issues/{id:uuid}/comments", guards=[requires("member")], tags=["issues"])
async def comment_on_issue(
    request: AnyRequest, id: FromPath[UUID], data: JSONBody[CommentBody]
) -> NewComment:
    """Comment on an issue."""
    database = services(request).database
    comment, done = await issues.comment(database, id, data.text, principal(request).actor)
    return NewComment(comment, done.action)


@delete(
    "/api/issues/{id:uuid}/comments/{comment:uuid}",
    status_code=200,
    guards=[requires("member")],
    tags=["issues"],
)
async def delete_comment(request: AnyRequest, id: FromPath[UUID], comment: FromPath[UUID]) -> Done:
    """Take a comment of one's own away; an admin may take anybody's."""
    who = principal(request)
    return await issues.delete_comment(
        services(request).database, id, comment, who.actor, is_admin=who.role == "admin"
    )


@post("/api/issues/{id:uuid}/unmerge", status_code=200, guards=[requires("member")], tags=["issues"])
async def unmerge_issue(
    request: AnyRequest, id: FromPath[UUID], data: JSONBody[UnmergeBody | None] = None
) -> Done:
    """Send groups back to the issues that they came from; `changed` is how many groups."""
    groups = data.groups if data else None
    return await issues.unmerge(services(request).database, id, groups, principal(request).actor)


@post("/api/undo/{id:uuid}", status_code=200, guards=[requires("member")], tags=["issues"])
async def undo(request: AnyRequest, id: FromPath[UUID]) -> Undone:
    """Take a fact back, or what stands of an action, all or nothing; `changed` is how many facts."""
    who = principal(request)
    return await issues.undo(services(request).database, id, who.actor, is_admin=who.role == "admin")


@get("/api/issues/{id:uuid}/history", guards=[requires("viewer")], tags=["issues"])
async def history(
    request: AnyRequest,
    id: FromPath[UUID],
    cursor: FromQuery[str | None] = None,
    limit: Limit = MAX_PAGE,
) -> HistoryPage:
    """What was done with an issue, oldest first: each fact with who did it, and why, in words."""
    return await read_history(services(request).database, id, cursor=cursor, limit=limit)


async def _ids(request: AnyRequest, data: BulkBody) -> list[UUID]:
    """The issues that are meant: those that are named, or those that the query finds, last seen first."""
    if data.q is UNSET and data.ids is UNSET:
        raise BadInput("give either ids or q")
    if data.q is UNSET:
        return data.ids or []
    if data.ids is not UNSET:
        raise BadInput("not beside q", field="ids")
    user = principal(request).user_id
    return await find_ids(services(request).database, data.q, user=user, limit=issues.MAX_ISSUES)


handlers: Final = [
    change_issue,
    delete_issue,
    change_many,
    comment_on_issue,
    delete_comment,
    unmerge_issue,
    undo,
    history,
]
