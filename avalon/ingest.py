"""Group commit: the reports that come while one append runs become the next; each caller waits for its commit.

Nobody is made to wait for company: a lone report is appended at once, and under load the appends themselves
(and the log's lock, between replicas) are the time in which a batch gathers. The queue has a bound, and each key a share of it, so that one looping program does not turn everybody away;
past either, and while Postgres is away, callers get Unavailable at once. One event that Postgres refuses is
found by bisecting and stored as a minimal report that says so; its neighbours are not hurt. A batch whose
connection died is sent once more under the same ids, which the log stores once.
"""

from __future__ import annotations

import asyncio
from collections import Counter, deque
from collections.abc import Sequence
from contextlib import suppress
from typing import Any, Protocol, cast
from uuid import UUID

import msgspec
import psycopg

from avalon import event_store
from avalon.database import AWAY, connect
from avalon.errors import AvalonError, TooManyRequests, Unavailable
from avalon.event_store import Stored
from avalon.events import NewEvent
from avalon.telemetry import APPEND_EVENTS, APPEND_SECONDS, QUEUE_EVENTS, REPORTS, Action, log

BATCH_EVENTS = 500
BATCH_BYTES = 1_000_000
QUEUE_LIMIT = 20_000
QUEUE_BYTES = 64_000_000
KEY_SHARE = 0.5
# Past the server's own statement_timeout (5 s): only a frozen server gets there.
APPEND_TIMEOUT_S = 8.0
PROBE_S = 0.25


class Key(Protocol):
    """What ingest needs to know of an API key."""

    @property
    def id(self) -> UUID: ...
    @property
    def rate_per_minute(self) -> int | None: ...


Answer = Stored | AvalonError


class _Ticket:
    """One caller's events, which go into one append together, and the future that answers for all of them."""

    __slots__ = ("answers", "encoded", "events", "future", "key", "left", "size")

    def __init__(self, events: Sequence[NewEvent], key: Key | None) -> None:
        self.key = key
        self.events = events
        self.encoded = [event.encode() for event in events]
        self.size = sum(map(len, self.encoded))
        self.answers: list[Answer | None] = [None] * len(events)
        self.left = len(events)
        self.future: asyncio.Future[list[Answer]] = asyncio.get_running_loop().create_future()

    def answer(self, index: int, answer: Answer) -> None:
        """Decides one event; what is decided stays so."""
        if self.answers[index] is not None:
            return
        self.answers[index] = answer
        self.left -= 1
        if not self.left and not self.future.done():
            self.future.set_result(cast("list[Answer]", self.answers))


class _Pending(msgspec.Struct):
    """One event of a batch on its way."""

    ticket: _Ticket
    index: int

    @property
    def event(self) -> NewEvent:
        return self.ticket.events[self.index]

    @property
    def key(self) -> Key | None:
        return self.ticket.key

    def row(self) -> tuple[UUID, str | None, bytes]:
        event = self.event
        return event.id, event.service, self.ticket.encoded[self.index]

    def answer(self, answer: Answer) -> None:
        self.ticket.answer(self.index, answer)


