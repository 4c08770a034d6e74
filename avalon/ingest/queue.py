"""The bounded queue before the log, and the one task that empties it.

The loop ends when it is cancelled, after it has stored what was taken in. While Postgres is away it turns
everybody off at once and asks four times a second whether it is back.
"""

from __future__ import annotations

import asyncio
from collections import Counter, deque
from collections.abc import Sequence
from uuid import UUID

from avalon.database import AWAY
from avalon.errors import AvalonError, Unavailable
from avalon.event_store import Stored
from avalon.events import NewEvent
from avalon.ingest.rates import Rates
from avalon.ingest.ticket import Answer, Key, Pending, Ticket
from avalon.ingest.writer import Writer
from avalon.telemetry import QUEUE_EVENTS, REPORTS, Action, log

BATCH_EVENTS = 500
BATCH_BYTES = 1_000_000
QUEUE_EVENTS_LIMIT = 20_000
QUEUE_BYTES_LIMIT = 64_000_000
KEY_SHARE = 0.5
# Of requests whose bodies are still arriving or being read: keys in web pages are everybody's. Packed and
# slow, a few hundred bytes hold megabytes for minutes, so that the last part is for others than one key.
HELD_BYTES_LIMIT = 100_000_000
HELD_KEY_SHARE = 0.6
PROBE_S = 0.25


class Ingest:
    """Takes reports in and answers for each after its commit."""

    def __init__(self, service_url: str) -> None:
        self._writer = Writer(service_url)
        self._rates = Rates(self._writer)
        self._queue: deque[Ticket] = deque()
        self._events = 0
        self._bytes = 0
        self._held_bytes = 0
        self._held_per_key: Counter[UUID | None] = Counter()
        self._per_key: Counter[UUID] = Counter()
        self._filled = asyncio.Event()
        self._refusal: str | None = None

    def check(self, key: Key | None) -> None:
        """Raises at once what a submit would raise: for callers that have not read the body yet."""
        if self._refusal is not None:
            raise Unavailable(self._refusal)
        if self._events >= QUEUE_EVENTS_LIMIT or self._bytes >= QUEUE_BYTES_LIMIT:
            raise Unavailable("the queue is full; send it again")
        if key is None:
            return
        if self._per_key[key.id] >= QUEUE_EVENTS_LIMIT * KEY_SHARE:
            raise Unavailable("this key has used up its share of the queue; send it again")
        self._rates.check(key)

    def hold(self, size: int, key: UUID | None) -> None:
        """Counts what a request keeps in memory, and for whom, where that is known already.

        Raises Unavailable where all together keep too much, or all of the key do.
        """
        of_key = self._held_per_key[key] + size
        if self._held_bytes + size > HELD_BYTES_LIMIT or (
            key is not None and of_key > HELD_BYTES_LIMIT * HELD_KEY_SHARE
        ):
            raise Unavailable("too many large requests at once; send it again")
        self._held_bytes += size
        self._held_per_key[key] = of_key

    def let_go(self, size: int, key: UUID | None) -> None:
        """Takes back what was held."""
        self._held_bytes -= size
        self._held_per_key[key] -= size
        if not self._held_per_key[key]:
            del self._held_per_key[key]

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
        ticket = Ticket(events, key)
        self._queue.append(ticket)
        self._count(ticket, 1)
        self._filled.set()
        return await ticket.future

    def _count(self, ticket: Ticket, sign: int) -> None:
        self._events += sign * len(ticket.events)
        self._bytes += sign * ticket.size
        if ticket.key is not None:
            self._per_key[ticket.key.id] += sign * len(ticket.events)
            if not self._per_key[ticket.key.id]:
                del self._per_key[ticket.key.id]

    async def run(self) -> None:
        """Empties the queue for ever; on cancellation stores what was taken in before."""
        self._refusal = None
        try:
            while True:
                await self._filled.wait()
                await self._flush(self._take())
        finally:
            self._refusal = "this replica is shutting down; send it again"
            while self._queue:
                await self._flush(self._take())
            await self._writer.close()

    def _take(self) -> list[Pending]:
        """The next batch, within the bounds of one append; one caller's events are never parted."""
        batch: list[Pending] = []
        size = 0
        while self._queue:
            ticket = self._queue[0]
            size += ticket.size
            if batch and (size > BATCH_BYTES or len(batch) + len(ticket.events) > BATCH_EVENTS):
                break
            self._count(self._queue.popleft(), -1)
            batch += [Pending(ticket, index) for index in range(len(ticket.events))]
        if not self._queue:
            self._filled.clear()
        QUEUE_EVENTS.set(self._events)
        return batch

    async def _flush(self, batch: list[Pending]) -> None:
        """Decides every event of the batch, whatever happens."""
        try:
            admitted = await self._rates.admit(batch)
            if admitted:
                await self._writer.store(admitted)
        except asyncio.CancelledError:
            _refuse(batch, "this replica is shutting down; send it again")
            raise
        except AWAY as error:
            _refuse(batch, "Postgres is away or overloaded; send it again")
            log(Action.APPEND_FAILED, level="error", events=len(batch), error=type(error).__name__)
            await self._recover()
        except Exception as error:
            _refuse(batch, "the reports could not be stored; send them again")
            log(Action.APPEND_FAILED, level="error", events=len(batch), error=type(error).__name__)

    async def _recover(self) -> None:
        """Turns callers away until Postgres answers again; nothing waits meanwhile."""
        if self._refusal is not None:
            return
        self._refusal = "Postgres is away; send it again"
        try:
            while self._queue:
                _refuse(self._take(), self._refusal)
            while True:
                if await self._is_back():
                    return
                await asyncio.sleep(PROBE_S)
        finally:
            self._refusal = None

    async def _is_back(self) -> bool:
        try:
            await self._writer.probe()
        except AWAY:
            return False
        return True


def _refuse(batch: list[Pending], reason: str) -> None:
    for pending in batch:
        pending.answer(Unavailable(reason))
    REPORTS.labels("unavailable").inc(len(batch))
