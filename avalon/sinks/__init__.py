"""What a sink is: something outside that is told of errors, one message at a time.

A message is complete: whoever makes it (`avalon.subscriptions`) has read what the sink needs, so that a sink
knows neither Postgres nor the log. `send` returns when the other side has taken the message, or raises
TransportError: `permanent` where the sink can't ever work again, MessageRefused where this one message
can't, otherwise for now. A sink has no memory; pace, retries and digests are the subscription's. Each kind of
sink is a module; `kinds` is the table of them.
"""

from __future__ import annotations

from datetime import datetime
from typing import Literal, Protocol
from uuid import UUID

import msgspec

# The log's own names; `issue.passed`: an issue has passed a number of events or users in a window.
What = Literal["error.reported", "issue.opened", "issue.regressed", "issue.passed"]


class Counts(msgspec.Struct, frozen=True, kw_only=True):
    """How loud an issue has been over its whole life, when it was told of."""

    events: int
    users: int


class Alert(msgspec.Struct, frozen=True, kw_only=True):
    """What happened to one issue, shown by one of its reports: nothing in it is escaped or cut for a sink.

    `position` is that of the report or the fact which is told of; `reason` says in words why it is told.
    Without a report none is kept: the words are the issue's then, the time is when the fact was recorded.
    """

    what: What = "error.reported"
    position: int
    reason: str = ""
    issue: UUID
    title: str
    culprit: str = ""
    counts: Counts | None = None
    service: str
    level: str
    environment: str = ""
    release: str = ""
    report: UUID | None = None
    message: str = ""
    type: str = ""
    path: str = ""
    method: str = ""
    stack: str = ""
    occurred_at: datetime
    url: str | None = None

    @property
    def key(self) -> str:
        """The message's name: the same however often it is sent, and of no other message of this sink."""
        return f"{self.what}-{self.position}"


class DigestLine(msgspec.Struct, frozen=True, kw_only=True):
    """How many reports of one issue were held back, with the latest of them as the example."""

    issue: UUID
    service: str
    level: str
    title: str
    count: int
    report: UUID | None = None
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
    def key(self) -> str:
        return f"digest-{self.first_position}-{self.last_position}"

    @property
    def reports(self) -> int:
        return sum(line.count for line in self.lines)


class Note(msgspec.Struct, frozen=True, kw_only=True):
    """A few words of our own: somebody tries a sink out."""

    key: str
    title: str
    text: str
    url: str | None = None


Message = Alert | Digest | Note


class Receipt(msgspec.Struct, frozen=True, kw_only=True):
    """The other side's yes: its status, and what it named the message.

    `pause_s`: it takes no further message for so long; `note`: what it did not do of what was asked.
    """

    answer: int = 200
    message_id: str | None = None
    pause_s: float = 0.0
    note: str | None = None


class Address(msgspec.Struct, frozen=True, kw_only=True):
    """How the other side is reached and the secret that it shares, as account.sink_secret holds them."""

    url: str | None = None
    secret: str | None = None
    recipients: list[str] | None = None


class Target(Address, frozen=True, kw_only=True):
    """One sink with its address: what its kind makes a `Sink` of."""

    sink: UUID
    kind: str
    name: str


class Sink(Protocol):
    """The border to one kind of other side."""

    async def send(self, message: Message) -> Receipt:
        """Delivers one message within a few seconds; raises TransportError."""
        ...
