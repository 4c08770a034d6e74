"""One caller's reports on their way, and the future that answers for all of them."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Protocol, cast
from uuid import UUID

import msgspec

from avalon.errors import AvalonError
from avalon.event_store import Stored
from avalon.events import NewEvent

Answer = Stored | AvalonError


class Key(Protocol):
    """What ingest needs to know of an API key."""

    @property
    def id(self) -> UUID: ...
    @property
    def rate_per_minute(self) -> int | None: ...


class Ticket:
    """One caller's events, which go into one append together."""

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


class Pending(msgspec.Struct):
    """One event of a batch."""

    ticket: Ticket
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
