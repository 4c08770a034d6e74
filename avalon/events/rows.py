"""The rows of the log, as they are appended and as they are read.

A fact is a struct that knows its event type; `fact.new(…)` makes the row to append. The data of
`error.reported` is the canonical report (`avalon.reports`), encoded before it comes here.
"""

from __future__ import annotations

import os
import time
from datetime import datetime
from random import Random
from typing import Any, ClassVar, Final
from uuid import UUID

import msgspec

REPORTED: Final = "error.reported"
LEVELS: Final = ("debug", "info", "warning", "error", "fatal", "critical")
SYSTEM: Final = "system"
# Of reports that another tracker had: history, of which nobody is told.
IMPORT: Final = "import"
ZERO: Final = UUID(int=0)

_encode = msgspec.json.Encoder().encode
# Ids need to differ, not to be secret: a generator seeded by the system once, and again in a forked child.
_random = Random(os.urandom(32))  # noqa: S311
os.register_at_fork(after_in_child=lambda: _random.seed(os.urandom(32)))


def uuid7() -> UUID:
    """A UUIDv7 (RFC 9562 §5.7): 48 bits of milliseconds, then random bits."""
    value = time.time_ns() // 1_000_000 << 80 | _random.getrandbits(80)
    return UUID(int=value & ~(0xF000 << 64 | 0xC000 << 48) | 0x7000 << 64 | 0x8000 << 48)


class Event(msgspec.Struct, frozen=True, kw_only=True):
    """One row of log.event, as readers get it; `issue` and `title` are the group's, as they are now."""

    position: int
    id: UUID
    type: str
    stream: UUID
    service: str | None
    level: str | None
    environment: str | None
    release: str | None
    occurred_at: datetime
    recorded_at: datetime
    actor: str
    data: dict[str, Any]
    issue: UUID | None = None
    title: str | None = None


class NewEvent(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One row to append. `occurred_at` None means the log's own clock; `data` is encoded already."""

    id: UUID
    type: str
    stream: UUID
    actor: str
    data: msgspec.Raw
    service: str | None = None
    level: str | None = None
    environment: str | None = None
    release: str | None = None
    occurred_at: datetime | None = None

    def encode(self) -> bytes:
        """The row as one JSON object, as the append statement reads it."""
        return _encode(self)


class Fact(msgspec.Struct, kw_only=True):
    """The data of a fact. Fields left UNSET are not part of it."""

    TYPE: ClassVar[str]

    def new(self, stream: UUID, actor: str, **columns: Any) -> NewEvent:
        """The row to append; `columns` are service, level, environment, release."""
        data = msgspec.Raw(_encode(self))
        return NewEvent(id=uuid7(), type=self.TYPE, stream=stream, actor=actor, data=data, **columns)
