"""The events of an export into the log of one service, each once, however often and on any day this runs.

A batch is read, what the log has by its id is left out, the rest is translated and appended. The log itself
keeps an id from standing twice in one day only, so the ids are looked up in all days that are kept, under a
lock that one import holds at a time. Cut short, what was appended stays, and the next run goes on from there.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any, Final
from uuid import UUID

import msgspec
import psycopg

from avalon.database import connect
from avalon.errors import AvalonError, BadInput, Conflict
from avalon.events import IMPORT, NewEvent
from avalon.importing.reading import Bad, Element
from avalon.ingest.ticket import Pending, Ticket
from avalon.ingest.writer import Writer
from avalon.protocols.sentry.export import Exported, NoError, read_exported
from avalon.protocols.submission import Terms, to_event
from avalon.statements import load

sql = load("importing")

BATCH_EVENTS: Final = 250
BATCH_BYTES: Final = 4_000_000
# Two that look for the same ids at once would both find none.
IMPORT_LOCK: Final = 4715

Connection = psycopg.AsyncConnection[Any]
Refuse = Callable[[Bad], None]


class Target(msgspec.Struct, frozen=True):
    """Whose the events become, on which terms, and for how many days reports are kept; 0: for ever."""

    service: str
    terms: Terms
    retention_days: int

    def since(self) -> datetime | None:
        """What occurred before is left out."""
        return datetime.now(UTC) - timedelta(days=self.retention_days) if self.retention_days else None


class Imported(msgspec.Struct):
    """What has become of the elements so far."""

    stored: int = 0
    known: int = 0
    too_old: int = 0
    no_error: int = 0
    bad: int = 0

    @property
    def all(self) -> int:
        return self.stored + self.known + self.too_old + self.no_error + self.bad


class _Read(msgspec.Struct):
    """One event of a batch, not translated yet."""

    line: int
    id: UUID
    exported: Exported


async def import_events(
    url: str,
    target: Target,
    elements: Iterator[Element | Bad],
    *,
    refuse: Refuse,
    report: Callable[[Imported], None],
) -> None:
    """Appends what is not there yet; `refuse` hears of each bad element, `report` of each batch.

    Raises Conflict where another import is at work, and what psycopg raises.
    """
    async with await connect(url, statement_timeout="60s") as connection:
        try:
            # One that was just ended is waited for, as long as the connection's lock_timeout lets it.
            await connection.execute(sql.lock, {"lock": IMPORT_LOCK})
        except psycopg.errors.LockNotAvailable:
            raise Conflict("another import is at work on this database") from None
        writer = Writer(url)
        try:
            await _Import(connection, writer, target, elements, refuse).run(report)
        finally:
            await writer.close()


class _Import:
    """One run: while a batch is appended the next one is read."""

    def __init__(
        self,
        connection: Connection,
        writer: Writer,
        target: Target,
        elements: Iterator[Element | Bad],
        refuse: Refuse,
    ) -> None:
        self._connection = connection
        self._writer = writer
        self._target = target
        self._elements = elements
        self._refuse = refuse
        self._done = Imported()

    async def run(self, report: Callable[[Imported], None]) -> None:
        batch = await self._prepare(())
        while batch is not None:
            _, following = await asyncio.gather(
                self._append(batch), self._prepare({event.id for event in batch})
            )
            report(self._done)
            batch = following

    async def _prepare(self, on_their_way: Collection[UUID]) -> list[NewEvent] | None:
        """The next events to append, maybe none of a batch; None at the end."""
        read = await asyncio.to_thread(self._read)
        if read is None:
            return None
        fresh = {one.id: one for one in read}
        for id_ in on_their_way:
            fresh.pop(id_, None)
        cursor = await self._connection.execute(
            sql.find_stored, {"ids": list(fresh), "service": self._target.service}
        )
        for (id_,) in await cursor.fetchall():
            fresh.pop(id_, None)
        self._done.known += len(read) - len(fresh)
        return await asyncio.to_thread(self._translate, list(fresh.values()))

    def _read(self) -> list[_Read] | None:
        """A batch of events with their ids; None at the end."""
        read: list[_Read] = []
        count = size = 0
        for element in self._elements:
            count += 1
            if isinstance(element, Bad):
                self._turn_down(element)
                continue
            size += len(element.body)
            try:
                exported = read_exported(element.body)
            except NoError:
                self._done.no_error += 1
            except BadInput as error:
                self._turn_down(Bad(element.line, error.message))
            else:
                read.append(_Read(element.line, exported.id or _own_id(element.body), exported))
            if count >= BATCH_EVENTS or size >= BATCH_BYTES:
                break
        return read if count else None

    def _translate(self, fresh: Sequence[_Read]) -> list[NewEvent]:
        since = self._target.since()
        events = []
        for one in fresh:
            try:
                submission = one.exported.decode(one.id, self._target.terms)
            except BadInput as error:
                self._turn_down(Bad(one.line, error.message))
                continue
            if since and submission.occurred_at and submission.occurred_at < since:
                self._done.too_old += 1
            else:
                events.append(to_event(submission, self._target.service, IMPORT))
        return events

    def _turn_down(self, bad: Bad) -> None:
        self._done.bad += 1
        self._refuse(bad)

    async def _append(self, events: Sequence[NewEvent]) -> None:
        if not events:
            return
        ticket = Ticket(events, None)
        await self._writer.store([Pending(ticket, index) for index in range(len(events))])
        for answer in await ticket.future:
            if isinstance(answer, AvalonError):
                raise answer
            if answer.is_retry:
                self._done.known += 1
            else:
                self._done.stored += 1


def _own_id(body: bytes) -> UUID:
    """The id of an event without any: the same for the same text."""
    return UUID(bytes=sha256(body).digest()[:16], version=5)
