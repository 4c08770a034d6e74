"""The `data` of the facts about alerts: the rules that ask for them, and what became of each message."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import msgspec

from avalon.events.rows import Fact


class RuleCreated(Fact):
    """Stream: the rule, as of all rule facts. `definition` as avalon.rules encodes it."""

    TYPE = "rule.created"
    sink: UUID
    name: str
    definition: dict[str, Any]


class RuleChanged(Fact):
    """Only what changed is there, of the definition too."""

    TYPE = "rule.changed"
    sink: UUID
    name: str | msgspec.UnsetType = msgspec.UNSET
    is_active: bool | msgspec.UnsetType = msgspec.UNSET
    definition: dict[str, Any] | msgspec.UnsetType = msgspec.UNSET


class RuleDeleted(Fact):
    TYPE = "rule.deleted"
    sink: UUID


class AlertDelivered(Fact):
    """One message went out: for one report, or a digest of several issues with exact counts.

    Stream: the sink. `kind`: report or digest; `what` happened to the one issue, `words` say why it was told.
    `reason`: why not everybody got it, where the other side took it for some.
    """

    TYPE = "alert.delivered"
    kind: str
    reports: int
    first_position: int
    last_position: int
    issues: dict[str, int]
    rules: list[UUID] = msgspec.field(default_factory=list)
    what: str | None = None
    words: str | None = None
    message_id: str | None = None
    reason: str | None = None


class AlertSuppressed(Fact):
    """Reports that got no message of their own, counted per sink, issue and window. Stream: the sink."""

    TYPE = "alert.suppressed"
    reason: str
    issue: UUID
    count: int
    first_position: int
    last_position: int
    rules: list[UUID] = msgspec.field(default_factory=list)


class AlertFailed(Fact):
    """A message that was given up, and why. Stream: the sink."""

    TYPE = "alert.failed"
    reason: str
    permanent: bool
    reports: int
    first_position: int
    last_position: int
    issues: dict[str, int] = msgspec.field(default_factory=dict)
    rules: list[UUID] = msgspec.field(default_factory=list)
