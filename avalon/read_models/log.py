"""The event log for scripts: ordered and gapless, without secrets and without what has been deleted.

A report or comment that was deleted keeps its place, so that nothing seems to be missing, but not its words.
"""

from __future__ import annotations

from typing import Any, Final
from uuid import UUID

import msgspec

from avalon import event_store
from avalon.database import Database
from avalon.event_store import EVERYTHING, FACTS, START, Cursor, Wanted
from avalon.events import REPORTED, Event, IssueCommented
from avalon.read_models.rows import Time, as_time
from avalon.statements import load

sql = load("log")

# How many reads one answer may take to find events of rare types.
MAX_READS: Final = 20
SECRET_FIELDS: Final = frozenset({"sha256"})
PERSONAL_FIELDS: Final = frozenset({"text", "name", "email"})
HIDDEN: Final[dict[str, Any]] = {"hidden": True}


class LogItem(msgspec.Struct):
    """One event."""

    position: int
    id: UUID
    type: str
    stream: UUID
    service: str | None
    level: str | None
    environment: str | None
    release: str | None
    occurred_at: Time
    recorded_at: Time
    actor: str
    data: dict[str, Any]


class LogPage(msgspec.Struct):
    """`position` is what to ask for as `after` the next time; `next` is the same while there is more now."""

    items: list[LogItem]
    next: int | None
    position: int


async def read_log(database: Database, *, after: int | None, types: frozenset[str], limit: int) -> LogPage:
    """The events behind a position, or from the oldest that is kept; raises Gone where some are not kept."""
    cursor = START if after is None else await event_store.cursor_at(database, after)
    wanted = EVERYTHING if not types or REPORTED in types else FACTS
    events, cursor, is_last = await _read(database, cursor, wanted, types, limit)
    hidden = await _hidden(database, [event for event in events if event.type == REPORTED])
    hidden |= await _unsaid(database, [event for event in events if event.type == IssueCommented.TYPE])
    items = [_item(event, event.position in hidden) for event in events]
    return LogPage(items, None if is_last else cursor.position, cursor.position)


async def _read(
    database: Database, cursor: Cursor, wanted: Wanted, types: frozenset[str], limit: int
) -> tuple[list[Event], Cursor, bool]:
    """Up to `limit` events of these types, where reading went to, and whether that is the log's end."""
    found: list[Event] = []
    for _ in range(MAX_READS):
        size = event_store.READ_LIMIT if types else limit
        batch = await event_store.read_after(database, cursor, wanted, limit=size)
        found += [event for event in batch.events if not types or event.type in types]
        if len(found) >= limit and (len(found) > limit or not batch.is_last):
            last = found[limit - 1]
            return found[:limit], Cursor(last.position, last.recorded_at), False
        cursor = batch.cursor
        if batch.is_last:
            return found, cursor, True
    return found, cursor, False


async def _hidden(database: Database, reports: list[Event]) -> set[int]:
    if not reports:
        return set()
    positions = [event.position for event in reports]
    params = {"positions": positions, "first": reports[0].recorded_at, "last": reports[-1].recorded_at}
    visible = {row["position"] for row in await database.fetch_dicts(sql.visible, params)}
    return set(positions) - visible


async def _unsaid(database: Database, comments: list[Event]) -> set[int]:
    """The comments that were deleted, themselves or with their issue."""
    if not comments:
        return set()
    params = {"comments": [event.data["comment"] for event in comments]}
    said = {str(row["id"]) for row in await database.fetch_dicts(sql.comments, params)}
    return {event.position for event in comments if event.data["comment"] not in said}


def _item(event: Event, is_hidden: bool) -> LogItem:
    data = {k: v for k, v in event.data.items() if k not in SECRET_FIELDS}
    if is_hidden:
        data = (
            HIDDEN
            if event.type == REPORTED
            else {k: v for k, v in data.items() if k not in PERSONAL_FIELDS} | HIDDEN
        )
    return LogItem(
        position=event.position,
        id=event.id,
        type=event.type,
        stream=event.stream,
        service=event.service,
        level=event.level,
        environment=event.environment,
        release=event.release,
        occurred_at=as_time(event.occurred_at),
        recorded_at=as_time(event.recorded_at),
        actor=event.actor,
        data=data,
    )
