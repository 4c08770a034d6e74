"""Rules for the tests of sinks, and a way to let a follower read everything before the next thing happens."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import msgspec

from avalon import event_store
from avalon.events import NewEvent, uuid7
from avalon.rules import Definition
from avalon.rules.commands import create_rule
from tests.sinks.conftest import Stage, until


async def a_rule(stage: Stage, sink: UUID, name: str = "Ops", **fields: Any) -> UUID:
    """A new rule of a sink."""
    definition = Definition(**{"when": "reported"} | fields)
    return await create_rule(stage.database, sink=sink, name=name, definition=definition, actor="user:test")


async def a_quiet_sink(stage: Stage, **options: Any) -> UUID:
    """A sink that is told only what its rules ask for."""
    return await stage.create(levels=[], **options)


async def read_all(stage: Stage, sink: UUID) -> None:
    """Returns when the follower has read the log to its end, and saved that."""
    head = (await event_store.head(stage.database)).position

    async def has_read() -> bool:
        position: int = await stage.database.fetch_value(
            "SELECT position FROM runtime.subscription WHERE sink = %(sink)s", {"sink": sink}
        )
        return position >= head

    await until(has_read)


async def decide(stage: Stage, type_: str, issue: int, *, at: float | None = None, **data: Any) -> None:
    """A fact about an issue, as the log gets it."""
    when = None if at is None else datetime.fromtimestamp(at, UTC)
    fact = NewEvent(
        id=uuid7(),
        type=type_,
        stream=UUID(int=issue),
        service="api",
        actor="user:test",
        data=msgspec.Raw(msgspec.json.encode(data)),
        occurred_at=when,
    )
    await event_store.append(stage.database, [fact])


def tagged(**tags: str) -> msgspec.Raw:
    """The data of a report with tags."""
    return msgspec.Raw(msgspec.json.encode({"message": "boom", "tags": tags}))


def met_by(user: str) -> msgspec.Raw:
    """The data of a report that somebody met."""
    return msgspec.Raw(msgspec.json.encode({"message": "boom", "user": {"id": user}}))
