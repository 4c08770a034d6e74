"""The `data` of every type of fact."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec

from avalon.events.rows import Fact


class ErrorDeleted(Fact):
    """A report is hidden. Stream: its issue; the columns repeat the report's, so that counts follow.

    So do its tags, as hashes (log.tag_hash): of each key, that of the key and the value.
    """

    TYPE = "error.deleted"
    report: UUID
    group: UUID
    position: int
    occurred_at: datetime
    recorded_at: datetime
    tags: dict[str, str] = msgspec.field(default_factory=dict)


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


class MinutesExpired(Fact):
    """The counts by minute, and of what was not taken, are over before an instant. Stream: the zero UUID.

    Those of reports by hour stay.
    """

    TYPE = "minutes.expired"
    before: datetime


class ReportsPurged(Fact):
    """What was deleted before this fact is blanked, and never comes back. Stream: the zero UUID."""

    TYPE = "reports.purged"


class Dropped(msgspec.Struct):
    """So much of a category that was not taken, by whom (sdk, avalon) and why."""

    dropped_by: str
    reason: str
    category: str
    quantity: int


class ReportsDropped(Fact):
    """What a key's SDKs said that they dropped, and what was dropped of what they sent. Stream: the key."""

    TYPE = "reports.dropped"
    rows: list[Dropped]


class ApiKeyCreated(Fact):
    """Stream: the key. The log holds only the SHA-256 of the secret."""

    TYPE = "api_key.created"
    name: str
    sha256: str
    prefix: str
    expires_at: datetime | None = None
    rate_per_minute: int | None = None
    allowed_origins: list[str] = msgspec.field(default_factory=list)
    scope: str = "report"
    scrub_fields: list[str] = msgspec.field(default_factory=list)
    drop_ip_addresses: bool = False


class ApiKeyChanged(Fact):
    """Stream: the key. Only what changed is there."""

    TYPE = "api_key.changed"
    name: str | msgspec.UnsetType = msgspec.UNSET
    is_active: bool | msgspec.UnsetType = msgspec.UNSET
    expires_at: datetime | msgspec.UnsetType | None = msgspec.UNSET
    rate_per_minute: int | msgspec.UnsetType | None = msgspec.UNSET
    allowed_origins: list[str] | msgspec.UnsetType = msgspec.UNSET
    scope: str | msgspec.UnsetType = msgspec.UNSET
    scrub_fields: list[str] | msgspec.UnsetType = msgspec.UNSET
    drop_ip_addresses: bool | msgspec.UnsetType = msgspec.UNSET


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
    """Stream: the sink, as of all sink and alert facts. Its address and secret stand in schema account."""

    TYPE = "sink.created"
    kind: str
    name: str
    levels: list[str]


class SinkChanged(Fact):
    """`url`, `secret` and `recipients` say that they changed, not what they are."""

    TYPE = "sink.changed"
    name: str | msgspec.UnsetType = msgspec.UNSET
    levels: list[str] | msgspec.UnsetType = msgspec.UNSET
    is_active: bool | msgspec.UnsetType = msgspec.UNSET
    url: bool | msgspec.UnsetType = msgspec.UNSET
    secret: bool | msgspec.UnsetType = msgspec.UNSET
    recipients: bool | msgspec.UnsetType = msgspec.UNSET


class SinkSwitchedOff(Fact):
    TYPE = "sink.switched_off"
    reason: str


class SinkDeleted(Fact):
    TYPE = "sink.deleted"


class EpochStarted(Fact):
    """Appended by log.start_epoch() after a failover or a restore. Stream: the zero UUID."""

    TYPE = "epoch.started"
    system_identifier: str
    timeline: int
    previous_head: int


class IssueOpened(Fact):
    """Appended by log.open_issue(). Stream: the issue. `key` reported it: it may open so many an hour."""

    TYPE = "issue.opened"
    group: UUID
    report: UUID
    key: UUID | msgspec.UnsetType = msgspec.UNSET


class IssueOverflowed(Fact):
    """Appended by log.open_issue(). Stream: the service's overflow, which takes groups beyond the cap."""

    TYPE = "issue.overflowed"
    groups: list[UUID]


class IssueRegressed(Fact):
    """Appended by log.regress_issue(). Stream: the issue; `was` is what was decided before."""

    TYPE = "issue.regressed"
    group: UUID
    report: UUID
    was: dict[str, Any]


class IssueUnmuted(Fact):
    """Appended by log.unmute_issue(), or by the clock. `reason`: until, events or users."""

    TYPE = "issue.unmuted"
    reason: str
    was: dict[str, Any]
    group: UUID | msgspec.UnsetType = msgspec.UNSET
    report: UUID | msgspec.UnsetType = msgspec.UNSET
