"""The events of the log: the row itself, and the `data` of every type of fact.

A fact is a struct whose tag is its event type; `fact.new(…)` makes the row to append. The data of
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


class ErrorDeleted(Fact):
    """A report is hidden. Stream: its issue; the columns repeat the report's, so that counts follow."""

    TYPE = "error.deleted"
    report: UUID
    group: UUID
    position: int
    occurred_at: datetime
    recorded_at: datetime


class ServiceErased(Fact):
    """All reports of a service that occurred before a full hour and stand before this fact are hidden."""

    TYPE = "service.erased"
    before: datetime


class ReportsExpired(Fact):
    """A day of reports was dropped. Stream: the zero UUID."""

    TYPE = "reports.expired"
    day: str
    last_position: int
    reports: int


class ReportsPurged(Fact):
    """The payload of deleted reports up to a position was blanked. Stream: the zero UUID."""

    TYPE = "reports.purged"
    sealed: int
    reports: int


class ApiKeyCreated(Fact):
    """Stream: the key. The log holds only the SHA-256 of the secret."""

    TYPE = "api_key.created"
    name: str
    sha256: str
    prefix: str
    expires_at: datetime | None = None
    rate_per_minute: int | None = None
    allowed_origins: list[str] = []


class ApiKeyChanged(Fact):
    """Stream: the key. Only what changed is there."""

    TYPE = "api_key.changed"
    name: str | msgspec.UnsetType = msgspec.UNSET
    is_active: bool | msgspec.UnsetType = msgspec.UNSET
    expires_at: datetime | msgspec.UnsetType | None = msgspec.UNSET
    rate_per_minute: int | msgspec.UnsetType | None = msgspec.UNSET
    allowed_origins: list[str] | msgspec.UnsetType = msgspec.UNSET


class ApiKeyRotated(Fact):
    """Stream: the key. The secrets before this one end at `previous_expires_at`."""

    TYPE = "api_key.rotated"
    sha256: str
    prefix: str
    previous_expires_at: datetime


class ApiKeyDeleted(Fact):
    """Stream: the key."""

    TYPE = "api_key.deleted"


class UserCreated(Fact):
    """Stream: the user, as of all user facts. Names stand in schema account."""

    TYPE = "user.created"
    role: str
    must_change_password: bool


class UserChanged(Fact):
    TYPE = "user.changed"
    role: str | msgspec.UnsetType = msgspec.UNSET


class UserRenamed(Fact):
    TYPE = "user.renamed"


class UserPasswordChanged(Fact):
    """All sessions of the user end but the one named here, which goes on with a new token."""

    TYPE = "user.password_changed"
    must_change_password: bool = False
    kept_session: UUID | None = None


class UserDeleted(Fact):
    TYPE = "user.deleted"


class SessionStarted(Fact):
    """Stream: the user."""

    TYPE = "session.started"
    session: UUID


class SessionEnded(Fact):
    """Stream: the user."""

    TYPE = "session.ended"
    session: UUID


class SinkCreated(Fact):
    """Stream: the sink, as of all sink and alert facts. The URL stands in schema account."""

    TYPE = "sink.created"
    kind: str
    name: str
    levels: list[str]


class SinkChanged(Fact):
    """`url` says that the address changed, not what it is."""

    TYPE = "sink.changed"
    name: str | msgspec.UnsetType = msgspec.UNSET
    levels: list[str] | msgspec.UnsetType = msgspec.UNSET
    is_active: bool | msgspec.UnsetType = msgspec.UNSET
    url: bool | msgspec.UnsetType = msgspec.UNSET


class SinkSwitchedOff(Fact):
    TYPE = "sink.switched_off"
    reason: str


class SinkDeleted(Fact):
    TYPE = "sink.deleted"


class AlertDelivered(Fact):
    """One message went out: for one report, or a digest of several issues with exact counts."""

    TYPE = "alert.delivered"
    kind: str
    reports: int
    first_position: int
    last_position: int
    issues: dict[str, int]
    message_id: str | None = None


class AlertSuppressed(Fact):
    """Reports that got no message of their own, counted per sink, issue and window."""

    TYPE = "alert.suppressed"
    reason: str
    issue: UUID
    count: int
    first_position: int
    last_position: int


class AlertFailed(Fact):
    """A message that was given up, and why."""

    TYPE = "alert.failed"
    reason: str
    permanent: bool
    reports: int
    first_position: int
    last_position: int


class EpochStarted(Fact):
    """Appended by log.start_epoch() after a failover or a restore. Stream: the zero UUID."""

    TYPE = "epoch.started"
    system_identifier: str
    timeline: int
    previous_head: int


class IssueOpened(Fact):
    """Appended by log.open_issue(). Stream: the issue."""

    TYPE = "issue.opened"
    group: UUID
    report: UUID


ZERO: Final = UUID(int=0)
