"""Reads the log for connections that are behind, at their own pace and with their own filters.

Only a few read at once: a hundred browsers that come back together leave the pool to others. A read is
small, its reports are in brief, and the next one begins when the connection has taken everything, so a
replay's memory is bounded however long it is.
"""

from __future__ import annotations

import asyncio
from typing import Final

from avalon import event_store
from avalon.database import Database
from avalon.event_store import Batch, Cursor
from avalon.events import REPORTED
from avalon.feed import READ_TIMEOUT_S
from avalon.filters import union
from avalon.items import wire_item
from avalon.reader import Reader
from avalon.statements import load

sql = load("hub")

AT_ONCE: Final = 2
READ_LIMIT: Final = 200


class Replays:
    """All replays of one replica."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._turns = asyncio.Semaphore(AT_ONCE)

    async def begin(self, reader: Reader, after: int) -> None:
        """Finds the place of a bare position. Raises Gone where it is older than what is kept."""
        async with self._turns, asyncio.timeout(READ_TIMEOUT_S):
            cursor = await event_store.cursor_at(self._database, after)
        reader.start_at(cursor, after)

    async def step(self, reader: Reader, cursor: Cursor) -> None:
        """One read. What it found is dropped where the reader wants more by now, or starts again."""
        wanted = union(reader.filters)
        async with self._turns, asyncio.timeout(READ_TIMEOUT_S):
            batch = await event_store.read_after(self._database, cursor, wanted, limit=READ_LIMIT, brief=True)
            hidden = await self._hidden(batch)
        if reader.cursor is not cursor or not wanted.covers(union(reader.filters)):
            return
        found = [wire_item(event) for event in batch.events if event.position not in hidden]
        reader.replay([item for item in found if item is not None], batch.cursor)

    async def _hidden(self, batch: Batch) -> set[int]:
        """The reports among these that were deleted since."""
        reports = [event for event in batch.events if event.type == REPORTED]
        if not reports:
            return set()
        params = {
            "positions": [event.position for event in reports],
            "services": [event.service for event in reports],
            "instants": [event.occurred_at for event in reports],
        }
        return {row["position"] for row in await self._database.fetch_dicts(sql.find_hidden, params)}
