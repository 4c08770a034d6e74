"""What people do with issues. Everybody reads their history, members work on them, admins delete them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Final
from uuid import UUID

import msgspec
from litestar import Request, delete, get, patch, post
from litestar.params import FromPath, FromQuery, JSONBody
from msgspec import UNSET

from avalon import issues
from avalon.database import Database
from avalon.errors import BadInput, Conflict, Forbidden, NotFound
from avalon.events import IssueDeleted
from avalon.issues import Done, Undone
from avalon.read_models.history import HistoryPage, read_history, tell
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

# How one says what a blank query is not taken for.
ALL_ISSUES: Final = "is:unresolved is all that are open, is:[unresolved, resolved, ignored] are all"


class ChangedIssue(IssueItem, kw_only=True):
    """The issue as it is now, and what the change can be undone by."""

    action: UUID


class DoneToMany(Done, frozen=True):
    """`changed` is how many issues; of a merge, those that went `into` this one."""

    into: UUID | None = None


class NewComment(msgspec.Struct):
    id: UUID
    action: UUID


@patch("/api/issues/{id:uuid}", guards=[requires("member")], tags=["issues"])
async def change_issue(
    request: AnyRequest, id: FromPath[UUID], data: JSONBody[IssueChangeBody]
) -> ChangedIssue:
    """Resolve an issue, open it again, ignore or mute it, give it to somebody."""
    facts, database = facts_of_change(data, await _assignee(request, data)), services(request).database
    async with told(database):
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
async def change_many(request: AnyRequest, data: JSONBody[BulkBody]) -> DoneToMany:
    """Do the same with many issues, at most 10,000, as one action; with none where one is not there."""
    who, database = principal(request), services(request).database
    if data.action == "delete" and who.role != "admin":
        raise Forbidden("this needs the role admin")
    facts, ids = facts_of_action(data, await _assignee(request, data)), await _ids(request, data)
    if data.action == "merge":
        into = data.into or ids[0]
        done = await issues.merge(database, into, ids, who.actor)
        return DoneToMany(done.action, done.changed, into)
    async with told(database):
        done = await issues.change_all(
            database, ids, facts, who.actor, expected_position=data.expected_position
        )
    return DoneToMany(done.action, done.changed)


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


@post("/api/undo/{id:str}", status_code=200, guards=[requires("member")], tags=["issues"])
async def undo(request: AnyRequest, id: FromPath[str]) -> Undone:
    """Take a fact back, or what stands of an action, all or nothing; `changed` is how many facts."""
    who, database = principal(request), services(request).database
    try:
        wanted = UUID(id)
    except ValueError:
        raise BadInput("the id of an action, or of a fact of a history: a UUID", field="id") from None
    async with told(database):
        return await issues.undo(database, wanted, who.actor, is_admin=who.role == "admin")


@get("/api/issues/{id:uuid}/history", guards=[requires("viewer")], tags=["issues"])
async def history(
    request: AnyRequest,
    id: FromPath[UUID],
    cursor: FromQuery[str | None] = None,
    limit: Limit = MAX_PAGE,
) -> HistoryPage:
    """What was done with an issue, oldest first: each fact with who did it, and why, in words."""
    return await read_history(services(request).database, id, cursor=cursor, limit=limit)


@asynccontextmanager
async def told(database: Database) -> AsyncIterator[None]:
    """Where somebody was faster, the refusal says who, and with what."""
    try:
        yield
    except Conflict as error:
        why = await tell(database, error.position) if error.position is not None else None
        if why is None:
            raise
        raise Conflict(f"{error.message}: {why}", position=error.position) from None


async def _ids(request: AnyRequest, data: BulkBody) -> list[UUID]:
    """The issues that are meant: those that are named, or those that the query finds, last seen first."""
    if data.q is UNSET:
        if not data.ids:
            raise BadInput(
                "give the issues by ids or by q; all that are open are q: is:unresolved", field="ids"
            )
        return data.ids
    if data.ids is not UNSET:
        raise BadInput("not beside q", field="ids")
    if not data.q.strip():
        raise BadInput(f"blank, it would mean every issue; say which: {ALL_ISSUES}", field="q")
    user = principal(request).user_id
    found = await find_ids(services(request).database, data.q, user=user, limit=issues.MAX_ISSUES + 1)
    if len(found) > issues.MAX_ISSUES:
        raise BadInput(f"finds more than {issues.MAX_ISSUES} issues; narrow it", field="q")
    if not found:
        raise NotFound("q finds no issue")
    return found


async def _assignee(request: AnyRequest, data: IssueChangeBody | BulkBody) -> UUID | None:
    """Who is meant, if anybody; raises BadInput."""
    if data.assignee is UNSET or data.assignee is None:
        return None
    me = principal(request).user_id
    return await issues.find_assignee(services(request).database, data.assignee, me)


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
