"""An issue's history: the facts about it in order, each in words, and who did it by name."""

from __future__ import annotations

from typing import Final
from uuid import UUID

import msgspec

from avalon.database import Database
from avalon.errors import BadInput, NotFound
from avalon.events import Event, IssueCommented
from avalon.issues import explain
from avalon.read_models.rows import Time, as_time, fetch
from avalon.read_models.rules import why_of_alert
from avalon.statements import load

sql = load("history")

_USER: Final = "user:"
_MAX_POSITION: Final = 2**63 - 1


class HistoryItem(msgspec.Struct):
    """A fact, or what became of an alert. `issue` is the one that it was told of, `action` what
    `POST /api/undo` takes a command back by.

    `comment` and its `text` are there while the comment is. Where the user of a program wrote it, `name` and
    `email` are what they gave, and `report` is what it is about.
    """

    id: UUID
    position: int
    type: str
    issue: UUID
    action: UUID | None
    actor: str
    name: str | None
    at: Time
    why: str
    comment: UUID | None = None
    text: str | None = None
    email: str | None = None
    report: UUID | None = None


class _Comment(msgspec.Struct, frozen=True):
    """What is said in a comment; nothing where it is gone."""

    id: UUID | None = None
    text: str | None = None
    name: str | None = None
    email: str | None = None
    report: UUID | None = None


class Waiting(msgspec.Struct):
    """A sink that fails now while a message about the issue waits for it."""

    sink: UUID
    name: str
    last_error: str
    tried_again_at: Time


class HistoryPage(msgspec.Struct):
    """`next` is the cursor of what came later; `waiting` is what is no fact yet."""

    items: list[HistoryItem]
    next: str | None
    waiting: list[Waiting] = []


async def read_history(database: Database, issue: UUID, *, cursor: str | None, limit: int) -> HistoryPage:
    """The facts about an issue, and about those merged into it, oldest first; raises NotFound."""
    if not await database.fetch_value(sql.find, {"issue": issue}):
        raise NotFound(f"there is no issue {issue}")
    params = {"issue": issue, "after": _position(cursor), "row_limit": limit + 1}
    found = await database.fetch(sql.facts, params, row=Event)
    page = found[:limit]
    names, comments = await _names(database, page), await _comments(database, page)
    tellers = await _tellers(database, page)
    items = [
        _alert(event, issue, tellers) if _is_alert(event) else _item(event, names, comments) for event in page
    ]
    waiting = await fetch(database, sql.waiting, {"issue": issue}, Waiting)
    return HistoryPage(items, str(page[-1].position) if len(found) > limit else None, waiting)


async def tell(database: Database, position: int) -> str | None:
    """What the fact at a position says, by whom and when; None where there is none."""
    found = await database.fetch(sql.fact, {"position": position}, row=Event)
    if not found:
        return None
    return f"{explain(found[0], await _names(database, found))}, {as_time(found[0].occurred_at)}"


def _position(cursor: str | None) -> int:
    if not cursor:
        return 0
    if not (cursor.isascii() and cursor.isdigit()) or int(cursor[:20]) > _MAX_POSITION:
        raise BadInput("not a cursor of this list", field="cursor")
    return int(cursor)


async def _names(database: Database, events: list[Event]) -> dict[str, str]:
    """The names of all people that these facts are about, by their names as actors."""
    actors = {event.actor.removeprefix(_USER) for event in events if event.actor.startswith(_USER)}
    states = [event.data | event.data.get("state", {}) for event in events]
    assignees = {str(state["assignee"]) for state in states if state.get("assignee")}
    if not actors | assignees:
        return {}
    rows = await database.fetch_dicts(sql.names, {"users": sorted(actors | assignees)})
    return {f"{_USER}{row['id']}": row["username"] for row in rows}


async def _comments(database: Database, events: list[Event]) -> dict[UUID | None, _Comment]:
    """The comments that nobody has deleted."""
    said = [event.data["comment"] for event in events if event.type == IssueCommented.TYPE]
    rows = await database.fetch(sql.comments, {"comments": said}, row=_Comment) if said else []
    return {comment.id: comment for comment in rows}


def _is_alert(event: Event) -> bool:
    return event.type.startswith("alert.")


async def _tellers(database: Database, events: list[Event]) -> dict[str, str]:
    """The names of the sinks and rules of alerts; those that are deleted have none."""
    alerts = [event for event in events if _is_alert(event)]
    ids = {str(event.stream) for event in alerts} | {rule for event in alerts for rule in _rules(event)}
    rows = await database.fetch_dicts(sql.tellers, {"ids": sorted(ids)}) if ids else []
    return {str(row["id"]): row["name"] for row in rows}


def _rules(alert: Event) -> list[str]:
    return [str(rule) for rule in alert.data.get("rules", [])]


def _alert(event: Event, issue: UUID, tellers: dict[str, str]) -> HistoryItem:
    count = (event.data.get("issues") or {}).get(str(issue), event.data.get("count", 1))
    rules = [f"rule {tellers.get(rule, 'that is deleted')}" for rule in _rules(event)]
    about = [
        tellers.get(str(event.stream), "a sink that is deleted"),
        *rules,
        f"{count} report{'' if count == 1 else 's'}",
    ]
    return HistoryItem(
        id=event.id,
        position=event.position,
        type=event.type,
        issue=UUID(event.data["issue"]) if "issue" in event.data else issue,
        action=None,
        actor=event.actor,
        name=None,
        at=as_time(event.occurred_at),
        why=f"{why_of_alert(event.data | {'outcome': event.type.partition('.')[2]})} ({', '.join(about)})",
    )


def _item(event: Event, names: dict[str, str], comments: dict[UUID | None, _Comment]) -> HistoryItem:
    action = event.data.get("action")
    is_comment = event.type == IssueCommented.TYPE
    said = comments.get(UUID(event.data["comment"]) if is_comment else None, _Comment())
    return HistoryItem(
        id=event.id,
        position=event.position,
        type=event.type,
        issue=event.stream,
        action=UUID(action) if action else None,
        actor=event.actor,
        name=names.get(event.actor) or said.name,
        at=as_time(event.occurred_at),
        why=explain(event, names),
        comment=said.id,
        text=said.text,
        email=said.email,
        report=said.report,
    )
