"""The fan-out: one feed per replica, many live connections.

Facts are followed always, because caches live by them; reports only while some connection wants them, with
all their filters in the query. A connection that joins, or that was too slow, reads the log by itself until
it stands where the hub stands and is handed over in that moment: what it wants is part of the hub's next
read, and a read that was under way is made again (`avalon.feed`). So nothing is missed and nothing is sent
twice.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from avalon import event_store
from avalon.database import Database
from avalon.errors import Gone, TooManyRequests
from avalon.event_store import START, Batch, Cursor, Wanted
from avalon.events import REPORTED, Event
from avalon.feed import FAILURES, READ_TIMEOUT_S, Feed
from avalon.filters import union
from avalon.items import wire_item
from avalon.listener import Doorbell, Listener
from avalon.reader import SHUTDOWN, Frame, Reader, State
from avalon.replay import Replays
from avalon.telemetry import FEED_POSITION, LAGGED, SOCKETS, Action, log

if TYPE_CHECKING:
    from avalon.auth import Principal

POLL_S: Final = 0.5  # two polls fit into FRESH_S
FRESH_S: Final = 1.0
PAUSE_S: Final = 0.01  # at most 100 reads a second, however many appends there are
CALM_PAUSE_S: Final = 0.04  # where only the caches listen, whom 100 ms are promised
HEARTBEAT_S: Final = 15.0
RETRY_S: Final = 0.5
MAX_READERS: Final = 1_000
MAX_READERS_PER_USER: Final = 100
MAX_JUDGING: Final = 1_000

# Facts that end sessions or change what somebody may see.
JUDGING: Final = frozenset({"session.ended", "user.password_changed", "user.changed", "user.deleted"})


class Hub:
    """Everything live in one replica. `run` is its task; all of it belongs to one loop."""

    def __init__(self, database: Database, listener: Listener) -> None:
        self.cursor: Cursor | None = None
        self._database = database
        self._doorbell: Doorbell = listener.subscribe()
        self._readers: set[Reader] = set()
        self._replays = Replays(database)
        self._on_fact: list[Callable[[Event], None]] = []
        self._on_reset: list[Callable[[], None]] = []
        self._judging: deque[Event] = deque(maxlen=MAX_JUDGING)
        self._known_at = -FRESH_S
        self._next_read = asyncio.Event()
        self._is_stopping = False

    @property
    def position(self) -> int:
        """Up to here this replica has read the log."""
        return self.cursor.position if self.cursor else 0

    def on_fact(self, callback: Callable[[Event], None]) -> None:
        """Calls back for every fact, in order, before `is_fresh` can say so."""
        self._on_fact.append(callback)

    def on_reset(self, callback: Callable[[], None]) -> None:
        """Calls back where facts may have been missed for good: drop every cache."""
        self._on_reset.append(callback)

    def is_fresh(self) -> bool:
        """Whether everything committed more than a second ago has been told to the caches."""
        return asyncio.get_running_loop().time() - self._known_at < FRESH_S

    # The loop.

    async def run(self) -> None:
        """Reads and fans out until it is cancelled."""
        while True:
            self.cursor = await self._head()
            self._reset()
            try:
                await self._follow(self.cursor)
            except Gone:
                log(Action.EPOCH_STARTED, level="warning", position=self.position)
            except Exception as error:
                # One event that nobody foresaw must not blind everybody: go on behind it.
                log(Action.UNHANDLED, level="error", error=type(error).__name__, position=self.position)
                await asyncio.sleep(RETRY_S)

    async def _head(self) -> Cursor:
        while True:
            try:
                return await event_store.head(self._database)
            except FAILURES as error:
                log(Action.FEED_FAILED, level="warning", error=type(error).__name__)
                await asyncio.sleep(RETRY_S)

    async def _follow(self, cursor: Cursor) -> None:
        feed = Feed(self._database, self._doorbell, cursor, self._wanted, poll_s=POLL_S, pause_s=PAUSE_S)
        while True:
            feed.pause_s = PAUSE_S if self._attached() else CALM_PAUSE_S
            batch = await feed.read()
            self._deliver(batch)
            if batch.is_last:
                self._known_at = feed.started_at
            self._next_read.set()
            self._next_read = asyncio.Event()

    def _wanted(self) -> Wanted:
        return union(one for reader in self._attached() for one in reader.filters)

    def _attached(self) -> list[Reader]:
        return [reader for reader in self._readers if reader.state in (State.LIVE, State.LAGGED)]

    def _deliver(self, batch: Batch) -> None:
        for event in batch.events:
            if event.type != REPORTED:
                self._tell(event)
        self.cursor = batch.cursor
        FEED_POSITION.set(batch.cursor.position)
        readers = self._attached()
        items = [item for event in batch.events if (item := wire_item(event))] if readers else []
        for reader in readers:
            was = reader.state
            reader.offer(items, batch.cursor.position)
            if reader.state is not was:
                LAGGED.inc()
                log(Action.HUB_LAGGED, user=reader.principal.user_id, position=reader.position)

    def _tell(self, event: Event) -> None:
        """Caches first, then the sessions that a fact ends."""
        for callback in self._on_fact:
            try:
                callback(event)
            except Exception as error:
                log(Action.UNHANDLED, level="error", error=type(error).__name__, position=event.position)
                self._reset_caches()
        if event.type == "epoch.started":
            self._start_again(event.position)
        if event.type in JUDGING:
            self._judging.append(event)
            for reader in self._readers:
                reader.judge(event)

    def _reset(self) -> None:
        self._reset_caches()
        self._start_again(self.position)

    def _reset_caches(self) -> None:
        for callback in self._on_reset:
            callback()

    def _start_again(self, position: int) -> None:
        for reader in self._readers:
            reader.start_again(position)

    # Connections.

    def open(self, principal: Principal, since: int) -> Reader:
        """A reader for somebody whose session was checked when the hub stood at `since`.

        Raises TooManyRequests where there are too many already. A session that has ended meanwhile ends it.
        """
        of_user = sum(1 for reader in self._readers if reader.principal.user_id == principal.user_id)
        if of_user >= MAX_READERS_PER_USER or len(self._readers) >= MAX_READERS:
            raise TooManyRequests("too many live connections", retry_after_s=10.0)
        reader = Reader(principal, self.position)
        self._readers.add(reader)
        SOCKETS.set(len(self._readers))
        for event in self._judging:
            if event.position > since:
                reader.judge(event)
        if self._is_stopping:
            reader.end(SHUTDOWN)
        return reader

    def close(self, reader: Reader) -> None:
        """Forgets a connection."""
        self._readers.discard(reader)
        SOCKETS.set(len(self._readers))

    def stop(self) -> None:
        """Ends every connection, and those that come: the server is about to go."""
        self._is_stopping = True
        for reader in self._readers:
            reader.end(SHUTDOWN)

    async def next_frame(self, reader: Reader) -> Frame:
        """Waits for what a reader is owed; at least its position, when that moved, every `HEARTBEAT_S`."""
        while True:
            frame = reader.take()
            if frame is not None:
                return frame
            if reader.state is State.BEHIND:
                await self._catch_up(reader)
            else:
                await reader.wait(HEARTBEAT_S)

    async def now(self) -> Cursor:
        """The log's end, by a read that began after this call; one read serves all who ask."""
        asked_at = asyncio.get_running_loop().time()
        self._doorbell.ring()
        while self._known_at < asked_at:
            await self._next_read.wait()
        return self.cursor or START

    async def _catch_up(self, reader: Reader) -> None:
        """One step of a reader that is behind. Between the comparison and the hand-over there is no await."""
        try:
            if reader.cursor is None:
                await self._begin(reader)
            elif reader.cursor.position >= self.position:
                reader.go_live()
            else:
                await self._replays.step(reader, reader.cursor)
        except Gone:
            reader.start_again(self.position)
        except FAILURES as error:
            log(Action.FEED_FAILED, level="warning", error=type(error).__name__, position=reader.position)
            await asyncio.sleep(RETRY_S)

    async def _begin(self, reader: Reader) -> None:
        after = reader.after
        if after is None or self.cursor is None:
            async with asyncio.timeout(READ_TIMEOUT_S):
                cursor = await self.now()
            if after is None:
                reader.start_at(cursor, after)
        if after is not None:
            await self._replays.begin(reader, after)
