"""What a sink is: something outside that is told of reports, one message at a time.

A message is complete: whoever makes it (`avalon.subscriptions`) has read what the sink needs, so that a sink
knows neither Postgres nor the log. `send` returns when the other side has taken the message, or raises
TransportError: `permanent` where the sink can't ever work again, MessageRefused where this one message
can't, otherwise for now. A sink has no memory; pace, retries and digests are the subscription's.
"""

from __future__ import annotations

from datetime import datetime
from typing import Protocol
from uuid import UUID

import msgspec


class Alert(msgspec.Struct, frozen=True, kw_only=True):
    """One report, as the client sent it: nothing in it is escaped or cut for a sink."""

    id: UUID
    position: int
    service: str
    level: str
    message: str
    type: str = ""
    path: str = ""
    method: str = ""
    stack: str = ""
    environment: str = ""
    release: str = ""
    occurred_at: datetime
    url: str | None = None


class DigestLine(msgspec.Struct, frozen=True, kw_only=True):
    """How many reports of one issue were held back, with the latest of them as the example."""

    issue: UUID
    service: str
    level: str
    title: str
    count: int
    url: str | None = None


class Digest(msgspec.Struct, frozen=True, kw_only=True):
    """What was held back of all issues; the counts of `lines` are exact, the loudest issue comes first."""

    lines: list[DigestLine]
    first_position: int
    last_position: int
    since: datetime
    until: datetime
    url: str | None = None

    @property
    def reports(self) -> int:
        return sum(line.count for line in self.lines)


class Note(msgspec.Struct, frozen=True, kw_only=True):
    """A few words of our own: somebody tries a sink out."""

    title: str
    text: str
    url: str | None = None


Message = Alert | Digest | Note


class Receipt(msgspec.Struct, frozen=True, kw_only=True):
    """The other side's yes. `pause_s`: it takes no further message for so long."""

    message_id: str | None = None
    pause_s: float = 0.0


class Sink(Protocol):
    """The border to one kind of other side."""

    async def send(self, message: Message) -> Receipt:
        """Delivers one message within a few seconds; raises TransportError."""
        ...