class Ingest:
    """The queue and the one task that empties it."""

    def __init__(self, service_url: str) -> None:
        self._url = service_url
        self._connection: psycopg.AsyncConnection[Any] | None = None
        self._queue: deque[_Ticket] = deque()
        self._events = 0
        self._bytes = 0
        self._per_key: Counter[UUID] = Counter()
        self._filled = asyncio.Event()
        self._exhausted_until: dict[UUID, float] = {}
        self._away: str | None = None
        self._closing = False

    def check(self, key: Key | None) -> None:
        """Raises at once what a submit would raise: for callers that have not read the body yet."""
        if self._closing:
            raise Unavailable("this replica is shutting down; send it again")
        if self._away is not None:
            raise Unavailable(self._away)
        if self._events >= QUEUE_LIMIT or self._bytes >= QUEUE_BYTES:
            raise Unavailable("the queue is full; send it again")
        if key is None:
            return
        if self._per_key[key.id] >= QUEUE_LIMIT * KEY_SHARE:
            raise Unavailable("this key has used up its share of the queue; send it again")
        if key.rate_per_minute is not None:
            self._check_rate(key)

    def _check_rate(self, key: Key) -> None:
        left = self._exhausted_until.get(key.id, 0.0) - asyncio.get_running_loop().time()
        if left > 0:
            raise TooManyRequests(
                f"over this key's {key.rate_per_minute} reports a minute", retry_after_s=left
            )

    async def submit(self, event: NewEvent, key: Key | None = None) -> Stored:
        """Stores one report; returns after its commit. Raises Unavailable or TooManyRequests."""
        (answer,) = await self.submit_many([event], key)
        if isinstance(answer, AvalonError):
            raise answer
        return answer

    async def submit_many(self, events: Sequence[NewEvent], key: Key | None = None) -> list[Answer]:
        """Stores reports in one append; answers for each, after the commit. Raises what `check` raises."""
        self.check(key)
        if not events:
            return []
        ticket = _Ticket(events, key)
        self._queue.append(ticket)
        self._count(ticket, 1)
        self._filled.set()
        return await ticket.future

    def _count(self, ticket: _Ticket, sign: int) -> None:
        self._events += sign * len(ticket.events)
        self._bytes += sign * ticket.size
        if ticket.key is not None:
            self._per_key[ticket.key.id] += sign * len(ticket.events)
            if not self._per_key[ticket.key.id]:
                del self._per_key[ticket.key.id]

    def _take(self) -> list[_Pending]:
        """The next batch, within the bounds of one append; one caller's events are never parted."""
        batch: list[_Pending] = []
        size = 0
        while self._queue:
            ticket = self._queue[0]
            size += ticket.size
            if batch and (size > BATCH_BYTES or len(batch) + len(ticket.events) > BATCH_EVENTS):
                break
            self._count(self._queue.popleft(), -1)
            batch += [_Pending(ticket, index) for index in range(len(ticket.events))]
        if not self._queue:
            self._filled.clear()
        QUEUE_EVENTS.set(self._events)
        return batch

    async def run(self) -> None:
        """Empties the queue for ever; on cancellation stores what was taken in before."""
        try:
            while True:
                await self._filled.wait()
                await self._flush(self._take())
        finally:
            await self._drain()

    async def _drain(self) -> None:
        self._closing = True
        while self._queue:
            await self._flush(self._take())
        if self._connection is not None:
            await self._connection.close()

    async def _flush(self, batch: list[_Pending]) -> None:
        """Decides every event of the batch, whatever happens."""
        try:
            admitted = await self._within_rates(batch)
            if admitted:
                await self._store(admitted)
        except AWAY as error:
            self._refuse(batch, "Postgres is away or overloaded; send it again")
            log(Action.APPEND_FAILED, level="error", events=len(batch), error=type(error).__name__)
            await self._recover()
        except Exception as error:
            self._refuse(batch, "the reports could not be stored; send them again")
            log(Action.APPEND_FAILED, level="error", events=len(batch), error=type(error).__name__)
        except asyncio.CancelledError:
            self._refuse(batch, "this replica is shutting down; send it again")
            raise

    def _refuse(self, batch: list[_Pending], reason: str) -> None:
        for pending in batch:
            pending.answer(Unavailable(reason))
        REPORTS.labels("unavailable").inc(len(batch))

    async def _store(self, batch: list[_Pending]) -> None:
        """Appends; an event that Postgres refuses is found by halving."""
        try:
            stored = await self._append([p.row() for p in batch])
        except (psycopg.DataError, psycopg.IntegrityError, psycopg.InternalError) as error:
            if len(batch) == 1:
                await self._store_minimal(batch[0], error)
                return
            middle = len(batch) // 2
            await self._store(batch[:middle])
            await self._store(batch[middle:])
            return
        for pending, answer in zip(batch, stored, strict=True):
            pending.answer(answer)
        REPORTS.labels("stored").inc(len(batch))

    async def _store_minimal(self, pending: _Pending, error: psycopg.Error) -> None:
        """Stores that a report came which Postgres refused, and why, instead of losing it."""
        event = pending.event
        log(Action.EVENT_REFUSED, level="warning", id=str(event.id), sqlstate=error.sqlstate)
        data = {"message": "(this report could not be stored as it was sent)", "refused": error.sqlstate}
        minimal = msgspec.structs.replace(
            event,
            level="error",
            environment=None,
            release=None,
            occurred_at=None,
            data=msgspec.Raw(msgspec.json.encode(data)),
        )
        (answer,) = await self._append([(event.id, event.service, minimal.encode())])
        pending.answer(answer)
        REPORTS.labels("minimal").inc()

    async def _append(self, rows: list[tuple[UUID, str | None, bytes]]) -> list[Stored]:
        """One append; where the connection died, once more on a new one under the same ids."""
        loop = asyncio.get_running_loop()
        begun = loop.time()
        try:
            answers = await self._append_once(rows)
        except AWAY:
            if self._connection is not None and not self._connection.broken:
                raise
            answers = await self._append_once(rows)
        APPEND_SECONDS.observe(loop.time() - begun)
        APPEND_EVENTS.observe(len(rows))
        return answers

    async def _append_once(self, rows: list[tuple[UUID, str | None, bytes]]) -> list[Stored]:
        if self._connection is None or self._connection.closed:
            self._connection = await connect(self._url, plan_cache_mode="auto")
        async with asyncio.timeout(APPEND_TIMEOUT_S):
            return await event_store.append_encoded(self._connection, rows)

    async def _recover(self) -> None:
        """Turns callers away until Postgres answers again; nothing waits meanwhile."""
        self._away = "Postgres is away; send it again"
        while self._queue:
            self._refuse(self._take(), self._away)
        while not self._closing:
            try:
                if self._connection is None or self._connection.closed:
                    self._connection = await connect(self._url, plan_cache_mode="auto")
                await self._connection.execute("SELECT 1")
                break
            except AWAY:
                await asyncio.sleep(PROBE_S)
        self._away = None

    async def _within_rates(self, batch: list[_Pending]) -> list[_Pending]:
        """Answers those that are over their key's rate; the rest.

        The count is the log's own, of all replicas. What another replica appends between this look and our
        append is the one batch by which the rate can be exceeded.
        """
        limited = {p.key.id for p in batch if p.key is not None and p.key.rate_per_minute is not None}
        if not limited:
            return batch
        used, remaining_s = await self._used(limited)
        admitted = []
        for pending in batch:
            key = pending.key
            if key is None or key.rate_per_minute is None:
                admitted.append(pending)
            elif used[key.id] < key.rate_per_minute:
                used[key.id] += 1
                admitted.append(pending)
            else:
                self._exhaust(key, remaining_s)
                pending.answer(
                    TooManyRequests(f"over {key.rate_per_minute} a minute", retry_after_s=remaining_s)
                )
                REPORTS.labels("rate_limited").inc()
        return admitted

    async def _used(self, keys: set[UUID]) -> tuple[Counter[UUID], float]:
        """What the keys have used of the log's current minute, and how long that minute still is."""
        if self._connection is None or self._connection.closed:
            self._connection = await connect(self._url, plan_cache_mode="auto")
        cursor = await self._connection.execute(event_store.sql.rates, {"keys": list(keys)})
        rows = await cursor.fetchall()
        return Counter({row[0]: row[1] for row in rows if row[0] is not None}), rows[0][2]

    def _exhaust(self, key: Key, remaining_s: float) -> None:
        now = asyncio.get_running_loop().time()
        self._exhausted_until = {k: until for k, until in self._exhausted_until.items() if until > now}
        self._exhausted_until[key.id] = now + remaining_s


async def stop(task: asyncio.Task[None]) -> None:
    """Cancels a task of ours and waits until it has cleaned up."""
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task
