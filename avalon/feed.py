"""The log as an async iterator: ordered, gapless, for ever.

A feed reads behind its cursor, waits for its doorbell or a second, and reads again, so a lost notification
costs latency and nothing else. Where Postgres is away it backs off, says so once, and goes on from its
cursor. What a reader wants may change at any time: a read that turns out too narrow when it returns is made
again, so that who joins while it runs misses nothing. `Gone` is raised where the log ends before the cursor
(restored, or taken over by a standby that lagged): only the follower can know what starting again means for
it.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Callable
from typing import Final

import psycopg

from avalon import event_store
from avalon.database import AWAY, Database
from avalon.errors import AvalonError, Gone
from avalon.event_store import EVERYTHING, Batch, Cursor, Wanted
from avalon.listener import Doorbell
from avalon.telemetry import Action, log

POLL_S: Final = 1.0
PAUSE_S: Final = 0.005  # between the starts of two reads: under load each then finds more; alone, none waits
READ_TIMEOUT_S: Final = 6.0  # longer than a statement may take: the backend is frozen or unreachable
FIRST_BACKOFF_S: Final = 0.1
MAX_BACKOFF_S: Final = 2.0

FAILURES: Final = (AvalonError, psycopg.Error, *AWAY)


class Feed:
    """One follower's place in the log."""

    def __init__(
        self,
        database: Database,
        doorbell: Doorbell,
        cursor: Cursor,
        wanted: Wanted | Callable[[], Wanted] = EVERYTHING,
        *,
        poll_s: float = POLL_S,
        pause_s: float = PAUSE_S,
    ) -> None:
        self.cursor = cursor
        self.started_at = 0.0
        self._database = database
        self._doorbell = doorbell
        self._wanted = wanted if callable(wanted) else lambda: wanted
        self._poll_s = poll_s
        self.pause_s = pause_s
        self._is_at_end = False
        self._failures = 0

    async def read(self) -> Batch:
        """The next read, also one that finds nothing: at the log's end once a poll. Raises Gone.

        `started_at` says, on the loop's clock, since when at the latest its answer holds.
        """
        if self._is_at_end:
            await self._doorbell.wait(self._poll_s)
        loop = asyncio.get_running_loop()
        while True:
            await asyncio.sleep(self.started_at + self.pause_s - loop.time())
            self.started_at = loop.time()
            batch = await self._try()
            if batch is not None:
                self.cursor, self._is_at_end = batch.cursor, batch.is_last
                return batch

    async def _try(self) -> Batch | None:
        """One read; None where it failed or has become too narrow meanwhile."""
        asked = self._wanted()
        try:
            async with asyncio.timeout(READ_TIMEOUT_S):
                batch = await event_store.read_after(self._database, self.cursor, asked, brief=True)
        except Gone:
            raise
        except FAILURES as error:
            await self._back_off(error)
            return None
        self._failures = 0
        return batch if asked.covers(self._wanted()) else None

    async def _back_off(self, error: Exception) -> None:
        if not self._failures:
            log(
                Action.FEED_FAILED, level="warning", error=type(error).__name__, position=self.cursor.position
            )
        backoff_s = min(FIRST_BACKOFF_S * 2**self._failures, MAX_BACKOFF_S)
        self._failures = min(self._failures + 1, 10)
        await asyncio.sleep(backoff_s * random.uniform(0.5, 1.0))  # noqa: S311


async def follow(
    database: Database,
    doorbell: Doorbell,
    cursor: Cursor,
    wanted: Wanted | Callable[[], Wanted] = EVERYTHING,
    *,
    poll_s: float = POLL_S,
    pause_s: float = PAUSE_S,
) -> AsyncIterator[Batch]:
    """Every batch behind a cursor, also those without events in which the cursor moved. Raises Gone."""
    feed = Feed(database, doorbell, cursor, wanted, poll_s=poll_s, pause_s=pause_s)
    while True:
        before = feed.cursor
        batch = await feed.read()
        if batch.events or batch.cursor != before:
            yield batch
