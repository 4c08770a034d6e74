"""A log and the file of one host, for the tests of the file sink."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

from avalon import event_store
from avalon.database import Database
from avalon.events import REPORTED, Event
from avalon.listener import Listener
from avalon.sinks.file import FileSink
from tests.sinks.conftest import a_report, stop, until

KEYS = ["id", "position", "service", "level", "message", "path", "createdAt"]


def an_event(position: int) -> Event:
    at = datetime(2026, 11, 22, tzinfo=UTC)
    return Event(
        position=position,
        id=UUID(int=position),
        type=REPORTED,
        stream=UUID(int=1),
        service="api",
        level="critical",
        environment=None,
        release=None,
        occurred_at=at,
        recorded_at=at,
        actor="key:x",
        data={},
    )


def positions(*paths: Path) -> list[int]:
    """The positions of every line of the files, read as strictly as anybody could."""
    assert all(path.read_bytes()[-1:] in (b"", b"\n") for path in paths if path.exists())
    return positions_so_far(*paths)


def positions_so_far(*paths: Path) -> list[int]:
    """The same while somebody writes: whoever reads in the middle of a write sees a part of its line."""
    found = []
    for path in paths:
        whole = path.read_bytes().split(b"\n")[:-1] if path.exists() else []
        rows = [json.loads(text) for text in whole]
        assert all(list(row) == KEYS for row in rows)
        found += [row["position"] for row in rows]
    return found


def note(path: Path, position: int) -> None:
    """Puts a place into the note beside the file."""
    path.with_name("errors.log.position").write_bytes(b"%020d\n" % position)


class Host:
    """A log, and the file of one host."""

    def __init__(self, database: Database, listener: Listener, path: Path) -> None:
        self.database = database
        self.listener = listener
        self.path = path
        self.reported: list[int] = []

    async def report(self, count: int = 3, **columns: Any) -> None:
        events = [a_report(level="info", **columns) for _ in range(count)]
        self.reported += [s.position for s in await event_store.append(self.database, events)]

    @asynccontextmanager
    async def sink(self) -> AsyncIterator[None]:
        sink = FileSink(self.path, self.database, self.listener, retry_s=0.02)
        await sink.open()
        task = asyncio.create_task(sink.run())
        yield
        await stop(task)

    async def is_written(self, *paths: Path) -> None:
        """Every report once, and in order."""
        files = paths or (self.path,)
        await until(lambda: len(positions_so_far(*files)) >= len(self.reported))
        assert positions(*files) == self.reported
