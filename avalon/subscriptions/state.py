"""What one sink's follower remembers: saved with its checkpoint, so that counts and pace survive a crash and
a move to another replica. Times are seconds of Postgres's clock. Everything is bounded by `Limits`.
"""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

import msgspec

from avalon.rules import Rule
from avalon.sinks import What


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """How much one sink may be told; tests make it smaller."""

    window_s: float = 60.0
    per_minute: int = 25  # Discord takes 30 in a minute and channel (discord-api-docs #367)
    issues_at_once: int = 10
    issues_tracked: int = 1000  # then a digest is due at once, and until it is out nothing more is read
    silent_s: float = 600.0  # for how long reports of an issue that is muted are counted into one fact
    give_up_s: float = 86_400.0


class Passed(msgspec.Struct, frozen=True, kw_only=True):
    """That an issue's window which ends with this minute (since the epoch) is at or above a rule's threshold.

    `stood_before`: the window that ended a minute earlier was, too.
    """

    minute: int
    stood_before: bool
    words: str


class Match(msgspec.Struct, frozen=True, kw_only=True):
    """A report, or what happened to its issue, with the rules that want to tell of it.

    `silent`: why nobody is told all the same. `passed`: by the keys of those rules that have a threshold.
    """

    what: What = "error.reported"
    position: int
    recorded_at: datetime
    report: UUID | None
    issue: UUID
    service: str
    level: str
    rules: tuple[Rule, ...]
    words: str = ""
    passed: dict[str, Passed] = {}
    silent: str = ""
    count: int = 1


class Pace(msgspec.Struct, kw_only=True, omit_defaults=True):
    """When a rule may tell of an issue again. `minute`: the last in which its threshold was passed."""

    ends: float
    length: float
    minute: int = 0


class Window(msgspec.Struct, kw_only=True, omit_defaults=True):
    """One issue that was told of lately, and what of it is held back since, for which rules, how long."""

    since: float
    service: str
    level: str
    paces: dict[str, Pace] = {}
    reason: str = ""
    due: float = 0.0
    count: int = 0
    first: int = 0
    last: int = 0
    latest: UUID | None = None
    held: list[str] = []

    @property
    def rules(self) -> list[UUID]:
        """The rules for which something is held back, but for the sink's own levels."""
        return [UUID(key) for key in self.held if key]


class Single(msgspec.Struct, kw_only=True, omit_defaults=True, tag="report"):
    """A report that is told by itself. Its words stay in the log, where they can be deleted.

    `position` and `recorded_at` are those of the fact where one is told of; `words` say what it is about it.
    """

    position: int
    recorded_at: datetime
    issue: UUID
    queued: float
    what: What = "error.reported"
    report: UUID | None = None
    rules: list[UUID] = []
    words: str = ""

    @property
    def counts(self) -> dict[UUID, int]:
        return {self.issue: 1}

    @property
    def span(self) -> tuple[int, int]:
        return self.position, self.position


class Bundle(msgspec.Struct, kw_only=True, tag="digest"):
    """The windows that a digest tells of, as they were when it was made."""

    windows: dict[UUID, Window]
    queued: float

    @property
    def counts(self) -> dict[UUID, int]:
        return {issue: window.count for issue, window in self.windows.items()}

    @property
    def span(self) -> tuple[int, int]:
        return min(w.first for w in self.windows.values()), max(w.last for w in self.windows.values())

    @property
    def rules(self) -> list[UUID]:
        return sorted({rule for window in self.windows.values() for rule in window.rules})


Item = Single | Bundle


class State(msgspec.Struct, kw_only=True, omit_defaults=True):
    """All that a sink's follower remembers. `outbox` is bounded: ten reports and one digest.

    `silent`: what matched of issues of which nobody is told.
    """

    issues: dict[UUID, Window] = {}
    silent: dict[UUID, Window] = {}
    outbox: list[Item] = []
    told: list[float] = []  # when reports were put into the outbox, in the last window
    sent: list[float] = []  # when messages went out, or may have, in the last minute
    quiet_until: float = 0.0
    failures: int = 0
    error: str = ""
